// The workbench: plays the EHR in the browser.
