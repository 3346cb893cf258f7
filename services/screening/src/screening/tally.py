"""What came of the data that we asked for: counts per client and prefetch key since the service was started.

A site sees here which keys reach us and which do not, how fast its FHIR server is, and which codes and units we could
not read. It holds names, codes and counts: nothing of a patient, no value, no date of a result. What is kept is
bounded, whatever is sent.

A process counts in memory. `screening.snapshots` puts the counts of all worker processes together.
"""

import re
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import msgspec

PREFETCH: Final = "prefetch"
EHR: Final = "ehr"

MOST_CLIENTS: Final = 500
MOST_STRANGE_KEYS: Final = 50
"""Prefetch keys that are none of ours, per client."""
MOST_CODES: Final = 200
"""Result codes that we do not understand, per client; as many units."""
MOST_OUTCOMES: Final = 24
"""Different outcomes of one key."""
OTHERS: Final = "(further clients)"
"""Stands for the clients after the first `MOST_CLIENTS`."""

BOUNDS_MS: Final = (5, 10, 20, 35, 50, 75, 100, 150, 200, 250, 300, 350, 500, 750, 1000, 2000)
"""Upper ends of the latency buckets, in milliseconds; a last bucket has none."""

_CAME: Final = frozenset({"delivered", "none", "partial", "too-many"})
_WORDS: Final = re.compile(r"[a-z][a-z0-9 -]{0,49}")
_KEY_NAME: Final = re.compile(r"(?!.*\d{5})[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""A key that may be shown: a longer run of digits could be the number of a patient."""
_CODE: Final = re.compile(r"[A-Za-z0-9.:/_-]{1,64}")
_SYSTEM: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}:[A-Za-z0-9.:/_~%-]{1,150}")
_UNIT: Final = re.compile(r"[A-Za-z0-9µμ%/.*^\[\]{}'_-]{1,20}( ?(h|hr|hrs|hours|d|day))?")
UNSHOWN: Final = ""
"""Stands for a code or unit that is not of the form that codes have: it could be any text."""


class Note(Protocol):
    """Takes what became of one key of one call: from the prefetch (every key, every call) or from the EHR."""

    def __call__(self, client: str, key: str, outcome: str, source: str, ms: float = 0.0) -> None:
        """`key` is ours, whatever the site calls it; `ms` is the time that the EHR took, 0 when it was not asked."""


class Latency(msgspec.Struct):
    """How long something took; `buckets` are counted by `BOUNDS_MS`."""

    count: int = 0
    total_ms: float = 0.0
    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))

    def add(self, ms: float) -> None:
        """Count one."""
        self.count += 1
        self.total_ms += ms
        self.buckets[bisect_left(BOUNDS_MS, ms)] += 1

    def within(self, share: float) -> int | None:
        """The bound in ms under which this share of all lies; None: above all bounds, or nothing was counted."""
        wanted, seen = share * self.count, 0
        for bound, number in zip(BOUNDS_MS, self.buckets, strict=False):
            seen += number
            if number and seen >= wanted:
                return bound
        return None


class KeyCounts(msgspec.Struct):
    """One key of ours at one client.

    Attributes:
        prefetch: outcome -> calls.
        ehr: outcome -> fetches from the client's FHIR server.
        latency: of these fetches.
        came: when it last came with the prefetch, in epoch seconds; 0 when never.
        gap: calls without it since then.
        longest_gap: the most calls without it between two with it.
        answered: calls looked into in which it brought resources.
        misfits: of these, calls in which none was of the type that was asked for.
        outside: what else it brought -> calls.
    """

    prefetch: dict[str, int] = {}
    ehr: dict[str, int] = {}
    latency: Latency = msgspec.field(default_factory=Latency)
    came: float = 0.0
    gap: int = 0
    longest_gap: int = 0
    answered: int = 0
    misfits: int = 0
    outside: dict[str, int] = {}


class StrangeKey(msgspec.Struct):
    """A prefetch key that is none of ours: calls, resource type -> resources, our key -> results that it asks for."""

    calls: int = 0
    kinds: dict[str, int] = {}
    answers: dict[str, int] = {}


class CodeSeen(msgspec.Struct):
    """A code that we do not understand: how often, and under which key it first came."""

    system: str
    code: str
    key: str
    count: int = 0


class UnitSeen(msgspec.Struct):
    """A unit in which we could not read an analyte: how often, and why not."""

    analyte: str
    unit: str
    reason: str
    count: int = 0


class ClientCounts(msgspec.Struct):
    """Everything that is counted of one client.

    Attributes:
        inspected: calls whose content was looked into; under load not every one is.
        keys: our key -> counts.
        strange: the client's key -> counts; `unshown_keys` counts calls with further ones or such as cannot be shown.
        codes: system and code -> seen; `unshown_codes` counts those that cannot be shown or are too many.
        codes_without_system: results whose only codes name no code system.
        units: analyte, unit and reason -> seen.
        unknown_drafts: selected drafts of medicines that no code names.
        names: our key -> the site's name for it, where it has another.
    """

    inspected: int = 0
    keys: dict[str, KeyCounts] = {}
    strange: dict[str, StrangeKey] = {}
    unshown_keys: int = 0
    codes: dict[str, CodeSeen] = {}
    unshown_codes: int = 0
    codes_without_system: int = 0
    units: dict[str, UnitSeen] = {}
    unknown_drafts: int = 0
    names: dict[str, str] = {}

    @property
    def calls(self) -> int:
        """Calls whose prefetch was read."""
        return max((sum(key.prefetch.values()) for key in self.keys.values()), default=0)


class Counts(msgspec.Struct):
    """Everything that one process, or all of them, have counted since `since` (epoch seconds)."""

    since: float = 0.0
    clients: dict[str, ClientCounts] = {}


class Tally:
    """The counts of this process. Threads may share it; every method takes microseconds."""

    def __init__(self, keys: Iterable[str], clock: Callable[[], float] = time.time) -> None:
        """`keys` are the prefetch keys of ours: others are never counted as such."""
        self._ours = frozenset(keys)
        self._clock = clock
        self._lock = threading.Lock()
        self._counts = Counts(since=clock())
        self.changed: Callable[[], None] = lambda: None
        """Called after a change, outside of the lock."""

    def note(self, client: str, key: str, outcome: str, source: str, ms: float = 0.0) -> None:
        """What became of one key of one call; see `Note`."""
        if source == PREFETCH:
            self.prefetched(client, {key: outcome})
            return
        if key not in self._ours:
            return
        with self._lock:
            counts = self._key(self._client(client), key)
            _count(counts.ehr, outcome)
            if ms > 0:
                counts.latency.add(ms)
        self.changed()

    def prefetched(self, client: str, outcomes: Mapping[str, str]) -> None:
        """What became of each of our keys in the prefetch of one call."""
        now = self._clock()
        with self._lock:
            known = self._client(client)
            for key, outcome in outcomes.items():
                if key not in self._ours:
                    continue
                counts = self._key(known, key)
                _count(counts.prefetch, outcome)
                if outcome not in _CAME:
                    counts.gap += 1
                    continue
                if counts.came and counts.gap > counts.longest_gap:
                    counts.longest_gap = counts.gap
                counts.came, counts.gap = now, 0
        self.changed()

    @staticmethod
    def _key(client: ClientCounts, key: str) -> KeyCounts:
        counts = client.keys.get(key)
        if counts is None:
            counts = client.keys[key] = KeyCounts()
        return counts

    def inspected(self, client: str, names: Mapping[str, str]) -> None:
        """The content of one call is being looked into; `names` are the site's names for keys of ours.

        When these change, the clients file has been put right, and keys that were none of ours begin anew.
        """
        shown = {key: name for key, name in names.items() if key in self._ours and _KEY_NAME.fullmatch(name)}
        with self._lock:
            counts = self._client(client)
            counts.inspected += 1
            if counts.names != shown:
                counts.names, counts.strange, counts.unshown_keys = shown, {}, 0
        self.changed()

    def content(self, client: str, key: str, *, fits: bool, outside: Iterable[str] = ()) -> None:
        """A key of ours brought resources; `outside` says in fixed words of ours what it was not asked for."""
        if key not in self._ours:
            return
        with self._lock:
            counts = self._key(self._client(client), key)
            counts.answered += 1
            counts.misfits += not fits
            for words in outside:
                _count(counts.outside, words)

    def strange(self, client: str, name: str, kinds: Mapping[str, int], answers: Mapping[str, int]) -> None:
        """A key came that is none of ours."""
        with self._lock:
            counts = self._client(client)
            known = counts.strange.get(name)
            if known is None:
                if len(counts.strange) >= MOST_STRANGE_KEYS or not _KEY_NAME.fullmatch(name):
                    counts.unshown_keys += 1
                    return
                known = counts.strange[name] = StrangeKey()
            known.calls += 1
            _add(known.kinds, kinds)
            _add(known.answers, {key: number for key, number in answers.items() if key in self._ours})

    def code(self, client: str, key: str, system: str, code: str, number: int = 1) -> None:
        """So many laboratory results came with a code that is in no value set."""
        with self._lock:
            counts = self._client(client)
            if not system:
                counts.codes_without_system += number
                return
            place = f"{system}|{code}"
            known = counts.codes.get(place)
            if known is None:
                if len(counts.codes) >= MOST_CODES or not (_SYSTEM.fullmatch(system) and _CODE.fullmatch(code)):
                    counts.unshown_codes += number
                    return
                known = counts.codes[place] = CodeSeen(system, code, key)
            known.count += number

    def unit(self, client: str, analyte: str, unit: str, reason: str) -> None:
        """A result of an analyte of ours could not be read; `analyte` and `reason` are words of ours."""
        shown = unit if _UNIT.fullmatch(unit) else UNSHOWN
        with self._lock:
            units = self._client(client).units
            place = f"{analyte}|{shown}|{reason}"
            known = units.get(place)
            if known is None:
                if len(units) >= MOST_CODES:
                    return
                known = units[place] = UnitSeen(analyte, shown, reason)
            known.count += 1

    def unknown_draft(self, client: str) -> None:
        """No code says which medicine a selected draft is about."""
        with self._lock:
            self._client(client).unknown_drafts += 1

    def encoded(self) -> bytes:
        """All counts as JSON."""
        with self._lock:
            return msgspec.json.encode(self._counts)

    def _client(self, name: str) -> ClientCounts:
        clients = self._counts.clients
        known = clients.get(name)
        if known is None:
            if len(clients) >= MOST_CLIENTS and name != OTHERS:
                return self._client(OTHERS)
            known = clients[name] = ClientCounts()
        return known


def merged(several: Iterable[Counts]) -> Counts:
    """The counts of several processes as one."""
    whole = Counts()
    for one in several:
        whole.since = min(whole.since or one.since, one.since or whole.since)
        for name, counts in one.clients.items():
            _merge_client(whole.clients.setdefault(name, ClientCounts()), counts)
    return whole


def _merge_client(into: ClientCounts, one: ClientCounts) -> None:
    into.inspected += one.inspected
    into.unshown_keys += one.unshown_keys
    into.unshown_codes += one.unshown_codes
    into.unknown_drafts += one.unknown_drafts
    into.codes_without_system += one.codes_without_system
    into.names |= one.names
    for key, counts in one.keys.items():
        _merge_key(into.keys.setdefault(key, KeyCounts()), counts)
    for name, strange in one.strange.items():
        known = into.strange.setdefault(name, StrangeKey())
        known.calls += strange.calls
        _add(known.kinds, strange.kinds)
        _add(known.answers, strange.answers)
    for place, code in one.codes.items():
        into.codes.setdefault(place, CodeSeen(code.system, code.code, code.key)).count += code.count
    for place, unit in one.units.items():
        into.units.setdefault(place, UnitSeen(unit.analyte, unit.unit, unit.reason)).count += unit.count


def _merge_key(into: KeyCounts, one: KeyCounts) -> None:
    _add(into.prefetch, one.prefetch)
    _add(into.ehr, one.ehr)
    _add(into.outside, one.outside)
    into.answered += one.answered
    into.misfits += one.misfits
    into.latency.count += one.latency.count
    into.latency.total_ms += one.latency.total_ms
    into.latency.buckets = [a + b for a, b in zip(into.latency.buckets, one.latency.buckets, strict=True)]
    if one.came >= into.came:  # only the process to which it came last knows all the calls without it since then
        into.came, into.gap = one.came, one.gap
    into.longest_gap = max(into.longest_gap, one.longest_gap)


def _count(table: dict[str, int], name: str) -> None:
    """Count a word of ours; what is none is not counted, nor are more of them than there can be."""
    if name in table:
        table[name] += 1
    elif len(table) < MOST_OUTCOMES and _WORDS.fullmatch(name):
        table[name] = 1


def _add(table: dict[str, int], more: Mapping[str, int]) -> None:
    for name, number in more.items():
        table[name] = table.get(name, 0) + number
