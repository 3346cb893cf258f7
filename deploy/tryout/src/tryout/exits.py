"""How commands end."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the commands."""

    FINE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
