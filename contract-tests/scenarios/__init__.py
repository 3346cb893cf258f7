"""Clinical scenarios on the wire: from the few lines a clinician reads to the call an EHR would send."""
