"""What the content of a call says about how the site is set up, for the prefetch doctor.

Every call counts with what became of each key. Types, statuses, dates and codes of what came are looked at as well,
never a value, and under load in some calls of a client only: a site's set-up does not change between two of them.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart
from screening.domain.codes import LOINC, CodeBook, canonical
from screening.domain.codes import NONE as NO_SETS
from screening.fhir import shapes
from screening.fhir.outcomes import ABSENT
from screening.fhir.prefetch import Delivery
from screening.services import LAB_SETS, resource_type
from screening.slices import field
from screening.tally import MOST_CLIENTS, Tally

OTHER_TYPES: Final = "resources of other types"
OTHER_STATUSES: Final = "other statuses"
OTHER_CODES: Final = "results with other codes"
OLDER: Final = "results from before the date asked for"

BURST: Final = 50
PER_SECOND: Final = 5.0
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

    def look(self, client: str, site_keys: Mapping[str, str], deliveries: Mapping[str, Delivery], chart: Chart) -> None:
        """Take one call into account.

        Args:
            client: whose call it is.
            site_keys: our key -> the key under which this client sends it, where that is another.
            deliveries: what stood under each key of the prefetch: by our key, by the client's where it is none of ours.
            chart: what was made of the call.
        """
        sent = ((key, deliveries.get(key)) for key in self._wanted)
        self._tally.prefetched(client, {key: ABSENT if one is None else one.outcome for key, one in sent})
        if not self._budget.has(client):
            return
        self._tally.inspected(client, site_keys)
        for key, delivery in deliveries.items():
            resources = [r for _, r in delivery.resources[:_MOST_RESOURCES]]
            if key not in self._wanted:
                kinds = Counter(shapes.type_of(r) for r in resources)
                self._tally.strange(client, key.strip(), kinds, self._answers(resources))
            elif resources:
                self._content(client, key, resources, chart.as_of.date())
        for results in chart.labs.values():
            for result in results:
                if result.unreadable in _UNIT_REASONS:
                    self._tally.unit(client, _LABELS[result.analyte], result.unit, result.unreadable)

    def _content(self, client: str, key: str, resources: Iterable[shapes.Known], today: date) -> None:
        wanted = self._wanted[key]
        outside: set[str] = set()
        fits = False
        for r in resources:
            kind = shapes.type_of(r)
            if kind != wanted.kind:
                if kind not in wanted.also:
                    outside.add(OTHER_TYPES)
                continue
            fits = True
            if wanted.statuses and isinstance(r, shapes.Owned) and r.status and r.status not in wanted.statuses:
                outside.add(OTHER_STATUSES)
            if wanted.sets and isinstance(r, shapes.Observation):
                outside.update(self._result(client, key, wanted, r, today))
        self._tally.content(client, key, fits=fits, outside=outside if fits else ())

    def _result(
        self, client: str, key: str, wanted: _Wanted, observation: shapes.Observation, today: date
    ) -> Iterable[str]:
        """What of a result was not asked for; a code that nobody understands is noted."""
        sets = self._sets(observation)
        if not sets and not self._not_understood(client, key, observation):
            yield OTHER_CODES
        if sets and sets.isdisjoint(wanted.sets):
            yield OTHER_CODES
        taken = field(observation.effectiveDateTime, str) or ""
        if taken and wanted.days and taken[:10] < (today - timedelta(days=wanted.days + 1)).isoformat():
            yield OLDER

    def _sets(self, observation: shapes.Observation) -> frozenset[str]:
        codings = observation.code.codings[:_MOST_CODINGS] if observation.code is not None else ()
        found = (self._book.find(coding.system, coding.code) for coding in codings)
        return NO_SETS.union(*(one[1] for one in found if one is not None))

    def _not_understood(self, client: str, key: str, observation: shapes.Observation) -> bool:
        """Note the codes of a result that nobody understands; whether one of them may be what was asked for."""
        codings = observation.code.codings[:_MOST_CODINGS] if observation.code is not None else []
        with_system = [coding for coding in codings if coding.system and coding.code]
        for coding in with_system:
            self._tally.code(client, key, coding.system or "", coding.code or "")
        if not with_system:
            self._tally.code(client, key, "", "")
        return any((canonical(one.system, one.code) or ("",))[0] != LOINC for one in with_system or codings)

    def _answers(self, resources: Iterable[shapes.Known]) -> dict[str, int]:
        """Which laboratory keys of ours ask for these results, and for how many of them."""
        found = Counter(self._sets(r) for r in resources if isinstance(r, shapes.Observation))
        answers: Counter[str] = Counter()
        for sets, number in found.items():
            for key, one in self._wanted.items():
                answers[key] += number if not sets.isdisjoint(one.sets) else 0
        return {key: number for key, number in answers.items() if number}


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
