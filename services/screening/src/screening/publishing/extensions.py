"""The FHIR R4 definitions of our own extensions, so that who meets one can look up what it means."""

from typing import Any, Final

from screening.domain import RULES_DATE, RULES_VERSION
from screening.knowledge.naming import AUTHOR, CHECKER, CODE_PREFIX, REVIEWED, VERIFICATION_LEVEL

_ARTIFACTS: Final = ("CodeSystem", "Library", "PlanDefinition", "StructureDefinition", "ValueSet")
_CONCEPT: Final = ("ValueSet.compose.include.concept",)
_TOLD: Final = (
    (AUTHOR, "Author", "string", "Who wrote the artifact.", _ARTIFACTS),
    (CHECKER, "Checker", "string", "Who checked it clinically, or that a sign-off is awaited.", _ARTIFACTS),
    (REVIEWED, "Reviewed", "date", "The day on which it was last looked through by its author.", _ARTIFACTS),
    (
        CODE_PREFIX,
        "CodePrefix",
        "boolean",
        "True: every code of the system that begins with this one belongs to the set, too. Who does not know the"
        " extension gets the narrower set. It is no"
        " filter, because a filter needs a hierarchy that not every terminology server knows of ICD-10-CM and ATC.",
        _CONCEPT,
    ),
    (
        VERIFICATION_LEVEL,
        "VerificationLevel",
        "code",
        "V2: only a cross-reference links code and concept, the display was not seen with the code. Absent: it was.",
        _CONCEPT,
    ),
)


def structure_definitions() -> list[dict[str, Any]]:
    """The StructureDefinition of every extension that our resources carry."""
    return [_definition(*told) for told in _TOLD]


def _definition(url: str, name: str, value: str, description: str, contexts: tuple[str, ...]) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition",
        "id": url.rpartition("/")[2],
        "url": url,
        "version": RULES_VERSION,
        "name": name,
        "title": name,
        "status": "draft",
        "experimental": False,
        "date": RULES_DATE,
        "publisher": "dystonia-cds project",
        "description": description,
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": context} for context in contexts],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {
            "element": [
                {"id": "Extension", "path": "Extension", "short": name, "definition": description},
                {"id": "Extension.extension", "path": "Extension.extension", "max": "0"},
                {"id": "Extension.url", "path": "Extension.url", "fixedUri": url},
                {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": value}]},
            ]
        },
    }
