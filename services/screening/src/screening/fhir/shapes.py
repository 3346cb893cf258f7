"""The shapes that we read of FHIR R4 resources: only the fields that decide, as msgspec structs.

Fields that few resources need (values, periods, ranges) stay raw slices until a resource turns out to matter:
most resources of a chart are dismissed after one look at their codings. A resource that does not fit its shape is
read field by field (`resource`), so that one bent field costs that field and not the bundle. What is decoded from JSON
has no cycles, so the structs are kept out of the garbage collector.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, TypeGuard, Union, cast, get_args

import msgspec
from msgspec import Meta, Raw, Struct

from screening.slices import NOTHING, UNREADABLE, field, listed, members

LONGEST_CODE: Final = 300
"""Characters of a code or of its system. What is longer is none: codes are looked up by their beginnings, too, and
those found lately are kept."""
_Code = Annotated[str, Meta(max_length=LONGEST_CODE)]


class Coding(Struct, gc=False):
    """FHIR Coding."""

    system: _Code | None = None
    code: _Code | None = None
    display: str | None = None


class Concept(Struct, gc=False):
    """FHIR CodeableConcept; `coding` may be a single object where an EHR bends the list."""

    coding: list[Coding] | Coding | None = None
    text: str | None = None

    @property
    def codings(self) -> list[Coding]:
        """The codings, always as a list."""
        if self.coding is None:
            return []
        return [self.coding] if isinstance(self.coding, Coding) else self.coding


class Reference(Struct, gc=False):
    """FHIR Reference."""

    reference: str | None = None
    display: Raw = NOTHING


class Quantity(Struct, gc=False):
    """FHIR Quantity; the number exactly as written."""

    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Period(Struct, gc=False):
    """FHIR Period."""

    start: str | None = None
    end: str | None = None


class Range(Struct, gc=False):
    """Observation.referenceRange."""

    low: Quantity | None = None
    high: Quantity | None = None
    type: Concept | None = None
    meaning: Concept | None = None  # DSTU2
    age: Raw = NOTHING
    appliesTo: Raw = NOTHING  # noqa: N815


class _Resource(Struct, tag_field="resourceType", gc=False):
    id: str | None = None


class Patient(_Resource, tag="Patient"):
    """FHIR Patient."""

    birthDate: str | None = None  # noqa: N815 - wire spelling
    gender: str | None = None
    deceasedBoolean: Raw = NOTHING  # noqa: N815
    deceasedDateTime: Raw = NOTHING  # noqa: N815


class Owned(_Resource):
    """Something that belongs to a patient, by `subject` or (DSTU2, FamilyMemberHistory) `patient`."""

    subject: Raw = NOTHING
    patient: Raw = NOTHING
    status: str | None = None
    code: Concept | None = None


class Condition(Owned, tag="Condition"):
    """FHIR Condition; the statuses may be plain codes (DSTU2, STU3)."""

    clinicalStatus: Raw = NOTHING  # noqa: N815
    verificationStatus: Raw = NOTHING  # noqa: N815
    onsetAge: Raw = NOTHING  # noqa: N815
    onsetQuantity: Raw = NOTHING  # noqa: N815 - DSTU2
    onsetDateTime: Raw = NOTHING  # noqa: N815
    onsetPeriod: Raw = NOTHING  # noqa: N815
    recordedDate: Raw = NOTHING  # noqa: N815
    assertedDate: Raw = NOTHING  # noqa: N815 - STU3
    dateRecorded: Raw = NOTHING  # noqa: N815 - DSTU2


class Observation(Owned, tag="Observation"):
    """FHIR Observation."""

    effectiveDateTime: Raw = NOTHING  # noqa: N815
    effectiveInstant: Raw = NOTHING  # noqa: N815
    effectivePeriod: Raw = NOTHING  # noqa: N815
    issued: Raw = NOTHING
    valueQuantity: Raw = NOTHING  # noqa: N815
    valueString: Raw = NOTHING  # noqa: N815
    valueBoolean: Raw = NOTHING  # noqa: N815
    dataAbsentReason: Raw = NOTHING  # noqa: N815
    interpretation: Raw = NOTHING
    referenceRange: Raw = NOTHING  # noqa: N815


class _Medicine(Owned):
    medicationCodeableConcept: Concept | None = None  # noqa: N815
    medicationReference: Raw = NOTHING  # noqa: N815
    contained: Raw = NOTHING
    doNotPerform: bool | None = None  # noqa: N815
    authoredOn: Raw = NOTHING  # noqa: N815
    dateWritten: Raw = NOTHING  # noqa: N815 - DSTU2
    effectiveDateTime: Raw = NOTHING  # noqa: N815
    effectivePeriod: Raw = NOTHING  # noqa: N815


class MedicationRequest(_Medicine, tag="MedicationRequest"):
    """FHIR MedicationRequest."""


class MedicationOrder(_Medicine, tag="MedicationOrder"):
    """DSTU2 MedicationOrder."""


class MedicationStatement(_Medicine, tag="MedicationStatement"):
    """FHIR MedicationStatement; before R4 a flag of its own says that the medicine was not taken."""

    taken: Raw = NOTHING  # STU3
    wasNotTaken: Raw = NOTHING  # noqa: N815 - DSTU2


class MedicationAdministration(_Medicine, tag="MedicationAdministration"):
    """FHIR MedicationAdministration; before R4 a flag of its own says that it was not given."""

    notGiven: Raw = NOTHING  # noqa: N815 - STU3
    wasNotGiven: Raw = NOTHING  # noqa: N815 - DSTU2
    effectiveTimeDateTime: Raw = NOTHING  # noqa: N815 - DSTU2
    effectiveTimePeriod: Raw = NOTHING  # noqa: N815 - DSTU2


class Medication(_Resource, tag="Medication"):
    """FHIR Medication: a product, with its ingredients (DSTU2: under `product`)."""

    code: Concept | None = None
    form: Raw = NOTHING
    ingredient: Raw = NOTHING
    product: Raw = NOTHING


class Ingredient(Struct, gc=False):
    """Medication.ingredient (active ones; `isActive` false marks an excipient)."""

    itemCodeableConcept: Concept | None = None  # noqa: N815
    isActive: bool | None = None  # noqa: N815


class Procedure(Owned, tag="Procedure"):
    """FHIR Procedure."""

    performedDateTime: Raw = NOTHING  # noqa: N815
    performedPeriod: Raw = NOTHING  # noqa: N815
    notDone: Raw = NOTHING  # noqa: N815 - STU3
    notPerformed: Raw = NOTHING  # noqa: N815 - DSTU2


class _Request(Owned):
    orderDetail: Raw = NOTHING  # noqa: N815
    authoredOn: Raw = NOTHING  # noqa: N815
    orderedOn: Raw = NOTHING  # noqa: N815 - DSTU2
    doNotPerform: bool | None = None  # noqa: N815


class ServiceRequest(_Request, tag="ServiceRequest"):
    """FHIR ServiceRequest."""


class ProcedureRequest(_Request, tag="ProcedureRequest"):
    """STU3 and DSTU2 ProcedureRequest."""


class FamilyMemberHistory(Owned, tag="FamilyMemberHistory"):
    """FHIR FamilyMemberHistory."""

    relationship: Concept | None = None
    condition: Raw = NOTHING


class RelativeCondition(Struct, gc=False):
    """FamilyMemberHistory.condition."""

    code: Concept | None = None


class Issue(Struct, gc=False):
    """OperationOutcome.issue."""

    severity: str | None = None


_REMARKS: Final = frozenset({"warning", "information", "success"})


class OperationOutcome(_Resource, tag="OperationOutcome"):
    """FHIR OperationOutcome."""

    issue: list[Issue] | Issue | None = None

    @property
    def failed(self) -> bool:
        """Whether it reports an error, not just a warning or a remark. An issue that does not say so may be one."""
        issues = [self.issue] if isinstance(self.issue, Issue) else self.issue or []
        return any((issue.severity or "").lower() not in _REMARKS for issue in issues)


Medicine = MedicationRequest | MedicationOrder | MedicationStatement | MedicationAdministration
Request = ServiceRequest | ProcedureRequest
Known = Union[  # noqa: UP007 - msgspec reads the union at run time
    Patient, Condition, Observation, MedicationRequest, MedicationOrder, MedicationStatement,
    MedicationAdministration, Medication, Procedure, ServiceRequest, ProcedureRequest, FamilyMemberHistory,
    OperationOutcome,
]  # fmt: skip


class EntrySearch(Struct, gc=False):
    """Bundle.entry.search."""

    mode: str | None = None

    @property
    def beside(self) -> bool:
        """Whether the entry is no match of the search but came with one, or is a remark of the server."""
        return self.mode in ("include", "outcome")


class Entry(Struct, gc=False):
    """Bundle.entry, all of its resource read."""

    resource: Known | None = None
    fullUrl: str | None = None  # noqa: N815
    search: EntrySearch | None = None


class Link(Struct, gc=False):
    """Bundle.link."""

    relation: str | None = None
    url: Raw = NOTHING

    @property
    def leads_on(self) -> bool:
        """Whether it leads to the next page, in whatever case that is written."""
        return (self.relation or "").strip().lower() == "next"


class Bundle(_Resource, tag="Bundle"):
    """FHIR Bundle whose entries all fit their shapes."""

    entry: list[Entry] | None = None
    link: list[Link] | None = None
    total: int | None = None


class RawEntry(Struct, gc=False):
    """Bundle.entry, its resource still to be read."""

    resource: Raw = NOTHING
    fullUrl: Raw = NOTHING  # noqa: N815
    search: Raw = NOTHING


class RawBundle(Struct, gc=False):
    """A Bundle whose entries are read one by one, because one of them does not fit."""

    entry: Raw = NOTHING
    link: Raw = NOTHING
    total: Raw = NOTHING


WHOLE: Final = msgspec.json.Decoder(Union[Known, Bundle])  # noqa: UP007
ONE: Final = msgspec.json.Decoder(Known)
_TYPES: Final[Mapping[str, type[_Resource]]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Known)}


_MEDICINES: Final = frozenset(get_args(Medicine))


def is_medicine(read: Known) -> TypeGuard[Medicine]:
    """Whether this is a `Medicine`. Asked of every resource: `isinstance` takes five times as long to say no."""
    return type(read) in _MEDICINES


def type_of(read: Known) -> str:
    """The FHIR resource type of what was read."""
    return str(read.__struct_config__.tag)


def concept(raw: Raw) -> Concept | None:
    """A CodeableConcept; a bare string (DSTU2, STU3 statuses) becomes its only code; bent codings are left out."""
    plain = field(raw, str)
    if plain is not None:
        return Concept(coding=[Coding(code=plain)])
    whole = field(raw, Concept)
    if whole is not None:
        return whole
    several = field(raw, list[Concept])
    if several is not None:
        text = next((one.text for one in several if one.text), None)
        return Concept([coding for one in several for coding in one.codings], text)
    parts = members(raw)
    if parts is None:
        return None
    return Concept(coding=listed(parts.get("coding", NOTHING), Coding), text=field(parts.get("text", NOTHING), str))


def resource(raw: Raw) -> Known | None:
    """A resource, read whole or, where a field is bent, field by field. None: not a resource that we read.

    A status or code that cannot be read leaves the resource without it, and such a resource does not count.
    """
    try:
        return cast(Known, ONE.decode(raw))
    except UNREADABLE:
        pass
    fields = members(raw)
    if fields is None:
        return None
    kind = _TYPES.get(field(fields.get("resourceType", NOTHING), str) or "")
    if kind is None:
        return None
    values: dict[str, Any] = {}
    for known in msgspec.structs.fields(kind):
        sent = fields.get(known.encode_name)
        if sent is None:
            continue
        if known.type == Concept | None:
            values[known.name] = concept(sent)
        elif known.type is Raw:
            values[known.name] = sent
        else:
            values[known.name] = field(sent, known.type)
    return cast(Known, kind(**values))
