"""The names under which our value sets, code systems and extensions are published."""

from typing import Final

CANONICAL_BASE: Final = "https://dystonia-cds.example/fhir"
"""The base of the committed resources. A site's own base is a setting and only changes what cards carry."""

CODE_PREFIX: Final = f"{CANONICAL_BASE}/StructureDefinition/code-prefix"
"""On a concept: every code that begins with this one belongs to the set. Who ignores it gets the narrower set."""

VERIFICATION_LEVEL: Final = f"{CANONICAL_BASE}/StructureDefinition/verification-level"
"""On a concept whose display was not seen together with its code; absent means that it was."""

AUTHOR: Final = f"{CANONICAL_BASE}/StructureDefinition/author"
CHECKER: Final = f"{CANONICAL_BASE}/StructureDefinition/checker"
REVIEWED: Final = f"{CANONICAL_BASE}/StructureDefinition/reviewed"
UNSIGNED: Final = "awaiting clinical sign-off"
"""The checker of what nobody has signed."""


def resource_id(set_name: str) -> str:
    """The id of a set's ValueSet and the stem of its file: `B12_RISK_STRONG` is `b12-risk-strong`."""
    return set_name.lower().replace("_", "-")
