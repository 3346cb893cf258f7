"""The prefetch as a sheet for a site that types it in by hand, with what each key is good for.

Some EHRs never read discovery: somebody copies keys and queries. So the rows stand in groups that a site can grant
one after the other, each with what it loses without it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from screening import scopes
from screening.domain import analytes
from screening.domain.workups.registry import WORKUPS
from screening.services import LAB_SETS, SITE_FACTS_KEY, resource_type

NEEDED: Final = "Needed by everything"
HISTORY: Final = "Treatment, orders and history"
_LABELS: Final[Mapping[str, str]] = {analyte.value_set: analyte.label for analyte in analytes.ANALYTES}
_DATES: Final = re.compile(r"&(?:date|authoredon)=ge\{\{today\(\) - \d+ days\}\}")
_REFUSED: Final = "a call is answered with 412, unless it is about orders that can be judged without it"

_WHY: Final[Mapping[str, tuple[str, str]]] = {
    "patient": ("age, sex, and whether the patient has died", _REFUSED),
    "conditions": (
        "the coded movement disorder that a patient must have, risk factors and other explanations",
        _REFUSED,
    ),
    "medications": (
        "treatment that is under way, and medicines that are a risk or an explanation",
        "cards say that the medication list was not available",
    ),
    "past_medications": (
        "medicines that were stopped but still explain something",
        "cards say that past medication orders were not available",
    ),
    "medication_statements": (
        "medicines that the patient takes without an order in this EHR",
        "cards say that medication statements were not available",
    ),
    "procedures": (
        "operations, infusions, anesthesia and examinations that are a risk or count as done",
        "cards say that the procedure list was not available",
    ),
    "orders": (
        "tests and referrals that are already ordered, so that they are not suggested again",
        "cards say that the order list was not available",
    ),
    "family_history": (
        "inherited disorders in first-degree relatives",
        "cards say that the family history was not available",
    ),
    SITE_FACTS_KEY: (
        "facts without a code anywhere that a site may record: T1 pallidal hyperintensity, ephedrone, nitrous oxide",
        "cards say that these facts were not available; a site that records none may leave it out",
    ),
}
"""Key -> what it is for, and what comes of leaving it out."""


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the prefetch.

    Attributes:
        key: as discovery names it.
        query: the template; tokens in double braces are filled in by the EHR.
        undated: the same for an EHR that cannot fill in `today()`: brings more, decides the same. Empty if the same.
        resource: the type of resource that it asks for.
        why: what it is for.
        without: what comes of leaving it out.
        scopes_v1, scopes_v2, scopes_narrow: the SMART scopes that it needs, see `screening.scopes`.
    """

    key: str
    query: str
    undated: str
    resource: str
    why: str
    without: str
    scopes_v1: tuple[str, ...]
    scopes_v2: tuple[str, ...]
    scopes_narrow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Keys that are granted together."""

    title: str
    rows: tuple[Row, ...]


def groups(templates: Mapping[str, str], names: Mapping[str, str]) -> tuple[Group, ...]:
    """The sheet: what everything needs, then the results of one workup after the other, then the rest.

    Args:
        templates: prefetch key -> query (`services.prefetch_templates`).
        names: prefetch key -> name of its data (`services.prefetch_names`).
    """
    titles = {workup.id: f"Results: {workup.label} ({workup.id})" for workup in WORKUPS}
    found: dict[str, list[Row]] = {NEEDED: [], **{titles[workup]: [] for workup in LAB_SETS}, HISTORY: []}
    for key, template in templates.items():
        workup = names[key] if names[key] in LAB_SETS else ""
        title = titles[workup] if workup else NEEDED if key in ("patient", "conditions") else HISTORY
        found[title].append(_row(key, template, workup))
    return tuple(Group(title, tuple(rows)) for title, rows in found.items() if rows)


def _row(key: str, template: str, workup: str) -> Row:
    why, without = _laboratory(workup) if workup else _WHY[key]
    undated = _DATES.sub("", template)
    return Row(
        key=key,
        query=template,
        undated=undated if undated != template else "",
        resource=resource_type(template),
        why=why,
        without=without,
        scopes_v1=scopes.first(template),
        scopes_v2=scopes.second(template),
        scopes_narrow=scopes.narrowest(template, laboratory=bool(workup)),
    )


def _laboratory(workup: str) -> tuple[str, str]:
    tests = ", ".join(_LABELS[name] for name in LAB_SETS[workup][1] if name in _LABELS)
    return tests, "this workup could not be assessed, and cards say so"
