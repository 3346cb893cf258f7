"""`python -m crash`: kill whatever can be killed, again and again, and count what was acknowledged."""

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

from chassis import testing_postgresql
from crash import rounds
from crash.places import Place, PostgresqlPlace, SqlitePlace

LIMIT_S: Final = 280
"""The whole suite ends by itself before that."""

SQLITE: Final = SqlitePlace.name
POSTGRESQL: Final = PostgresqlPlace.name


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Play the suite.

    Returns:
        0 when all that was acknowledged was found, and nothing else was wrong; else 1.
    """
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000), help="of the dice")
    parser.add_argument("--no-control", action="store_true", help="leave out the round with a broken service")
    parser.add_argument(
        "stores", nargs="*", choices=[SQLITE, POSTGRESQL, []], metavar="STORE", help="sqlite, postgresql"
    )
    chosen = parser.parse_args(arguments)
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _stop)
    signal.alarm(LIMIT_S)
    try:
        required = environ.get("REQUIRE_POSTGRESQL") == "1"
        stores = chosen.stores or [SQLITE, POSTGRESQL]
        return played(stores, chosen.seed, control=not chosen.no_control, required=required)
    except KeyboardInterrupt:
        print(f"stopped: by hand, or because it did not end within {LIMIT_S} s", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1


def played(stores: Sequence[str], seed: int, *, control: bool = True, required: bool = False) -> int:
    """Play a round for each store; the last line is the sum.

    Args:
        stores: by name.
        seed: of the dice.
        control: whether to play a round with a broken service first, which must be noticed.
        required: whether it is a fault that there is no PostgreSQL.
    """
    begun = time.monotonic()
    say = _saying(begun)
    say(f"seed {seed}")
    wrong = 0
    if control:
        with _place(SQLITE) as place:
            count = rounds.control(place, seed)
        say(f"control: of {count.acknowledged} that a broken service acknowledged too early, {count.found} are there")
        if count.found >= count.acknowledged:
            say("FAULT control: nobody notices that feedback is lost")
            wrong += 1
    acknowledged = found = 0
    for store in stores:
        if store == POSTGRESQL and testing_postgresql.tools() is None:
            say(f"{'FAULT ' * required}postgresql: left out, {testing_postgresql.NOT_HERE}")
            wrong += required
            continue
        with _place(store) as place:
            result = rounds.played(place, seed, say)
        faults = [*result.faults, *(f"left behind: {one}" for one in place.left())]
        for fault in faults:
            say(f"FAULT {store}: {fault}")
        wrong += len(faults)
        acknowledged += result.count.acknowledged
        found += result.count.found
        say(f"{store}: acknowledged {result.count.acknowledged}, found {result.count.found}")
    print(f"{wrong} faults, {time.monotonic() - begun:.0f} s")
    print(f"acknowledged {acknowledged}, found {found}", flush=True)
    return 0 if acknowledged and acknowledged == found and not wrong else 1


@contextmanager
def _place(store: str) -> Iterator[Place]:
    if store == SQLITE:
        yield SqlitePlace()
        return
    binaries = testing_postgresql.tools()
    assert binaries is not None
    place = PostgresqlPlace(binaries)
    try:
        yield place
    finally:
        place.close()


def _saying(begun: float) -> Callable[[str], None]:
    return lambda line: print(f"{time.monotonic() - begun:4.0f} s  {line}", flush=True)


def _stop(_number: int, _frame: object) -> NoReturn:
    """End as with Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
