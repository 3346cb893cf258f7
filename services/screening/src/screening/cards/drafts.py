"""Draft orders: one FHIR R4 ServiceRequest for each orderable, checked by fhirclient's models at start.

`intent` is `order` because many EHRs accept nothing else in a suggestion; `status` is `draft`: nothing is ordered
until a clinician signs (section 6, 29).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from fhirclient.models.servicerequest import ServiceRequest

from screening.domain import catalog
from screening.domain.catalog import GENE_ID_SYSTEM, Orderable

_ANY_PATIENT: Final = {"reference": "Patient/any"}


@lru_cache(maxsize=512)
def _template(orderable: Orderable) -> Mapping[str, Any]:
    """The part of the draft that is the same for every patient.

    Raises:
        fhirclient.models.fhirabstractbase.FHIRValidationError: the draft is not a valid ServiceRequest.
    """
    draft: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": {
            "coding": [{"system": orderable.system, "code": orderable.code, "display": orderable.display}],
            "text": orderable.label,
        },
    }
    if orderable.priority:
        draft["priority"] = orderable.priority
    if orderable.gene:
        draft["orderDetail"] = [
            {"coding": [{"system": GENE_ID_SYSTEM, "code": orderable.gene}], "text": orderable.label}
        ]
    if orderable.note:
        draft["note"] = [{"text": orderable.note}]
    ServiceRequest({**draft, "subject": _ANY_PATIENT}, strict=True)
    return draft


def check_all() -> int:
    """Build and validate the draft of everything that can be suggested; how many there are."""
    orderables = [value for value in vars(catalog).values() if isinstance(value, Orderable)]
    for orderable in orderables:
        _template(orderable)
    return len(orderables)


def draft(orderable: Orderable, patient_id: str, reason: str) -> dict[str, Any]:
    """The draft ServiceRequest for a patient; `reason` is the reference of the condition that it is for, or empty."""
    made = {**_template(orderable), "subject": {"reference": f"Patient/{patient_id}"}}
    if reason:
        made["reasonReference"] = [{"reference": reason}]
    return made
