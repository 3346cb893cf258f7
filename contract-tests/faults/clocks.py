"""Clocks that differ: of an EHR and the gateway, of the gateway and the services behind it."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import requests
from crash.load import SERVICE
from crash.stack import GATEWAY

from chassis.peers import LEEWAY_S as BETWEEN_SERVICES_S
from faults.calling import DISCOVERY, Answer, Caller
from faults.ground import Ground, empty
from faults.holding import must, until
from gateway.tokens import LEEWAY_S as BETWEEN_EHR_AND_US_S

CLOCK: Final = "CLOCK_FILE"

_LIFE_S: Final = 300
_A_LITTLE_S: Final = BETWEEN_EHR_AND_US_S - 15
_MUCH_S: Final = 3 * BETWEEN_EHR_AND_US_S
_SOME_S: Final = BETWEEN_SERVICES_S - 30
_FAR_S: Final = 5 * BETWEEN_SERVICES_S
_AGAIN_WITHIN_S: Final = 5.0


def ehr_clock(ground: Ground) -> str:
    """The clock of an EHR is wrong by less than what is allowed for, and by more."""
    caller = ground.caller()
    for skew in (-_A_LITTLE_S - _LIFE_S, _A_LITTLE_S):
        answer = _asked_at(caller, skew)
        must(answer.good, f"a clock that differs by {_A_LITTLE_S} s: {answer.in_short()}")
    for skew in (-_MUCH_S - _LIFE_S, _MUCH_S):
        answer = _asked_at(caller, skew)
        said = "clock" in answer.words.lower() or "expired" in answer.words or "iat" in answer.words
        must(answer.status == requests.codes.unauthorized and said, f"by {_MUCH_S} s: {answer.in_short()}")
    return f"{_A_LITTLE_S} s ahead or behind let in, {_MUCH_S} s ahead or behind 401 with the reason"


def _asked_at(caller: Caller, skew_s: float) -> Answer:
    """Discovery with a token that a clock has made that is wrong by so much."""
    issued = int(time.time() + skew_s)
    token = caller.client.token(DISCOVERY, iat=issued, exp=issued + _LIFE_S)
    return caller.send("GET", DISCOVERY, token=token)


def clocks_of_services(ground: Ground) -> str:
    """The gateway's clock differs from those behind it by less than what is allowed for, by more, and then no more."""
    clock = Path(ground.gateway.environ[CLOCK])
    caller = ground.caller()
    for skew in (_SOME_S, -_SOME_S):
        clock.write_text(str(skew), "ascii")
        answer = _called_at(caller, skew)
        must(answer.good, f"services whose clocks differ by {skew} s: {answer.in_short()}")
    clock.write_text(str(_FAR_S), "ascii")
    far = _called_at(caller, _FAR_S)
    must(far.status == requests.codes.bad_gateway, f"services whose clocks differ by {_FAR_S} s: {far.in_short()}")
    must("token" not in far.words.lower(), f"it is laid to the caller's token: {far.words}")
    clock.write_text("0", "ascii")
    again = until(lambda: caller.ask().good, _AGAIN_WITHIN_S, "calls are not answered when the clocks agree again")
    return f"{_SOME_S} s apart all is well, {_FAR_S} s apart 502, answered again {again:.1f} s after that"


def _called_at(caller: Caller, skew_s: float) -> Answer:
    """A call with a token that a clock has made that is wrong by so much."""
    issued = int(time.time() + skew_s)
    return caller.ask(token=caller.client.token(SERVICE, iat=issued, exp=issued + _LIFE_S))


@contextlib.contextmanager
def with_a_clock_of_its_own() -> Iterator[Ground]:
    """Everything runs; the gateway's clock goes by a file."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        clock = Path(name) / "clock"
        clock.write_text("0", "ascii")
        with empty({GATEWAY: {CLOCK: str(clock)}}, {GATEWAY: "faults.skewed:app"}) as ground:
            ground.start()
            yield ground
