"""What the content of a call says about how the site is set up, for the prefetch doctor.

Every call counts with what became of each key. Types, statuses, dates and codes of what came are looked at as well,
never a value, and under load in some calls of a client only: a site's set-up does not change between two of them.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart
from screening.domain.codes import LOINC, CodeBook, canonical
from screening.domain.codes import NONE as NO_SETS
from screening.fhir import shapes
from screening.fhir.fallback import is_unknown
from screening.fhir.outcomes import ABSENT
from screening.fhir.prefetch import Delivery
from screening.services import LAB_SETS, resource_type
from screening.slices import field
from screening.tally import MOST_CLIENTS, Tally

OTHER_TYPES: Final = "resources of other types"
OTHER_STATUSES: Final = "other statuses"
OTHER_CODES: Final = "results with other codes"
OLDER: Final = "results from before the date asked for"

BURST: Final = 20
PER_SECOND: Final = 1.0
"""How many calls of one client are looked into at once, and then per second."""

_MOST_RESOURCES: Final = 200
"""How many resources of one key are looked at."""
_MOST_CODINGS: Final = 4
"""How many codings of one result are looked at."""
_UNIT_REASONS: Final = frozenset({"unit missing", "unit not accepted", "no number with a unit", "implausible number"})
_STATUS: Final = re.compile(r"[?&]status=([^&]*)")
_DAYS_BACK: Final = re.compile(r"&date=ge\{\{today\(\) - (\d+) days\}\}")
_INCLUDED: Final = re.compile(r"_include=\w+:medication")
_LABELS: Final[Mapping[str, str]] = {analyte.key: analyte.label for analyte in analytes.ANALYTES}

NOTHING_FETCHED: Final[Mapping[str, Delivery]] = MappingProxyType({})

_Codings = tuple[tuple[str | None, str | None], ...]
"""The codings of a result, each as its system and code: most results of a list have the same few."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one template asks for, as far as it can be held against what came."""

    kind: str
    also: frozenset[str]
    statuses: frozenset[str]
    sets: frozenset[str]
    days: int


class Watch:
    """Looks into the calls of clients and tells the tally."""

    def __init__(
        self,
        tally: Tally,
        templates: Mapping[str, str],
        names: Mapping[str, str],
        book: CodeBook,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`names` says which workup a laboratory key belongs to (`services.prefetch_names`)."""
        self._tally = tally
        self._book = book
        self._wanted = {key: _wanted(template, names[key]) for key, template in templates.items()}
        self._budget = _Budget(clock)

    def look(
        self,
        client: str,
        site_keys: Mapping[str, str],
        deliveries: Mapping[str, Delivery],
        chart: Chart,
        fetched: Mapping[str, Delivery] = NOTHING_FETCHED,
    ) -> None:
        """Take one call into account.

        Args:
            client: whose call it is.
            site_keys: our key -> the key under which this client sends it, where that is another.
            deliveries: what stood under each key of the prefetch: by our key, by the client's where it is none of ours.
            chart: what was made of the call.
            fetched: what the client's FHIR server gave, by our keys. Only its codes are looked at: that it brings what
                was asked for is the server's business, not that of a template that somebody typed.
        """
        sent = ((key, deliveries.get(key)) for key in self._wanted)
        self._tally.prefetched(client, {key: ABSENT if one is None else one.outcome for key, one in sent})
        if not self._budget.has(client):
            return
        self._tally.inspected(client, site_keys)
        for key, delivery in deliveries.items():
            found = _by_type(r for _, r in delivery.resources[:_MOST_RESOURCES])
            if key not in self._wanted:
                kinds = {kind: len(of_kind) for kind, of_kind in found.items()}
                self._tally.strange(client, key.strip(), kinds, self._answers(found.get("Observation", ())))
            elif found:
                self._content(client, key, found, chart.as_of.date())
        for key, delivery in fetched.items():
            if key in self._wanted:
                self._fetched(client, key, delivery, deliveries.get(key))
        for draft in chart.drafts:
            if draft.selected and is_unknown(draft):
                self._tally.unknown_draft(client)
        for results in chart.labs.values():
            for result in results:
                if result.unreadable in _UNIT_REASONS:
                    self._tally.unit(client, _LABELS[result.analyte], result.unit, result.unreadable)

    def _content(self, client: str, key: str, found: Mapping[str, Sequence[shapes.Known]], today: date) -> None:
        wanted = self._wanted[key]
        fitting = found.get(wanted.kind, ())
        outside: set[str] = set()
        if found.keys() - wanted.also - {wanted.kind}:
            outside.add(OTHER_TYPES)
        if wanted.statuses and any(
            isinstance(r, shapes.Owned) and r.status and r.status not in wanted.statuses for r in fitting
        ):
            outside.add(OTHER_STATUSES)
        if wanted.sets:
            outside.update(self._results(client, key, fitting, today))
        self._tally.content(client, key, fits=bool(fitting), outside=outside if fitting else ())

    def _fetched(self, client: str, key: str, delivery: Delivery, sent: Delivery | None) -> None:
        """Note the codes of fetched results that nobody understands; the prefetch's part was looked at before."""
        before = {id(r) for _, r in sent.resources} if sent is not None else set()
        fresh = [r for _, r in delivery.resources if id(r) not in before][:_MOST_RESOURCES]
        codings = Counter(_codings(r) for r in fresh if isinstance(r, shapes.Observation))
        for one, number in codings.items() if self._wanted[key].sets else ():
            if not self._sets(one):
                self._not_understood(client, key, one, number)

    def _results(self, client: str, key: str, results: Iterable[shapes.Known], today: date) -> Iterable[str]:
        """What of the results was not asked for; codes that nobody understands are noted."""
        wanted = self._wanted[key]
        observations = [r for r in results if isinstance(r, shapes.Observation)]
        for codings, number in Counter(_codings(one) for one in observations).items():
            sets = self._sets(codings)
            if sets.isdisjoint(wanted.sets) if sets else not self._not_understood(client, key, codings, number):
                yield OTHER_CODES
        oldest = (today - timedelta(days=wanted.days + 1)).isoformat()
        if wanted.days and any((field(one.effectiveDateTime, str) or oldest)[:10] < oldest for one in observations):
            yield OLDER

    def _sets(self, codings: _Codings) -> frozenset[str]:
        found = (self._book.find(*coding) for coding in codings)
        return NO_SETS.union(*(one[1] for one in found if one is not None))

    def _not_understood(self, client: str, key: str, codings: _Codings, number: int) -> bool:
        """Note the codes of results that nobody understands; whether one of them may be what was asked for."""
        with_system = [(system, code) for system, code in codings if system and code]
        for system, code in with_system or (("", ""),):
            self._tally.code(client, key, system, code, number)
        return any((canonical(*coding) or ("",))[0] != LOINC for coding in with_system or codings)

    def _answers(self, results: Iterable[shapes.Known]) -> dict[str, int]:
        """Which laboratory keys of ours ask for these results, and for how many of them."""
        answers: Counter[str] = Counter()
        for codings, number in Counter(_codings(r) for r in results if isinstance(r, shapes.Observation)).items():
            sets = self._sets(codings)
            for key, one in self._wanted.items():
                answers[key] += number if not sets.isdisjoint(one.sets) else 0
        return {key: number for key, number in answers.items() if number}


def _by_type(resources: Iterable[shapes.Known]) -> dict[str, list[shapes.Known]]:
    found: dict[type, list[shapes.Known]] = {}
    for r in resources:
        found.setdefault(type(r), []).append(r)
    return {shapes.type_of(of_kind[0]): of_kind for of_kind in found.values()}


def _codings(observation: shapes.Observation) -> _Codings:
    if observation.code is None:
        return ()
    return tuple((coding.system, coding.code) for coding in observation.code.codings[:_MOST_CODINGS])


class _Budget:
    """How many calls of each client may still be looked into; at most `MOST_CLIENTS` clients are told apart."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def has(self, client: str) -> bool:
        """Whether one more may be looked into; it then counts."""
        now = self._clock()
        with self._lock:
            if client not in self._left and len(self._left) >= MOST_CLIENTS:
                client = ""
            left, at = self._left.get(client, (float(BURST), now))
            left = min(float(BURST), left + (now - at) * PER_SECOND)
            self._left[client] = (left - 1 if left >= 1 else left, now)
            return left >= 1


def _wanted(template: str, name: str) -> _Wanted:
    status, days = _STATUS.search(template), _DAYS_BACK.search(template)
    return _Wanted(
        kind=resource_type(template),
        also=frozenset({"Medication"} if _INCLUDED.search(template) else ()),
        statuses=frozenset(status[1].split(",") if status else ()),
        sets=frozenset(LAB_SETS[name][1] if name in LAB_SETS else ()),
        days=int(days[1]) if days else 0,
    )
