"""The clinical rules. Pure: standard library only; no clock, no environment, no network, no FHIR, no log."""
