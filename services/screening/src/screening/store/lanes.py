"""Lanes: what a process does with the database side by side, each with connections and patience of its own."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of work.

    Attributes:
        name: what operators read in the log.
        patience_s: seconds that a piece of work may take, waiting for its turn included.
        begin: how a transaction begins on SQLite; empty: each statement stands for itself.
        durable: whether what was written must be on the disk when it is done. Without that it outlasts every process,
            but the last of it may be gone when the machine goes down.
        connections: how many pieces of work a process does at once on PostgreSQL. On SQLite it is one.
    """

    name: str
    patience_s: float
    begin: str = ""
    durable: bool = False
    connections: int = 2


READING: Final = Lane("reading", 0.1)
"""What was answered, for a call that waits."""
WRITING: Final = Lane("writing", 0.1)
"""What goes out, for a call that waits."""
FEEDBACK: Final = Lane("feedback", 2.0, begin="BEGIN IMMEDIATE", durable=True)
"""What must not be lost. The right to write is taken at once: who takes it later may have to give up."""
BACKGROUND: Final = Lane("background", 10.0, begin="BEGIN IMMEDIATE", connections=1)
"""What nobody waits for."""
PAGES: Final = Lane("pages", 10.0, begin="BEGIN", connections=1)
"""Reading for people: one view of the data over several statements."""

ALL: Final = (READING, WRITING, FEEDBACK, BACKGROUND, PAGES)
