"""The process shell that the gateway and the services share. No FHIR rules, no CDS Hooks, no medicine."""

__version__ = "0.1.0"
