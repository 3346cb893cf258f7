"""What the worker knows of a connection: what it waits for, until when, and what of it is in memory."""

import socket
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from chassis.serving.intake import Intake


@dataclass(frozen=True)
class Limits:
    """How long a client may take, in seconds, and how much is kept for it, in bytes.

    Attributes:
        head: from the first moment of a connection, or the first byte of a further request, to the end of its head.
        body: from there to the end of the body.
        queue: how long a whole request may wait for a thread before it is refused.
        answer: how long the client may take to read the answer.
        body_bytes: largest body that is kept; a larger one reaches the application without its bytes.
        held_bytes: all that a worker keeps of requests; beyond it, the oldest unfinished one is refused.
        at_once: how many requests are computed at a time; 0: as many as there are threads.
    """

    head: float = 10.0
    body: float = 20.0
    queue: float = 5.0
    answer: float = 20.0
    body_bytes: int = 10_000_000
    held_bytes: int = 40_000_000
    at_once: int = 0


class Phase(Enum):
    """What a connection is waiting for."""

    __hash__ = object.__hash__  # there is one of each, and they are looked up several times a request

    IDLE = "the next request"
    HEAD = "the end of a head"
    BODY = "the end of a body"
    WORK = "a thread, and the application"
    ANSWER = "the client, to read"
    LINGER = "the client, to close"
    DISCARD = "the end of what nobody reads"
    GONE = "nothing"


READING: Final = (Phase.HEAD, Phase.BODY)
"""The phases in which a request arrives."""

TO_EVICT: Final = (Phase.IDLE, Phase.LINGER, Phase.DISCARD, Phase.HEAD, Phase.BODY, Phase.ANSWER)
"""Who has to go when there is no room, the phase that costs a client least first."""


class Connection:
    """One client's connection, owned by the loop; a thread may use the socket while the phase is WORK.

    `watched` is what the loop looks out for at the socket: `selectors.EVENT_READ`, `EVENT_WRITE`, or 0.
    """

    __slots__ = (
        "client",
        "deadline",
        "discarded",
        "held",
        "intake",
        "phase",
        "rest",
        "server",
        "sock",
        "then",
        "watched",
    )

    def __init__(self, sock: socket.socket, client: Any, server: Any, intake: Intake) -> None:
        self.sock = sock
        self.client = client
        self.server = server
        self.intake = intake
        self.phase = Phase.GONE
        self.deadline = 0.0
        self.held = 0
        self.rest = memoryview(b"")
        self.then = Phase.LINGER
        self.watched = 0
        self.discarded = 0

    def send(self, data: bytes | memoryview) -> int:
        """Send what the client takes at once; how many bytes that were. A client that is gone has taken all."""
        try:
            return self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            return len(data)


class Outbox:
    """Stands for the socket while an answer is built: the answer leaves in one piece, and only when it is whole."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self._pieces.append(data)

    def whole(self) -> bytes:
        return b"".join(self._pieces)
