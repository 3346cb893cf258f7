"""Problems, medicines, procedures, relatives, orders and drafts: FHIR resources as facts of the chart."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Raw

from screening.domain import chart
from screening.domain.catalog import GENE_ID_SYSTEM
from screening.domain.codes import RXNORM, SINGLE_INGREDIENT_SETS, CodeBook, without_exempt
from screening.domain.codes import Coding as DomainCoding
from screening.fhir.observations import status_code
from screening.fhir.shapes import (
    Concept,
    Condition,
    FamilyMemberHistory,
    Ingredient,
    Medication,
    MedicationAdministration,
    MedicationStatement,
    Medicine,
    Period,
    Procedure,
    Quantity,
    Reference,
    RelativeCondition,
    Request,
)
from screening.fhir.shapes import concept as read_concept
from screening.fhir.times import day
from screening.slices import NOTHING, field, listed, members, present

_PATIENT: Final = re.compile(r"(?:^|/)Patient/([^/?#]+)(?:/_history/[^/]*)?$")
_YEARS_PER_UNIT: Final[Mapping[str, Decimal]] = {
    **dict.fromkeys(("a", "y", "yr", "yrs", "year", "years"), Decimal(1)),
    **dict.fromkeys(("mo", "month", "months"), Decimal(1) / 12),
    **dict.fromkeys(("wk", "week", "weeks"), Decimal(1) / Decimal("52.1775")),
    **dict.fromkeys(("d", "day", "days"), Decimal(1) / Decimal("365.2425")),
}
_WITHDRAWN: Final = frozenset({"cancelled", "revoked", "entered-in-error", "stopped", "completed"})
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")
_ROLE_CODES: Final = frozenset({"http://terminology.hl7.org/CodeSystem/v3-RoleCode", "http://hl7.org/fhir/v3/RoleCode"})
Products = Mapping[str, Medication]
"""Medication resources of the call by every reference under which they may be named."""


def belongs_to(subject: Raw, patient_id: str) -> bool:
    """Whether a subject is the patient of the call.

    One that is not named belongs to the patient it was sent for; one that cannot be read belongs to nobody we know.
    """
    if not present(subject):
        return True
    reference = field(subject, Reference)
    if reference is None:
        return False
    if not reference.reference:
        return True
    text = reference.reference
    if text.startswith("urn:uuid:"):
        return text.removeprefix("urn:uuid:") == patient_id
    match = _PATIENT.search(text)
    return match is not None and match[1] == patient_id


def matched(concept: Concept | None, book: CodeBook) -> tuple[DomainCoding, frozenset[str]] | None:
    """The first coding that is in a value set, and the sets of all codings; None when none is."""
    if concept is None:
        return None
    first: DomainCoding | None = None
    sets: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    for coding in concept.codings:
        for name in book.meanings(coding.system, coding.code):
            if name[0] == RXNORM:
                excluded |= book.combination_sets(*name)
        found = book.find(coding.system, coding.code)
        if found is None:
            continue
        if first is None:
            first = book.coding(found[0], coding.display or "")
        sets |= found[1]
    sets = without_exempt(sets - excluded)
    return (first, sets) if first is not None and sets else None


def condition(resource: Condition, book: CodeBook) -> chart.Condition | None:
    """A problem-list entry that is in a value set."""
    found = matched(resource.code, book)
    if found is None:
        return None
    recorded = next(
        (raw for raw in (resource.recordedDate, resource.assertedDate, resource.dateRecorded) if present(raw)), NOTHING
    )
    onset = day(field(resource.onsetDateTime, str))
    period = field(resource.onsetPeriod, Period)
    if onset is None and period is not None:
        onset = day(period.start)
    return chart.Condition(
        coding=found[0],
        sets=found[1],
        clinical=status_code(resource.clinicalStatus),
        verification=status_code(resource.verificationStatus),
        onset_age=_age(field(resource.onsetAge, Quantity) or field(resource.onsetQuantity, Quantity)),
        onset=onset,
        recorded=day(field(recorded, str)),
        text=(resource.code.text or "") if resource.code is not None else "",
        reference=_reference("Condition", resource.id),
        codes=_codes(resource.code, book),
    )


def _codes(concept: Concept | None, book: CodeBook) -> frozenset[str]:
    """Every code of a concept as our sets spell it."""
    if concept is None:
        return frozenset()
    return frozenset(code for coding in concept.codings for _, code in book.meanings(coding.system, coding.code))


def _age(quantity: Quantity | None) -> int | None:
    """Completed years; None without a unit of time. A comparator other than an upper bound is not used."""
    if quantity is None or quantity.value is None or not quantity.value.is_finite() or quantity.value < 0:
        return None
    if quantity.comparator not in (None, "", "<", "<="):
        return None
    units = ((text or "").lower().strip() for text in (quantity.code, quantity.unit))
    per = next((_YEARS_PER_UNIT[unit] for unit in units if unit in _YEARS_PER_UNIT), None)
    return int(quantity.value * per) if per is not None and quantity.value < 100_000 else None


def medicine(resource: Medicine, book: CodeBook, products: Products) -> chart.Medication | None:
    """An order, statement or administration of a medicine that is in a value set; never one that is not taken."""
    if resource.doNotPerform or _not_taken(resource):
        return None
    found = _medicine_sets(resource, book, products)
    if found is None:
        return None
    coding, sets, name = found
    period = field(resource.effectivePeriod, Period)
    if isinstance(resource, MedicationStatement | MedicationAdministration):
        starts = [period.start if period is not None else None, field(resource.effectiveDateTime, str)]
        if isinstance(resource, MedicationAdministration):
            given = field(resource.effectiveTimePeriod, Period)
            starts += [given.start if given is not None else None, field(resource.effectiveTimeDateTime, str)]
    else:
        starts = [field(resource.authoredOn, str), field(resource.dateWritten, str)]
    return chart.Medication(
        coding=coding,
        sets=sets,
        status=resource.status or "",
        start=next((read for text in starts if (read := day(text)) is not None), None),
        given=isinstance(resource, MedicationAdministration),
        name=name,
        reference=_reference(type(resource).__name__, resource.id),
    )


def _not_taken(resource: Medicine) -> bool:
    """Whether a statement or administration says, as editions before R4 do, that the medicine was not taken."""
    if isinstance(resource, MedicationStatement):
        return field(resource.taken, str) == "n" or _true(resource.wasNotTaken)
    if isinstance(resource, MedicationAdministration):
        return _true(resource.notGiven) or _true(resource.wasNotGiven)
    return False


def _true(raw: Raw) -> bool:
    """A flag that is set; some write it as text."""
    return field(raw, bool) is True or (field(raw, str) or "").strip().lower() == "true"


def _medicine_sets(
    resource: Medicine, book: CodeBook, products: Products
) -> tuple[DomainCoding, frozenset[str], str] | None:
    """Coding, sets and name of a medicine, by its own code or by the Medication that it refers to."""
    own = resource.medicationCodeableConcept
    found = matched(own, book)
    name = _name(own)
    product = _product(resource, products)
    if product is not None:
        referred = product_sets(product, book)
        name = name or _name(product.code)
        if referred is not None:
            found = (found[0] if found else referred[0], (found[1] if found else frozenset()) | referred[1])
    if found is None:
        return None
    return found[0], found[1], name or found[0].display


def product_sets(product: Medication, book: CodeBook) -> tuple[DomainCoding, frozenset[str]] | None:
    """The sets of a Medication by its code and its ingredients; several ingredients never make a single one."""
    found = matched(product.code, book)
    ingredients = [one for one in _ingredients(product) if one.isActive is not False]
    parts = [part for i in ingredients if (part := matched(i.itemCodeableConcept, book)) is not None]
    first = found[0] if found else (parts[0][0] if parts else None)
    if first is None:
        return None
    sets = frozenset().union(found[1] if found else (), *(part[1] for part in parts))
    if len(ingredients) > 1:
        sets -= SINGLE_INGREDIENT_SETS
    return (first, sets) if sets else None


def _ingredients(product: Medication) -> list[Ingredient]:
    """The ingredients of a product; a single one may stand without a list around it."""
    told = _part(product, "ingredient", product.ingredient)
    slices = field(told, list[Raw]) or ([told] if present(told) else [])
    return [_ingredient(one) for one in slices]


def _part(product: Medication, name: str, told: Raw) -> Raw:
    """A part of a product, which DSTU2 has one level further down."""
    return told if present(told) else (members(product.product) or {}).get(name, NOTHING)


def _ingredient(raw: Raw) -> Ingredient:
    """An ingredient; one that cannot be read counts as an unknown active one."""
    parts = members(raw) or {}
    active = field(parts.get("isActive", NOTHING), bool)
    return Ingredient(read_concept(parts.get("itemCodeableConcept", NOTHING)), active)


def _product(resource: Medicine, products: Products) -> Medication | None:
    reference = field(resource.medicationReference, Reference)
    if reference is None or not reference.reference:
        return None
    text = reference.reference
    if text.startswith("#"):
        return next((m for m in listed(resource.contained, Medication) if m.id == text[1:]), None)
    return products.get(text) or products.get("/".join(text.split("/_history/")[0].split("/")[-2:]))


def unresolved(resource: Medicine, products: Products) -> str:
    """The reference to the product that alone would say which medicine this is, and that was not sent; else empty."""
    coded = resource.medicationCodeableConcept is not None and any(
        c.code for c in resource.medicationCodeableConcept.codings
    )
    reference = field(resource.medicationReference, Reference)
    if coded or reference is None or not reference.reference or _product(resource, products) is not None:
        return ""
    return reference.reference


def _name(concept: Concept | None) -> str:
    if concept is None:
        return ""
    return concept.text or next((coding.display for coding in concept.codings if coding.display), "") or ""


def procedure(resource: Procedure, book: CodeBook) -> chart.Procedure | None:
    """A procedure that is in a value set; never one that was not done."""
    found = matched(resource.code, book)
    if found is None or _true(resource.notDone) or _true(resource.notPerformed):
        return None
    period = field(resource.performedPeriod, Period)
    done = day(field(resource.performedDateTime, str))
    if done is None and period is not None:
        done = day(period.end) or day(period.start)
    return chart.Procedure(found[0], found[1], resource.status or "", done, _reference("Procedure", resource.id))


def relatives(resource: FamilyMemberHistory, book: CodeBook) -> list[chart.Relative]:
    """The conditions of a family member that are in a value set."""
    if resource.status == "entered-in-error":
        return []
    said = [c for c in resource.relationship.codings if c.code] if resource.relationship is not None else []
    codes = [c.code for c in sorted(said, key=lambda c: c.system not in _ROLE_CODES) if c.code]
    reference = _reference("FamilyMemberHistory", resource.id)
    found = (matched(one.code, book) for one in listed(resource.condition, RelativeCondition))
    return [chart.Relative(hit[0], hit[1], codes[0] if codes else "", reference) for hit in found if hit is not None]


def order(resource: Request, book: CodeBook) -> chart.Order | None:
    """An existing request for a test or referral that is in a value set."""
    if resource.doNotPerform or resource.code is None:
        return None
    codings, sets = _all_codings(resource.code, book)
    if not sets:
        return None
    authored = day(field(resource.authoredOn, str)) or day(field(resource.orderedOn, str))
    details = (coding for detail in listed(resource.orderDetail, Concept) for coding in detail.codings)
    genes = frozenset(coding.code for coding in details if coding.system == GENE_ID_SYSTEM and coding.code)
    reference = _reference("ServiceRequest", resource.id)
    return chart.Order(codings, sets, resource.status or "", authored, reference, genes)


def draft(resource: Medicine | Request, book: CodeBook, products: Products, *, selected: bool) -> chart.Draft | None:
    """An entry of draftOrders, whether or not it is in a value set. None: it is not to be done."""
    if resource.doNotPerform or resource.status in _WITHDRAWN:
        return None
    usable = resource.id is not None and _ID.fullmatch(resource.id) is not None
    reference = f"{type(resource).__name__}/{resource.id if usable else ''}"
    if isinstance(resource, Request):
        code = resource.code or Concept()
        codings, sets = _all_codings(code, book)
        return chart.Draft(
            reference,
            medication=False,
            codings=codings,
            sets=sets,
            text=_spaced(_name(code)),
            selected=selected,
            words=tuple(map(_spaced, _words(code))),
        )
    own = resource.medicationCodeableConcept or Concept()
    product = _product(resource, products)
    codings = tuple(
        dict.fromkeys(one for told in (own, *_product_concepts(product)) for one in _all_codings(told, book)[0])
    )
    found = _medicine_sets(resource, book, products)
    referred = _referred_name(resource)
    name = _name(own) or (_name(product.code) if product is not None else "") or referred
    words = (*_words(own), referred, *(_product_words(product) if product is not None else ()))
    return chart.Draft(
        reference,
        medication=True,
        codings=codings,
        sets=found[1] if found is not None else frozenset(),
        text=_spaced(name),
        selected=selected,
        words=tuple(map(_spaced, words)),
    )


def _spaced(text: str) -> str:
    """With single spaces, whatever was sent: a word list would look through a long gap over and over."""
    return " ".join(text.split())


def _words(concept: Concept | None) -> tuple[str, ...]:
    """Text and displays of a concept, whatever its codings are."""
    if concept is None:
        return ()
    return tuple(filter(None, (concept.text, *(coding.display for coding in concept.codings))))


def _product_concepts(product: Medication | None) -> list[Concept]:
    """What a product and its active ingredients are called."""
    if product is None:
        return []
    parts = (i.itemCodeableConcept for i in _ingredients(product) if i.isActive is not False)
    return [told for told in (product.code, *parts) if told is not None]


def _product_words(product: Medication) -> tuple[str, ...]:
    """Names, form and active ingredients of a product, in words."""
    told = (word for one in _product_concepts(product) for word in _words(one))
    return (*told, *_words(read_concept(_part(product, "form", product.form))))


def _referred_name(resource: Medicine) -> str:
    """What the reference to a product calls it."""
    reference = field(resource.medicationReference, Reference)
    return (field(reference.display, str) or "") if reference is not None else ""


def _all_codings(concept: Concept, book: CodeBook) -> tuple[tuple[DomainCoding, ...], frozenset[str]]:
    codings: list[DomainCoding] = []
    sets: frozenset[str] = frozenset()
    for coding in concept.codings:
        meanings = book.meanings(coding.system, coding.code)
        if meanings:
            sent, *targets = meanings
            read_as = ", ".join(code for _, code in targets)
            codings.append(DomainCoding(*sent, _spaced(coding.display or ""), read_as))
            codings.extend(DomainCoding(*target) for target in targets)
            sets = sets.union(*(book.sets(*name) for name in meanings))
    return tuple(codings), without_exempt(sets)


def _reference(kind: str, identifier: str | None) -> str:
    return f"{kind}/{identifier}" if identifier else ""
