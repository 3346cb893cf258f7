"""Callers: one at a time, or many without pause; what each of them was answered, and after how long."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import requests
from contract import judge
from crash.load import FEEDBACK, MODULES, SERVICE
from crash.stack import Known

DISCOVERY: Final = "/cds-services"
PATIENT: Final = "@patient"
CALL: Final = "@call"

_PATIENCE_S: Final = 40.0
NOT_TAKEN: Final = "nobody takes a connection"
_BROKEN: Final = "the connection broke: {}"


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: 0: none at all, the connection broke or could not be made.
        document: the JSON; empty if it is none.
        headers: of the answer.
        seconds: how long it took.
        text: what came, or why nothing came.
    """

    status: int
    document: Mapping[str, Any]
    headers: Mapping[str, str]
    seconds: float
    text: str = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether it is 200."""
        return bool(self.status == requests.codes.ok)

    @property
    def words(self) -> str:
        """The words of a refusal."""
        issues = self.document.get("issue") or [{}]
        return str(issues[0].get("details", {}).get("text", "") or " ".join(self.text.split())[:80])

    @property
    def cards(self) -> Sequence[Mapping[str, Any]]:
        """The cards."""
        found: Sequence[Mapping[str, Any]] = self.document.get("cards", ())
        return found

    @property
    def modules(self) -> frozenset[str]:
        """What the cards are about."""
        return frozenset(judge.decision(card)["module"] for card in self.cards)

    def in_short(self) -> str:
        """Status and words."""
        return f"{self.status or 'no answer'} ({self.words})" if not self.good else "200"


class Caller:
    """One client with kept-alive connections of its own. Used by one thread.

    Args:
        client: who calls.
        door: base URL of a gateway.
        body: a call with `@patient` and `@call` where its ids belong.
    """

    def __init__(self, client: Known, door: str, body: str) -> None:
        self.client = client
        self._door = door
        self._body = body
        self._session = requests.Session()

    def ask(self, patient: str = "", body: str = "", token: str = "") -> Answer:
        """Call about a patient, by default one that nobody has called about."""
        made = (body or self._body).replace(PATIENT, patient or f"synthetic-{uuid.uuid4()}")
        return self.send("POST", SERVICE, made.replace(CALL, str(uuid.uuid4())), token)

    def tell(self, cards: Sequence[Mapping[str, Any]]) -> Answer:
        """Say that these cards were overridden."""
        now = datetime.now(UTC).isoformat()
        told = [{"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": now} for card in cards]
        return self.send("POST", FEEDBACK, json.dumps({"feedback": told}))

    def send(self, method: str, path: str, body: str | None = None, token: str = "") -> Answer:
        """Any request, once; by default with a token that is good."""
        headers = {"Authorization": f"Bearer {token or self.client.token(path)}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        begun = time.monotonic()
        try:
            came = self._session.request(
                method, f"{self._door}{path}", data=body, headers=headers, timeout=_PATIENCE_S, allow_redirects=False
            )
        except requests.RequestException as error:
            why = NOT_TAKEN if "refused" in str(error) else _BROKEN.format(type(error).__name__)
            return Answer(0, {}, {}, time.monotonic() - begun, why)
        seconds = time.monotonic() - begun
        try:
            document = came.json()
        except requests.JSONDecodeError:
            document = {}
        return Answer(came.status_code, document, came.headers, seconds, came.text)

    def close(self) -> None:
        """End its connections."""
        self._session.close()


@dataclass
class Load:
    """What came of many calls."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.answers)

    @property
    def failed(self) -> list[Answer]:
        """Those that were not answered with all cards that are due."""
        return [one for one in self.answers if not one.good or one.modules != MODULES]

    @property
    def slowest(self) -> float:
        """The longest that one took, in seconds."""
        return max((one.seconds for one in self.answers), default=0.0)

    def in_short(self) -> str:
        """Counts, as "200 of 200 calls answered"."""
        good = self.count - len(self.failed)
        return f"{good} of {self.count} calls answered with their cards"

    def what_failed(self) -> str:
        """The failures, counted."""
        said = Counter(one.in_short() for one in self.failed)
        return "; ".join(f"{number}x {words}" for words, number in said.most_common(4))


@contextmanager
def loaded(callers: Sequence[Caller], pause_s: float = 0.0) -> Iterator[Load]:
    """Have all callers call until the end of the block, each in a thread of its own."""
    load, over, lock = Load(), threading.Event(), threading.Lock()

    def work(caller: Caller) -> None:
        while not over.is_set():
            answer = caller.ask()
            with lock:
                load.answers.append(answer)
            over.wait(pause_s)

    threads = [threading.Thread(target=work, args=(one,), name="caller", daemon=True) for one in callers]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join(_PATIENCE_S + 5)
