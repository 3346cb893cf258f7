"""`python -m attack [-v] [GROUP ...]`: play all rows, or those of some groups, and say what was not as it must be."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from attack import tables
from attack.cases import Case, faults
from attack.field import Field, prepared

LIMIT_S: Final = 175
"""The whole suite ends by itself within three minutes."""


def main(arguments: Sequence[str]) -> int:
    """Play the suite.

    Returns:
        0 when every attack was refused and every control let in; else 1.
    """
    parser = argparse.ArgumentParser(prog="attack", description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="name each row as it is played")
    parser.add_argument("groups", nargs="*", choices=[*tables.ALL, []], metavar="GROUP", help=", ".join(tables.ALL))
    chosen = parser.parse_args(arguments)
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _stop)
    signal.alarm(LIMIT_S)
    try:
        with tempfile.TemporaryDirectory(prefix="attack-") as folder, prepared(Path(folder)) as field:
            return played(field, chosen.groups or list(tables.ALL), verbose=chosen.verbose)
    except KeyboardInterrupt:
        print(f"stopped: by hand, or because it did not end within {LIMIT_S} s", file=sys.stderr)
        return 1


def _stop(_number: int, _frame: object) -> NoReturn:
    """End as with Ctrl-C."""
    raise KeyboardInterrupt


def played(field: Field, groups: Sequence[str], *, verbose: bool = False) -> int:
    """Play the tables of these groups; the last line says how many attacks were refused."""
    begun = time.monotonic()
    tally = Tally(lambda line: print(line, flush=True), verbose)
    for place in sorted(set(field.traps.seen.forbidden)):
        tally.fault("the start", f"somebody went to {place}")
    for group in groups:
        rows = tables.ALL[group](field)
        for case in rows:
            tally.add(case, _judged(field, case))
        print(f"{group}: {len(rows)} rows, {time.monotonic() - begun:.0f} s", flush=True)
    for wrong in tables.at_the_end(field):
        tally.fault("the end", wrong)
    return tally.result()


def _judged(field: Field, case: Case) -> list[str]:
    field.traps.seen.forbidden.clear()
    field.traps.seen.asked.clear()
    reply = case.send()
    found = [*faults(reply, case.answer), *case.after(reply)]
    if field.traps.seen.forbidden:
        found.append(f"somebody went to {', '.join(sorted(set(field.traps.seen.forbidden)))}")
    text = reply.text()
    if any(secret in text for secret in field.spent if len(secret) > 12):
        found.append("the answer repeats a token")
    return found


class Tally:
    """Counts what was refused, and says what was not."""

    def __init__(self, say: Callable[[str], None], verbose: bool) -> None:
        self._say = say
        self._verbose = verbose
        self.attacks = self.refused = self.controls = 0
        self.wrong = 0

    def add(self, case: Case, found: Sequence[str]) -> None:
        """Note what came of a row."""
        if case.control:
            self.controls += 1
        else:
            self.attacks += 1
            self.refused += not found
        if self._verbose:
            self._say(f"{'ok ' if not found else 'BAD'} {case.group}: {case.name}")
        for one in found:
            self.fault(f"{case.group}: {case.name}{' (must be let in)' if case.control else ''}", one)

    def fault(self, where: str, words: str) -> None:
        """Note something that is wrong."""
        self.wrong += 1
        self._say(f"FAULT {where}: {words}")

    def result(self) -> int:
        """Say the sum on the last line; the exit status."""
        self._say(f"{self.controls} controls, {self.wrong} faults")
        self._say(f"{self.refused} of {self.attacks} refused")
        return 0 if self.attacks and not self.wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
