"""The CDS services that we publish, and the prefetch that they ask for: discovery and routing from one table.

Templates keep to what every EHR can do: type searches by patient, with code (Observation only, split by workup),
status, date and authoredon as the only other parameters, each at most once, `_sort`, `_include`, and no token but
`context.patientId` and `today() - N days`. A test holds them against these limits.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from screening import scopes
from screening.domain.codes import LOINC, CodeBook
from screening.domain.thresholds import DEFAULTS, SiteValues
from screening.tokens import token

PATIENT_VIEW: Final = "patient-view"
ORDER_SELECT: Final = "order-select"
ORDER_SIGN: Final = "order-sign"

LAB_SETS: Final[Mapping[str, tuple[int, tuple[str, ...]]]] = {
    "vitamin-b12": (
        730,  # 365 days, an MMA up to 90 days before that, an eGFR up to 90 days before the MMA
        ("L_B12", "L_HOLOTC", "L_MMA", "L_HCY", "L_FOLATE", "L_IFAB", "L_EGFR", "L_MCV", "L_HGB"),
    ),
    "vitamin-e": (1095, ("L_VE", "L_CHOL", "L_TG", "L_MCV", "L_HGB")),  # 730 days, lipids 30 days either side
    "manganese": (730, ("L_MNB", "L_MNS", "L_HGB", "L_MCV", "L_FERR")),
    "calcium-vitamin-d": (
        1125,  # 1095 days, an albumin up to 30 days before that
        ("L_CA", "L_CAADJ", "L_CAI", "L_ALB", "L_MG", "L_PHOS", "L_PTH", "L_VITD"),
    ),
    "copper-wilson": (3830, ("L_CP", "L_CUU24", "L_CUS", "L_INR")),  # 3650 days, a serum copper up to 180 before
    "iron-nbia": (3650, ("L_FERR", "L_IRON", "L_TSAT", "L_CP")),  # ceruloplasmin 3650 days, ferritin 730
}
"""Per workup: how many days back its laboratory search goes, and the LOINC sets that it reads."""

_PATIENT: Final = "patient={{context.patientId}}"
_PAST_MEDICATIONS: Final = 365
_OTHER_TEMPLATES: Final[Mapping[str, str]] = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": f"Condition?{_PATIENT}",
    "medications": f"MedicationRequest?{_PATIENT}&status=active,on-hold&_include=MedicationRequest:medication",
    "past_medications": (
        f"MedicationRequest?{_PATIENT}&status=completed,stopped&authoredon=ge{{{{today() - {_PAST_MEDICATIONS} days}}}}"
        "&_include=MedicationRequest:medication"
    ),
    "medication_statements": (
        f"MedicationStatement?{_PATIENT}&status=active,on-hold,completed,stopped&_include=MedicationStatement:medication"
    ),
    "procedures": f"Procedure?{_PATIENT}&status=completed,in-progress",
    "orders": f"ServiceRequest?{_PATIENT}&status=active,draft,on-hold",
    "family_history": f"FamilyMemberHistory?{_PATIENT}",
}
SITE_FACTS_KEY: Final = "site_facts"
MOST_SEARCHES: Final = 20
"""How many searches one workup may need; an EHR runs them all for every chart that is opened."""
LARGEST_DISCOVERY: Final = 500_000
"""Bytes. The gateway, and clients, do not read documents of any size."""
LONGEST_TEMPLATE: Final = 2_000
"""Characters. A laboratory search that would be longer goes on under further keys: `labs_vitamin_b12_2`, ..."""


@dataclass(frozen=True, slots=True)
class CdsService:
    """One published CDS service."""

    id: str
    hook: str
    title: str
    description: str


SERVICES: Final[tuple[CdsService, ...]] = (
    CdsService(
        "dystonia-patient-view",
        PATIENT_VIEW,
        "Treatable causes of dystonia: chart review",
        "When a chart with a coded dystonia or related movement disorder is opened: one card with the treatable"
        " causes that have no current result (vitamin B12, calcium, copper, vitamin E, manganese, iron), and a card for"
        " each abnormal result, with draft orders for tests and referrals.",
    ),
    CdsService(
        "dystonia-order-select",
        ORDER_SELECT,
        "Treatable causes of dystonia: order advice",
        "When an order is selected: specimen, companion test and safety advice around vitamin B12, vitamin E, copper,"
        " manganese, iron, folic acid, metformin, nitrous oxide, edetate and other chelators, dopamine-receptor"
        " blockers, symptomatic treatment, gene panels and contrast MRI.",
    ),
    CdsService(
        "dystonia-order-sign",
        ORDER_SIGN,
        "Treatable causes of dystonia: warnings before signing",
        "When orders are about to be signed: every draft is looked at as in the order advice, and only warnings and"
        " critical cards are shown.",
    ),
)
BY_ID: Final[Mapping[str, CdsService]] = {service.id: service for service in SERVICES}

USAGE: Final = (
    "Works from the prefetch alone; what is missing there is read from the FHIR server where that is agreed. SMART"
    " scopes: {scopes} (in SMART 1: .read in place of .rs). FHIR R4. Every key but patient and conditions may be left"
    " out; what is left out is called not available, never absent."
)
ACCESS: Final = "example.dystonia-cds.access"
"""The extension of a service in discovery that says what it must be allowed to read."""


def lab_key(workup: str) -> str:
    """The prefetch key of a workup's laboratory results."""
    return "labs_" + workup.replace("-", "_")


def prefetch_templates(book: CodeBook, canonical_base: str, site_values: SiteValues = DEFAULTS) -> dict[str, str]:
    """Prefetch key -> FHIR query. The searches reach back as far as the look-backs of this site do."""
    templates = dict(_OTHER_TEMPLATES)
    longer = _PAST_MEDICATIONS + _added(site_values, "vitamin-b12.nitrous-oxide")
    templates["past_medications"] = templates["past_medications"].replace(
        f"today() - {_PAST_MEDICATIONS} days", f"today() - {longer} days"
    )
    facts = ",".join(
        f"{canonical_base}/CodeSystem/site-facts|{code}"
        for code in ("ephedrone-use", "n2o-recreational", "t1-pallidal")
    )
    templates[SITE_FACTS_KEY] = f"Observation?{_PATIENT}&code={facts}"
    for workup in LAB_SETS:
        templates |= _lab_templates(book, workup, site_values)
    return templates


def _added(site_values: SiteValues, *prefixes: str) -> int:
    """Days by which a search must reach back further because a site has lengthened look-backs with these ids.

    An interval may be counted back from a result, and again from the result that belongs to it: each counts twice.
    """
    longer = (
        own.value - own.threshold.value
        for id_, own in site_values.items()
        if id_.startswith(prefixes) and isinstance(own.value, int) and isinstance(own.threshold.value, int)
        if own.threshold.unit == "days" and own.value > own.threshold.value
    )
    return 2 * sum(longer)


def _lab_templates(book: CodeBook, workup: str, site_values: SiteValues) -> dict[str, str]:
    """Prefetch key -> query for the results of one workup: LOINC codes first, then the site's own."""
    days, sets = LAB_SETS[workup]
    days += _added(site_values, f"{workup}.", "orders.")
    start, end = f"Observation?{_PATIENT}&code=", f"&date=ge{{{{today() - {days} days}}}}&_sort=-date"
    searches = [""]
    for one in (*_loinc(book, sets), *_local(book, sets)):
        longer = f"{searches[-1]},{one}" if searches[-1] else one
        if searches[-1] and len(start) + len(longer) + len(end) > LONGEST_TEMPLATE:
            searches.append(one)
        else:
            searches[-1] = longer
    keys = [lab_key(workup), *(f"{lab_key(workup)}_{number}" for number in range(2, len(searches) + 1))]
    return {key: f"{start}{codes}{end}" for key, codes in zip(keys, searches, strict=True)}


def _loinc(book: CodeBook, sets: tuple[str, ...]) -> list[str]:
    """The LOINC codes of the sets as search tokens, each once, sorted: a changed set moves nothing else."""
    codes = {entry.code for name in sets for entry in book.members[name] if entry.system == LOINC}
    return [f"{LOINC}|{code}" for code in sorted(codes)]


def _local(book: CodeBook, sets: tuple[str, ...]) -> list[str]:
    """A site's own codes for the same results as search tokens: nobody sends what nobody asks for."""
    return [token(local.system, local.code) for local in book.local_in(sets)]


def prefetch_names(book: CodeBook | None = None, site_values: SiteValues = DEFAULTS) -> dict[str, str]:
    """Prefetch key -> name of the data in `Chart.not_looked_up`: the workup's id for laboratory keys.

    With a book also the further keys that a site's own codes make necessary.
    """
    names = {key: key for key in (*_OTHER_TEMPLATES, SITE_FACTS_KEY)}
    for workup in LAB_SETS:
        keys = [lab_key(workup)] if book is None else _lab_templates(book, workup, site_values)
        names |= dict.fromkeys(keys, workup)
    return names


def resource_type(template: str) -> str:
    """The type of resource that a template asks for."""
    return template.partition("?")[0].partition("/")[0]


def discovery(book: CodeBook, canonical_base: str, site_values: SiteValues = DEFAULTS) -> dict[str, Any]:
    """The body of GET /cds-services."""
    templates = prefetch_templates(book, canonical_base, site_values)
    scopes_v2 = scopes.together(map(scopes.second, templates.values()))
    access = {
        "fhirVersion": scopes.FHIR_VERSION,
        "scopes": scopes_v2,
        "scopesV1": scopes.together(map(scopes.first, templates.values())),
        "topics": f"{canonical_base}/CodeSystem/topics",
    }
    usage = USAGE.format(scopes=" ".join(scopes_v2))
    return {
        "services": [
            {
                "hook": service.hook,
                "id": service.id,
                "title": service.title,
                "description": service.description,
                "version": "2.0.1",
                "hookVersion": "1.0",
                "usageRequirements": usage,
                "prefetch": templates,
                "extension": {ACCESS: access},
            }
            for service in SERVICES
        ]
    }


def too_large(names: Mapping[str, str], document_bytes: int) -> list[str]:
    """What makes a discovery document more than EHRs can be asked for, one line each.

    Args:
        names: what `prefetch_names` says of the book.
        document_bytes: size of the discovery document.
    """
    searches = Counter(names.values())
    faults = [
        f"{workup} would need {searches[workup]} laboratory searches, at most {MOST_SEARCHES}"
        for workup in LAB_SETS
        if searches[workup] > MOST_SEARCHES
    ]
    if document_bytes > LARGEST_DISCOVERY:
        faults.append(f"discovery would have {document_bytes} bytes, at most {LARGEST_DISCOVERY}")
    return faults
