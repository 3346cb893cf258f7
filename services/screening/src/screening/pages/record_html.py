"""A synthetic record as tables: problems, medicines, procedures, family, results newest first, orders. All escaped."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from screening.pages.look import LINES, table

Resource = Mapping[str, Any]
_Row = Sequence[str | Markup]

_HEADING: Final = Markup("<h4>{}</h4>")
_DRAFTS: Final = Markup("<h3>Draft orders</h3>")
_PERSON: Final = Markup('<p class="person">{}</p>')
_CODED: Final = Markup('{} <span class="meta"><code>{}</code></span>')
_FLAGGED: Final = Markup("{} <strong>{}</strong>")
_SYSTEMS: Final[Mapping[str, str]] = {
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://snomed.info/sct": "SNOMED CT",
    "http://loinc.org": "LOINC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://www.whocc.no/atc": "ATC",
}
_RELATIVES: Final[Mapping[str, str]] = {
    "MTH": "mother", "FTH": "father", "PRN": "parent", "BRO": "brother", "SIS": "sister", "SIB": "sibling",
    "SON": "son", "DAU": "daughter", "CHILD": "child",
}  # fmt: skip


def record(resources: Sequence[Resource]) -> Markup:
    """The whole record of one patient; what it has nothing of is left out.

    Args:
        resources: FHIR R4 resources.
    """
    kinds: tuple[tuple[str, str, tuple[str, ...], Callable[[Resource], _Row]], ...] = (
        ("Problems", "Condition", ("Problem", "Since", "Recorded", "Status"), _problem),
        ("Medicines", "MedicationRequest", ("Medicine", "Since", "Status"), _medicine),
        ("Procedures", "Procedure", ("Procedure", "Day", "Status"), _procedure),
        ("Family", "FamilyMemberHistory", ("Relative", "Disorder"), _relative),
        ("Results, newest first", "Observation", ("Test", "Day", "Result", "Reference range", "Status"), _result),
        ("Orders", "ServiceRequest", ("Order", "Day", "Status"), _order),
    )
    parts = [_PERSON.format(_person(r)) for r in resources if r.get("resourceType") == "Patient"]
    for heading, kind, heads, row in kinds:
        found = [r for r in resources if r.get("resourceType") == kind]
        if kind == "Observation":
            found.sort(key=lambda r: str(r.get("effectiveDateTime", "")), reverse=True)
        if found:
            parts += [_HEADING.format(heading), table(heads, map(row, found), stacks=True)]
    return LINES.join(parts)


def drafts(resources: Sequence[Resource], selections: Sequence[str]) -> Markup:
    """The draft orders as a table; nothing without one.

    Args:
        resources: the orders.
        selections: which are selected, as `Type/id`; empty: the hook knows no selection.
    """
    if not resources:
        return Markup("")
    rows = (
        (
            _concept(r, "medicationCodeableConcept", "code"),
            str(r.get("resourceType", "")),
            ("yes" if f"{r.get('resourceType')}/{r.get('id')}" in selections else "no") if selections else "all count",
        )
        for r in resources
    )
    return LINES.join([_DRAFTS, table(("Order", "As", "Selected"), rows, stacks=True)])


def _person(patient: Resource) -> str:
    born = str(patient.get("birthDate", "unknown"))
    return f"Synthetic patient, no real person: {patient.get('gender', 'sex unknown')}, born {born}."


def _problem(r: Resource) -> _Row:
    age = r.get("onsetAge", {}).get("value")
    since = f"age {age}" if age is not None else _day(r, "onsetDateTime")
    return _concept(r, "code"), since, _day(r, "recordedDate"), _statuses(r, "clinicalStatus", "verificationStatus")


def _medicine(r: Resource) -> _Row:
    return _concept(r, "medicationCodeableConcept"), _day(r, "authoredOn"), str(r.get("status", ""))


def _procedure(r: Resource) -> _Row:
    start = r.get("performedPeriod", {}).get("start", "")
    return _concept(r, "code"), f"since {start}" if start else _day(r, "performedDateTime"), str(r.get("status", ""))


def _relative(r: Resource) -> _Row:
    code = next(iter(_codings(r.get("relationship", {}))), {}).get("code", "")
    disorders = Markup(", ").join(_concept(one, "code") for one in r.get("condition", ()))
    return _RELATIVES.get(code, str(code)), disorders


def _result(r: Resource) -> _Row:
    value = r.get("valueQuantity", {})
    flag = _flag(value, r)
    shown = _printed(r)
    return (
        _concept(r, "code"),
        _day(r, "effectiveDateTime"),
        _FLAGGED.format(shown, flag) if flag else shown,
        _range(r),
        str(r.get("status", "")),
    )


def _order(r: Resource) -> _Row:
    return _concept(r, "code"), _day(r, "authoredOn"), str(r.get("status", ""))


def _printed(r: Resource) -> str:
    if "valueQuantity" in r:
        quantity = r["valueQuantity"]
        number = f"{quantity.get('comparator', '')}{quantity.get('value', '')}"
        return f"{number} {_unit(quantity)}".strip()
    if "valueBoolean" in r:
        return "present" if r["valueBoolean"] else "not present"
    return str(r.get("valueString") or "no value")


def _unit(quantity: Resource) -> str:
    unit = str(quantity.get("unit", "(no unit)"))
    return "" if unit == "1" else unit


def _range(r: Resource) -> str:
    ranges = [f"{one['low'].get('value')} to {one['high'].get('value')}" for one in r.get("referenceRange", ())]
    return "; ".join(ranges) or "-"


def _flag(value: Resource, r: Resource) -> str:
    """What a laboratory prints beside a number outside its range."""
    number = value.get("value")
    if number is None or value.get("comparator"):
        return ""
    for one in r.get("referenceRange", ()):
        if number < one["low"]["value"]:
            return "low"
        if number > one["high"]["value"]:
            return "high"
    return ""


def _day(r: Resource, name: str) -> str:
    return str(r.get(name, ""))[:10] or "-"


def _statuses(r: Resource, *names: str) -> str:
    codes: Iterable[str] = (str(one.get("code", "")) for name in names for one in _codings(r.get(name, {})))
    return ", ".join(code for code in codes if code)


def _codings(concept: Resource) -> Sequence[Resource]:
    found: Sequence[Resource] = concept.get("coding", ())
    return found


def _concept(r: Resource, *names: str) -> Markup:
    """What something is called, with its code."""
    concept: Resource = next((r[name] for name in names if name in r), {})
    codings = _codings(concept)
    words = str(concept.get("text") or next((one["display"] for one in codings if "display" in one), "") or "unnamed")
    code = ", ".join(f"{_SYSTEMS.get(str(one.get('system')), 'other')} {one.get('code', '')}" for one in codings)
    return _CODED.format(words, code) if code else Markup("{}").format(words)
