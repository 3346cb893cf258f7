"""The clinical rules. Pure: standard library only; no clock, no environment, no network, no FHIR, no log."""

RULES_VERSION = "1.1.0"
"""Version of the clinical rules that this package implements (clinical rules 1.1 with section 6)."""

RULES_DATE = "2026-11-22"
"""The day of that version."""
