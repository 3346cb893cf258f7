"""Synthetic patients, from a few lines that a clinician reads: for the workbench, the card studio and the tests."""
