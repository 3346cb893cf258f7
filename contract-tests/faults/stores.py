"""What is remembered: the store of screening, and the ledger of used tokens and rates of the gateway.

The store down: cards go out, and no answer to them is acknowledged. The ledger down: nobody with a token is let in
(docs/adr/0011).
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import requests
from crash.load import MODULES
from crash.stack import CONTENT, GATEWAY, SCREENING, Service

from faults.calling import DISCOVERY, Answer, Caller
from faults.disks import full
from faults.ground import LEDGER, STORE, Ground
from faults.holding import must, until

_VISITS: Final = 25
_MOST_VISITS: Final = 600
_AGAIN_WITHIN_S: Final = 15.0
_STARTED_WITHIN_S: Final = 60.0
_REFUSED_WITHIN_S: Final = 6.0


def store_locked(ground: Ground) -> str:
    """Somebody else writes into the file of the store, and does not come to an end."""
    return _store_out_of_order(ground, _locked(ground.screening, "screening.sqlite"))


def store_disk_full(ground: Ground) -> str:
    """The disk of the store is full."""
    workers = ground.screening.workers()
    return _store_out_of_order(ground, full(Path(ground.screening.environ["STATE_DIR"]), workers))


def store_down(ground: Ground) -> str:
    """The store's PostgreSQL is stopped."""
    return _store_out_of_order(ground, _stopped(ground, STORE))


def store_still(ground: Ground) -> str:
    """The store's PostgreSQL takes connections and answers nothing."""
    return _store_out_of_order(ground, _still(ground, STORE))


def ledger_locked(ground: Ground) -> str:
    """Somebody else writes into the file of used tokens, and does not come to an end."""
    return _ledger_out_of_order(ground, _locked(ground.gateway, "gateway-ledger.sqlite"))


def ledger_disk_full(ground: Ground) -> str:
    """The disk of the ledger is full."""
    folder = Path(ground.gateway.environ["STATE_DIR"])
    return _ledger_out_of_order(ground, full(folder, ground.gateway.workers()))


def ledger_down(ground: Ground) -> str:
    """The ledger's PostgreSQL is stopped."""
    return _ledger_out_of_order(ground, _stopped(ground, LEDGER))


def ledger_still(ground: Ground) -> str:
    """The ledger's PostgreSQL takes connections and answers nothing."""
    return _ledger_out_of_order(ground, _still(ground, LEDGER))


def store_down_at_start(ground: Ground) -> str:
    """The store's PostgreSQL is stopped when screening starts; it comes later."""
    with _stopped(ground, STORE):
        ground.start()
        caller = ground.caller()
        for _ in range(_VISITS):
            shown = caller.ask()
            must(shown.modules == MODULES, f"a call is answered {shown.in_short()} with {sorted(shown.modules)}")
        told = caller.tell(shown.cards)
        must(_is_refusal(told), f"feedback is answered {told.in_short()}")
    again = until(lambda: caller.tell(shown.cards).good, _AGAIN_WITHIN_S, "feedback is never taken")
    return f"{_VISITS} of {_VISITS} calls answered with their cards, feedback 503, taken {again:.1f} s after it came"


def ledger_down_at_start(ground: Ground) -> str:
    """The ledger's PostgreSQL is stopped when the gateway starts; it comes later."""
    with _stopped(ground, LEDGER):
        ground.start(CONTENT, SCREENING)
        ground.gateway.start()
        caller = Caller(ground.client("alpha"), ground.stack.door, "")
        answer = _first_answer(caller)
        must(_is_refusal(answer), f"a call is answered {answer.in_short()}")
        ready = requests.get(f"{ground.gateway.url}/readyz", timeout=10)
        must(ready.status_code == requests.codes.unavailable, f"the gateway says {ready.status_code} at /readyz")
    again = until(lambda: caller.send("GET", DISCOVERY).good, _AGAIN_WITHIN_S, "nobody is ever let in")
    ground.stack.wait_until_ready(GATEWAY)
    return f"refused with 503 within {answer.seconds:.1f} s, not ready, let in {again:.1f} s after it came"


def _first_answer(caller: Caller) -> Answer:
    """The first answer of a gateway that is just starting."""
    answers: list[Answer] = []

    def answered() -> bool:
        answers.append(caller.send("GET", DISCOVERY))
        return bool(answers[-1].status)

    until(answered, _STARTED_WITHIN_S, "the gateway does not start without its ledger")
    return answers[-1]


def _store_out_of_order(ground: Ground, outage: AbstractContextManager[str]) -> str:
    """All cards go out; feedback is 503 with Retry-After or really kept; afterwards all is well by itself."""
    caller = ground.caller()
    visits = refused = 0
    slowest = 0.0
    with outage:
        while visits < _VISITS or (not refused and visits < _MOST_VISITS):
            shown = caller.ask()
            must(shown.modules == MODULES, f"a call is answered {shown.in_short()} with {sorted(shown.modules)}")
            told = caller.tell(shown.cards)
            must(told.good or _is_refusal(told), f"feedback is answered {told.in_short()}")
            slowest = max(slowest, told.seconds)
            refused += not told.good
            visits += 1
        must(refused > 0, f"feedback was acknowledged {visits} times, as if nothing had happened")
    shown = caller.ask()
    again = until(lambda: caller.tell(shown.cards).good, _AGAIN_WITHIN_S, "feedback is not taken again")
    return (
        f"{visits} of {visits} calls answered with their cards, feedback 503 {refused} times"
        f" within {slowest:.1f} s, taken again after {again:.1f} s"
    )


def _ledger_out_of_order(ground: Ground, outage: AbstractContextManager[str]) -> str:
    """Nobody is let in, which is said soon; afterwards all is well by itself, and used tokens are still known."""
    caller = ground.caller()
    used = caller.client.token(DISCOVERY)
    must(caller.send("GET", DISCOVERY, token=used).good, "a good token is refused before anything happened")
    refused: list[Answer] = []
    with outage:
        for count in range(_MOST_VISITS):
            answer = caller.ask()
            must(answer.good or _is_refusal(answer), f"a call is answered {answer.in_short()}")
            if not answer.good:
                refused.append(answer)
            if len(refused) >= _VISITS or (refused and count >= _VISITS):
                break
        must(bool(refused), "calls were let in, as if nothing had happened")
        first = caller.send("GET", DISCOVERY, token=used)
        must(not first.good, "a token that was used before is let in while the ledger is down")
    slowest = max(one.seconds for one in refused)
    must(slowest < _REFUSED_WITHIN_S, f"a refusal took {slowest:.1f} s")
    again = until(lambda: caller.ask().good, _AGAIN_WITHIN_S, "calls are not let in again")
    replayed = caller.send("GET", DISCOVERY, token=used)
    must(replayed.status == requests.codes.unauthorized, f"a used token is answered {replayed.in_short()} afterwards")
    return f"{len(refused)} calls refused with 503 within {slowest:.1f} s, let in again after {again:.1f} s"


def _is_refusal(answer: Answer) -> bool:
    """Whether it says 503, when to come again, and why."""
    retry = answer.headers.get("Retry-After", "")
    return answer.status == requests.codes.unavailable and retry.isdecimal() and bool(answer.document.get("issue"))


@contextlib.contextmanager
def _locked(service: Service, file: str) -> Iterator[str]:
    path = Path(service.environ["STATE_DIR"]) / file
    must(path.exists(), f"there is no {file}")
    with contextlib.closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield "locked"
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def _stopped(ground: Ground, which: str) -> Iterator[str]:
    ground.servers[which].stop()
    try:
        yield "stopped"
    finally:
        ground.servers[which].start()


@contextlib.contextmanager
def _still(ground: Ground, which: str) -> Iterator[str]:
    ground.servers[which].pause(on=True)
    try:
        yield "still"
    finally:
        ground.servers[which].pause(on=False)
