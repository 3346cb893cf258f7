"""All tables of the suite, in the order in which they are played."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from attack import bodies, browsers, callers, doors, fetching, starts, tokens, twice, wire
from attack.cases import Case
from attack.field import Field

ALL: Final[Mapping[str, Callable[[Field], list[Case]]]] = {
    tokens.GROUP: tokens.table,
    callers.GROUP: callers.table,
    bodies.GROUP: bodies.table,
    wire.GROUP: wire.table,
    doors.GROUP: doors.table,
    browsers.GROUP: browsers.table,
    fetching.GROUP: fetching.table,
    twice.GROUP: twice.table,
    starts.GROUP: starts.table,
}
"""Group -> its rows."""


def at_the_end(field: Field) -> Iterator[str]:
    """What is wrong once all is played: a service that has ended, a token in anything that was written."""
    for name in field.stack.ended():
        yield f"{name} has ended"
    written = field.stack.written()
    if not written.strip():
        yield "nothing was logged, so nothing is proven"
    leaked = sum(secret in written for secret in set(field.spent) if len(secret) > 12)
    if leaked:
        yield f"{leaked} tokens stand in a log or in a file of the service"
