"""`python -m faults`: play the faults one after the other, and say of each what was seen."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from faults.ground import Ground
from faults.holding import LeftOut, NotSurvived
from faults.played import ALL, Fault, Grounds

LIMIT_S: Final = 1_200
"""The whole suite ends by itself before that."""
REQUIRED: Final = "REQUIRE_FAULTS"
"""Set to 1, a fault that cannot be played here counts as one that was not survived."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Play the suite.

    Returns:
        0 when all that was played was survived, and something was played; else 1.
    """
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument(
        "-k", dest="words", default="", help="only faults with one of these in the name; commas between"
    )
    parser.add_argument("-l", "--list", action="store_true", help="only name them")
    chosen = parser.parse_args(arguments)
    faults = [one for one in ALL if not chosen.words or any(word in one.name for word in chosen.words.split(","))]
    if chosen.list:
        print("\n".join(one.name for one in faults))
        return 0
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _stop)
    signal.alarm(LIMIT_S)
    try:
        return played(faults, required=environ.get(REQUIRED) == "1")
    except KeyboardInterrupt:
        print(f"stopped: by hand, or because it did not end within {LIMIT_S} s", file=sys.stderr)
        return 1


def played(faults: Sequence[Fault], *, required: bool = False) -> int:
    """Play these; the last line is the sum.

    Args:
        faults: in this order.
        required: whether one that cannot be played here counts as not survived.
    """
    begun = time.monotonic()
    survived = counted = 0
    with _Grounds() as grounds:
        for fault in faults:
            try:
                seen = fault.play(grounds.of(fault.ground))
            except LeftOut as missing:
                print(f"left out  {fault.name}: {missing}", flush=True)
                counted += required
                continue
            except (NotSurvived, OSError) as error:
                print(f"NOT SURVIVED  {fault.name}: {error}", flush=True)
                counted += 1
                grounds.leave()
                continue
            survived += 1
            counted += 1
            print(f"survived  {fault.name}: {seen}", flush=True)
    print(f"{time.monotonic() - begun:.0f} s")
    print(f"{survived} of {counted} faults survived", flush=True)
    return 0 if counted and survived == counted else 1


class _Grounds(contextlib.AbstractContextManager["_Grounds"]):
    """The ground of the moment, kept as long as faults need the same one. Those that begin empty are used once."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._made_by: Grounds | None = None
        self._ground: Ground | None = None

    def of(self, made_by: Grounds) -> Ground:
        """The ground that this makes.

        Raises:
            LeftOut: it cannot be made on this machine.
            OSError: its services do not get ready.
        """
        if self._ground is None or self._made_by is not made_by or not self._ground.shared:
            self.leave()
            self._ground, self._made_by = self._stack.enter_context(made_by()), made_by
        return self._ground

    def leave(self) -> None:
        """End it: the next fault begins on a new one."""
        self._ground = None
        self._stack.close()

    def __exit__(self, *_: object) -> None:
        self.leave()


def _stop(_number: int, _frame: object) -> NoReturn:
    """End as with Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
