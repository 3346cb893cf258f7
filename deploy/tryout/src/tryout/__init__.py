"""The try-out: the whole stack on one machine, and an EHR that is played from a FHIR Bundle."""

__version__ = "0.1.0"
