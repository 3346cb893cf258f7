"""EHRs that call and answer without pause, and repeat whatever was not acknowledged."""

import json
import random
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import requests
from contract import exchanges, judge

from crash.book import Book, Item
from crash.stack import Known, Stack

SERVICE: Final = "/cds-services/dystonia-patient-view"
FEEDBACK: Final = f"{SERVICE}/feedback"
MODULES: Final = frozenset({"B12", "SCREEN"})
"""What the patient of the suite gets cards about."""

CARDS: Final = "a call with cards"
ANSWERED: Final = "feedback acknowledged"
NO_ANSWER: Final = "no answer"

_DISCOVERY: Final = "/cds-services"
_SYSTEM: Final = "https://dystonia-cds.example/fhir/CodeSystem/override-reasons"
_REASONS: Final = ("not-indicated", "done-elsewhere", "cause-known", "deferred", "")
"""Each of them keeps a card away that was answered two days ago."""

_BAD_GATEWAY: Final = frozenset({502, 503, 504})
_TIMEOUT_S: Final = 15.0
_TRIES: Final = 60
_JUDGED_WHOLE: Final = 0.1


@dataclass(frozen=True)
class Patient:
    """A patient and what was answered about them.

    Attributes:
        id: of the FHIR resource.
        items: module -> the first answer to its card.
    """

    id: str
    items: Mapping[str, Item]


@dataclass(frozen=True)
class Reply:
    """What came back: status 0 stands for a connection that broke, or was not made."""

    status: int
    document: Mapping[str, Any]
    headers: Mapping[str, str]


class Ehr:
    """One client of the gateway, with connections of its own. Used by one thread."""

    def __init__(self, client: Known, stack: Stack, book: Book, body: str, dice: random.Random) -> None:
        self.client = client
        self._door = stack.door
        self._book = book
        self._body = body
        self._dice = dice
        self._session = requests.Session()

    def ask(self, patient: str) -> Reply:
        """Call for a patient, once."""
        body = self._body.replace("@patient", patient).replace("@call", str(uuid.uuid4()))
        reply = self._post(SERVICE, body)
        self._judge("call", reply, CARDS)
        return reply

    def tell(self, items: Sequence[Item]) -> Reply:
        """Send answers, once; what is acknowledged is in the book."""
        self._book.sending(items)
        reply = self._post(FEEDBACK, json.dumps({"feedback": [item.as_json(_SYSTEM) for item in items]}))
        self._judge("feedback", reply, ANSWERED)
        if reply.status == requests.codes.ok:
            told = reply.document.get("feedback", [])
            if [one.get("card") for one in told] != [item.card for item in items]:
                self._book.fault("the answer to feedback names other cards")
            self._book.acknowledged(items, [one.get("status", "") for one in told])
        return reply

    def cards(self, patient: str, tries: int = _TRIES) -> list[dict[str, Any]] | None:
        """The cards of a patient, with as many calls as it takes; None: in vain."""
        for _ in range(tries):
            reply = self.ask(patient)
            if reply.status == requests.codes.ok:
                cards: list[dict[str, Any]] = reply.document["cards"]
                return cards
            self._pause()
        return None

    def insist(self, items: Sequence[Item], tries: int = _TRIES) -> bool:
        """Send answers until they are acknowledged, as an EHR should; whether they were."""
        for _ in range(tries):
            if self.tell(items).status == requests.codes.ok:
                return True
            self._pause()
        return False

    def visit(self) -> Patient | None:
        """A new patient, whose cards are shown, perhaps twice, and then answered; None: it could not be done."""
        patient = self._new_patient()
        cards = self.cards(patient)
        if cards is None:
            return None
        shown = {judge.decision(card)["module"]: card for card in cards}
        if frozenset(shown) != MODULES:
            self._book.fault(f"a new patient gets {', '.join(sorted(shown))}")
            return None
        if self._dice.random() < 0.2:
            again = self.cards(patient)
            if again and [card["uuid"] for card in again] != [card["uuid"] for card in cards]:
                self._book.fault("a card that was not answered comes again under another uuid")
        answered = {module: self._answer(card) for module, card in shown.items()}
        items = [*answered.values(), *self._further(cards)]
        self._dice.shuffle(items)
        cut = self._dice.randint(0, len(items))
        done = [self.insist(part) for part in (items[:cut], items[cut:]) if part]
        if self._dice.random() < 0.2:
            self.insist(items)
        return Patient(patient, answered) if all(done) else None

    def visit_in_vain(self) -> list[str]:
        """A new patient while nothing can be written: what is wrong, if not all cards go out, or feedback is taken."""
        reply = self.ask(self._new_patient())
        cards = reply.document.get("cards", ())
        if frozenset(judge.decision(card)["module"] for card in cards) != MODULES:
            return [f"a call has the status {reply.status} and {len(cards)} cards"]
        told = self.tell([self._answer(card) for card in cards])
        if told.status != requests.codes.unavailable:
            return [f"feedback is answered with {told.status}"]
        return [] if told.headers.get("Retry-After", "").isdecimal() else ["nobody says when to send feedback again"]

    def _new_patient(self) -> str:
        return f"synthetic-{uuid.UUID(int=self._dice.getrandbits(128), version=4)}"

    def _answer(self, card: Mapping[str, Any]) -> Item:
        if self._dice.random() < 0.2 and card.get("suggestions"):
            suggestion = self._dice.choice(card["suggestions"])["uuid"]
            return Item(self.client.name, card["uuid"], self._book.moment(), suggestion=suggestion)
        return Item(self.client.name, card["uuid"], self._book.moment(), self._dice.choice(_REASONS))

    def _further(self, cards: Sequence[Mapping[str, Any]]) -> list[Item]:
        """Second thoughts about a card, and answers to cards that nobody was shown."""
        ids = [card["uuid"] for card in cards] + [str(uuid.uuid4()), f"site card {self._dice.getrandbits(64)}"]
        chosen = self._dice.choices(ids, k=self._dice.randint(0, 8))
        return [Item(self.client.name, one, self._book.moment(), self._dice.choice(_REASONS)) for one in chosen]

    def _post(self, path: str, body: str) -> Reply:
        headers = {"Authorization": f"Bearer {self.client.token(path)}", "Content-Type": "application/json"}
        try:
            answer = self._session.post(f"{self._door}{path}", data=body, headers=headers, timeout=_TIMEOUT_S)
            document = answer.json()
        except requests.JSONDecodeError:
            return Reply(answer.status_code, {}, answer.headers)
        except requests.RequestException:
            return Reply(0, {}, {})
        return Reply(answer.status_code, document, answer.headers)

    def _judge(self, what: str, reply: Reply, good: str) -> None:
        if reply.status == requests.codes.ok:
            self._book.came(good)
            if what == "call" and self._dice.random() < _JUDGED_WHOLE:
                for fault in judge.faults(reply.document):
                    self._book.fault(f"a card is wrong: {fault}")
        elif not reply.status:
            self._book.came(NO_ANSWER)
        else:
            self._book.came(f"{what} refused with {reply.status}")
            if reply.status not in _BAD_GATEWAY:
                self._book.fault(f"a {what} is answered with {reply.status}: {_words(reply.document)}")

    def _pause(self) -> None:
        time.sleep(self._dice.uniform(0.02, 0.2))


class Crowd:
    """EHRs in threads of their own, three clients in turn, until they are told to end."""

    def __init__(self, stack: Stack, book: Book, body: str, seed: int, threads: int = 6) -> None:
        self.ehrs = [
            Ehr(stack.clients[number % len(stack.clients)], stack, book, body, random.Random(f"{seed} {number}"))  # noqa: S311
            for number in range(threads)
        ]
        self._book = book
        self._over = threading.Event()
        self._seen: list[Patient] = []
        self._threads = [threading.Thread(target=self._work, args=(ehr,), name="ehr", daemon=True) for ehr in self.ehrs]

    def begin(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def end(self) -> list[Patient]:
        """Let each finish what it has begun; all patients whose answers were acknowledged."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                self._book.fault("an EHR does not come to an end")
        return list(self._seen)

    def _work(self, ehr: Ehr) -> None:
        while not self._over.is_set():
            try:
                patient = ehr.visit()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is an answer that an EHR cannot read
                self._book.fault(f"an EHR cannot go on: {error!r}")
                continue
            if patient is not None:
                self._seen.append(patient)


def body_of_a_call(stack: Stack) -> str:
    """The call about the patient of the suite, with `@patient` and `@call` where its ids belong."""
    headers = {"Authorization": f"Bearer {stack.clients[0].token(_DISCOVERY)}"}
    services = requests.get(f"{stack.door}{_DISCOVERY}", headers=headers, timeout=_TIMEOUT_S).json()["services"]
    templates = next(one["prefetch"] for one in services if SERVICE.endswith(one["id"]))
    made = exchanges.load("patient-view-prefetch")[0].request(templates, datetime.now(UTC).date())
    body = json.dumps({**made, "hookInstance": "@call"})
    return body.replace(made["context"]["patientId"], "@patient")


def _words(document: Mapping[str, Any]) -> str:
    issues = document.get("issue") or [{}]
    return str(issues[0].get("details", {}).get("text", "no words"))
