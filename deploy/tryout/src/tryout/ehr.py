"""The EHR, played from a Bundle: answers prefetch templates and builds the CDS Hooks call that an EHR would send.

Pure functions over parsed JSON: no clock, no network, no randomness.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from tryout.record import Record, Resource, read_record
from tryout.search import SearchRefused, search

DEFAULT_USER: Final = "Practitioner/example"
"""Who calls when the Bundle holds no Practitioner."""

_BRACES: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_TODAY: Final = re.compile(r"today\(\)(?:\s*(?P<sign>[+-])\s*(?P<days>\d{1,5})\s*days?)?")
_CONTEXT: Final = re.compile(r"context\.(\w+)")
_READ: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]+")
_RESOURCE_TYPE: Final = re.compile(r"[A-Z][A-Za-z]+")


class NoSinglePatient(ValueError):
    """The Bundle does not say who the patient is."""


def answer_prefetch(
    bundle: Mapping[str, Any], templates: Mapping[str, str], context: Mapping[str, Any], today: date
) -> dict[str, Any]:
    """What an EHR that holds `bundle` sends as `prefetch`.

    Args:
        bundle: FHIR R4 Bundle of type collection, searchset, transaction, batch or document.
        templates: prefetch of one service in discovery, key -> template.
        context: the hook's context; gives `{{context.patientId}}` and the like.
        today: the day of the call, for `{{today() - N days}}`.

    Returns:
        Key -> resource (a read), searchset Bundle (a search), None (the resource read is not there) or
        OperationOutcome (a search that this EHR does not do). A key whose template has a token that the
        context does not resolve is left out.

    Raises:
        NotABundle: `bundle` is no Bundle.
    """
    return _answers(read_record(bundle), templates, context, today)


def _answers(record: Record, templates: Mapping[str, str], context: Mapping[str, Any], today: date) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for key, template in templates.items():
        query = resolve(template, context, today)
        if query is not None:
            answers[key] = _answer(record, query)
    return answers


def resolve(template: str, context: Mapping[str, Any], today: date) -> str | None:
    """The template with its tokens replaced, or None when one of them cannot be."""
    values = {match[0]: _value(match[1], context, today) for match in _BRACES.finditer(template)}
    if None in values.values():
        return None
    return _BRACES.sub(lambda match: values[match[0]] or "", template)


def _value(expression: str, context: Mapping[str, Any], today: date) -> str | None:
    if match := _TODAY.fullmatch(expression):
        days = timedelta(days=int(match["days"] or 0))
        return (today - days if match["sign"] == "-" else today + days).isoformat()
    if match := _CONTEXT.fullmatch(expression):
        value = context.get(match[1])
        return value if isinstance(value, str) and value else None
    if expression == "userPractitionerId":
        user_type, _, user_id = str(context.get("userId", "")).partition("/")
        return user_id if user_type == "Practitioner" and user_id else None
    return None


def _answer(record: Record, query: str) -> Any:
    if "?" not in query and _READ.fullmatch(query):
        return record.read(query)
    try:
        return search(record, query)
    except SearchRefused as refusal:
        issue = {"severity": "error", "code": "not-supported", "details": {"text": f"Search refused: {refusal}"}}
        return {"resourceType": "OperationOutcome", "issue": [issue]}


def patient_of(bundle: Mapping[str, Any]) -> str:
    """The id of the one Patient in the Bundle.

    Raises:
        NoSinglePatient: there is none, or more than one.
        NotABundle: `bundle` is no Bundle.
    """
    ids = read_record(bundle).ids("Patient")
    if len(ids) != 1:
        raise NoSinglePatient("no Patient in the Bundle" if not ids else f"{len(ids)} Patients in the Bundle")
    return ids[0]


def build_call(
    bundle: Mapping[str, Any],
    service: Mapping[str, Any],
    *,
    patient_id: str,
    today: date,
    hook_instance: str,
    user_id: str | None = None,
    draft_orders: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of `POST /cds-services/{id}` for one service.

    Args:
        bundle: what the EHR holds.
        service: the service as discovery describes it: `hook` and, optionally, `prefetch` are read.
        patient_id: the context's patient, without `Patient/`.
        today: the day of the call.
        hook_instance: a fresh UUID.
        user_id: `Type/id` of the user; by default the first Practitioner of the Bundle.
        draft_orders: Bundle for the order hooks, see `draft_bundle`; on order-select all of it is selected.

    Raises:
        NotABundle: `bundle` is no Bundle.
    """
    record = read_record(bundle)
    practitioners = record.ids("Practitioner")
    first_user = f"Practitioner/{practitioners[0]}" if practitioners else DEFAULT_USER
    context: dict[str, Any] = {"userId": user_id or first_user, "patientId": patient_id}
    if draft_orders is not None:
        context["draftOrders"] = draft_orders
        if service["hook"] == "order-select":
            context["selections"] = [_name(entry["resource"]) for entry in draft_orders.get("entry", [])]
    return {
        "hook": service["hook"],
        "hookInstance": hook_instance,
        "context": context,
        "prefetch": _answers(record, service.get("prefetch") or {}, context, today),
    }


def draft_bundle(drafts: object, patient_id: str) -> dict[str, Any]:
    """`draftOrders` from a Bundle, a list of resources or one resource: with ids, and with our patient as subject.

    Raises:
        ValueError: it holds no resource.
    """
    found = _resources(drafts)
    if not found:
        raise ValueError("no draft order in it")
    entries = []
    for number, draft in enumerate(found, 1):
        order = {"id": f"draft-{number}", "status": "draft", "subject": {"reference": f"Patient/{patient_id}"}} | draft
        entries.append({"resource": order})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _resources(drafts: object) -> list[dict[str, Any]]:
    if isinstance(drafts, Mapping) and drafts.get("resourceType") == "Bundle":
        entries = drafts.get("entry", [])
        entries = entries if isinstance(entries, Sequence) and not isinstance(entries, str) else []
        drafts = [entry.get("resource") for entry in entries if isinstance(entry, Mapping)]
    listed = drafts if isinstance(drafts, list) else [drafts]
    return [dict(item) for item in listed if isinstance(item, Mapping) and _is_resource(item)]


def _is_resource(item: Mapping[str, Any]) -> bool:
    resource_type = item.get("resourceType")
    return isinstance(resource_type, str) and _RESOURCE_TYPE.fullmatch(resource_type) is not None


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def add_condition(
    bundle: Mapping[str, Any], *, patient_id: str, system: str, code: str, recorded: date
) -> dict[str, Any]:
    """The Bundle with one more entry: an active, confirmed Condition with this coding."""
    terminology = "http://terminology.hl7.org/CodeSystem"
    condition = {
        "resourceType": "Condition",
        "id": f"added-{len(bundle.get('entry', []))}",
        "clinicalStatus": {"coding": [{"system": f"{terminology}/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{terminology}/condition-ver-status", "code": "confirmed"}]},
        "category": [{"coding": [{"system": f"{terminology}/condition-category", "code": "problem-list-item"}]}],
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "recordedDate": recorded.isoformat(),
    }
    return {**bundle, "entry": [*bundle.get("entry", []), {"resource": condition}]}
