"""What must hold, said in words; and how long it took until something did."""

import time
from collections.abc import Callable
from typing import Final

_LOOK_EVERY_S: Final = 0.1


class NotSurvived(Exception):
    """Something did not hold; the text says what was seen."""


class LeftOut(Exception):
    """A fault cannot be played on this machine; the text says what is missing."""


def must(holds: bool, seen: str) -> None:
    """See that something holds.

    Raises:
        NotSurvived: with the words about what was seen.
    """
    if not holds:
        raise NotSurvived(seen)


def until(holds: Callable[[], bool], within_s: float, seen: str | Callable[[], str]) -> float:
    """Wait until something holds, looking again and again.

    Args:
        holds: looks, and says whether it does.
        within_s: how long is waited.
        seen: the words if it never does.

    Returns:
        After how many seconds it did.

    Raises:
        NotSurvived: it did not within that time.
    """
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > within_s:
            raise NotSurvived(f"{seen if isinstance(seen, str) else seen()} (after {within_s:g} s)")
        time.sleep(_LOOK_EVERY_S)
    return time.monotonic() - begun
