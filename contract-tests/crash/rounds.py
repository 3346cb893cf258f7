"""A round: one store, killed at random under load, put out of order, and then counted."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract import judge

from crash import killing, stack
from crash.book import KEPT, REPEATED, Book, Count
from crash.load import Crowd, Ehr, Patient, body_of_a_call
from crash.places import Place
from crash.stack import Stack

LEAST_KILLED: Final = 40
LEAST_ACKNOWLEDGED: Final = 500
LOW: Final = "B12"
"""A low result: a suggestion that was accepted keeps no card about it away, only treatment and a newer result do."""
HASTY: Final = "crash.hasty:app"

_STORM_S: Final = 75.0
_ENOUGH_WITHIN_S: Final = 30.0
_SETTLED_WITHIN_S: Final = 30.0
_OUTAGE_S: Final = 4.0
_VISITS: Final = 3
_BETWEEN_VISITS_S: Final = 0.1
_REMEMBERED: Final = 30
_ENDED_WITHIN_S: Final = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What a round gave."""

    killed: int
    count: Count
    faults: Sequence[str]


def played(place: Place, seed: int, say: Say) -> Result:
    """The whole round: storm, everything at once, outages, memory, count."""
    book = Book()
    dice = random.Random(f"{seed} {place.name}")  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        with stack.running(Path(name), place.environ) as services:
            crowd = Crowd(services, book, body_of_a_call(services), seed)
            crowd.begin()
            plan = killing.all_plans(services, place, dice)
            killed = killing.storm(plan, dice, _STORM_S)
            killed["everything at once"] = services.kill_everything()
            services.wait_until_ready()
            _wait(lambda: book.acknowledgments >= LEAST_ACKNOWLEDGED, _ENOUGH_WITHIN_S)
            patients = crowd.end()
            say(f"{place.name}: killed {_listed(killed)}")
            faults = _settled(book, crowd.ehrs)
            faults += _out_of_order(place, services, crowd.ehrs[0], say)
            faults += _settled(book, crowd.ehrs)
            faults += _remembered(crowd.ehrs, dice.sample(patients, min(_REMEMBERED, len(patients))), book)
            faults += services.revive()
        _wait(lambda: not services.left(), _ENDED_WITHIN_S)
        faults += [f"left behind: {one}" for one in services.left()]
        count = book.compared(place.rows(services))
        faults += [f"the database is damaged: {one}" for one in place.damage(services)]
    say(f"{place.name}: {_listed(book.outcomes)}")
    return Result(killed.total(), count, [*faults, *count.faults, *_too_few(killed.total(), count.acknowledged)])


def control(place: Place, seed: int, seconds: float = 12.0) -> Count:
    """A short round with a screening service that acknowledges too early: the count must not be even."""
    book = Book()
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        with stack.running(Path(name), place.environ, HASTY) as services:
            dice = random.Random(f"{seed} control")  # noqa: S311
            crowd = Crowd(services, book, body_of_a_call(services), seed, threads=3)
            crowd.begin()
            killing.storm(killing.screening_workers(services, dice), dice, seconds)
            crowd.end()
            time.sleep(1.0)
        return book.compared(place.rows(services))


def _settled(book: Book, ehrs: Sequence[Ehr]) -> list[str]:
    """Send what was never acknowledged until it is."""
    by_client = {ehr.client.name: ehr for ehr in ehrs}
    ends = time.monotonic() + _SETTLED_WITHIN_S
    while left := book.unacknowledged():
        if time.monotonic() > ends:
            return [f"{len(left)} answers are not acknowledged, however often they are sent"]
        for item in left:
            by_client[item.client].insist([item], tries=3)
    return []


def _out_of_order(place: Place, services: Stack, ehr: Ehr, say: Say) -> list[str]:
    """While nothing can be written, cards go out, and no feedback is acknowledged; afterwards all is well by itself."""
    found: list[str] = []
    for kind, outage in place.outages.items():
        visits = 0
        with outage(services):
            ends = time.monotonic() + _OUTAGE_S
            while time.monotonic() < ends or visits < _VISITS:
                found += [f"store {kind}: {fault}" for fault in ehr.visit_in_vain()]
                visits += 1
                time.sleep(_BETWEEN_VISITS_S)
        say(f"{place.name}: {kind}, {visits} visits")
        if ehr.visit() is None:
            found.append(f"store {kind}: feedback is not taken again afterwards")
    return sorted(set(found))


def _remembered(ehrs: Sequence[Ehr], patients: Sequence[Patient], book: Book) -> list[str]:
    """What was answered about these patients is respected; if a card was not written down, from the next call on."""
    by_client = {ehr.client.name: ehr for ehr in ehrs}
    found = []
    for patient in patients:
        ehr = by_client[next(iter(patient.items.values())).client]
        respected = {module for module, item in patient.items.items() if not (module == LOW and item.suggestion)}
        known = {module for module in respected if {KEPT, REPEATED} & set(book.told[patient.items[module]])}
        shown = [ehr.cards(patient.id), ehr.cards(patient.id)]
        if None in shown:
            found.append("calls are not answered after all is well again")
        first, second = ({judge.decision(card)["module"] for card in cards or ()} for cards in shown)
        found += [f"a {module} card that was answered comes back" for module in first & known]
        found += [f"a {module} card that was answered comes back again" for module in second & respected]
    if not patients:
        found.append("nobody's answers are there to be respected")
    return found


def _too_few(killed: int, acknowledged: int) -> list[str]:
    found = []
    if killed < LEAST_KILLED:
        found.append(f"only {killed} of {LEAST_KILLED} processes were killed")
    if acknowledged < LEAST_ACKNOWLEDGED:
        found.append(f"only {acknowledged} of {LEAST_ACKNOWLEDGED} answers were acknowledged")
    return found


def _wait(over: Callable[[], bool], seconds: float) -> None:
    """Wait until it is `over`, but no longer than that."""
    ends = time.monotonic() + seconds
    while not over() and time.monotonic() < ends:
        time.sleep(0.1)


def _listed(counts: Mapping[str, int] | Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
