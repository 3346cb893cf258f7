"""An EHR that is configured as a client: it signs each call, believes one authority, and repeats what broke off."""

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import requests
from contract import judge
from scenarios.expected import EXTENSION, Expected, expected, shown

from e2e.site import ISSUER, Site
from gateway import minting
from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

DISCOVERY: Final = "/cds-services"
TRIES: Final = 6
_BROKE_OFF: Final = frozenset({0, 502, 503, 504})
_PAUSE_S: Final = 1.2
"""Longer than a gateway refuses calls after its ledger has failed once."""
_STORE_RESTS_S: Final = 2.5
"""Longer than screening leaves a store alone that was too slow for a call."""
_TIMEOUT_S: Final = 20.0


class NotAnswered(Exception):
    """A call was not answered as it should, however often it was repeated; the text says what came."""


@dataclass
class Ehr:
    """Calls through the edge; threads may share it, each has a connection of its own.

    Attributes:
        site: whom it calls, and its key.
        repeated: how many calls had to be sent again.
    """

    site: Site
    repeated: int = 0
    _own: threading.local = field(default_factory=threading.local, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _services: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def token(self, path: str) -> str:
        """For one call of this address."""
        return minting.token(self.site.key, ISSUER, f"{self.site.public_url}{path}")

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        """Any request, once and without a token."""
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            self._own.session.verify = str(self.site.authority)
            self._own.session.trust_env = False
        answer: requests.Response = self._own.session.request(
            method, f"{self.site.public_url}{path}", timeout=_TIMEOUT_S, allow_redirects=False, **more
        )
        return answer

    def ask(self, path: str, body: object = None, *, tries: int = TRIES) -> Any:
        """A signed request, repeated with a new token when it breaks off; the JSON of the answer.

        Raises:
            NotAnswered: the answer was not 200, or none came.
        """
        said = ""
        for attempt in range(tries):
            if attempt:
                with self._lock:
                    self.repeated += 1
                time.sleep(_PAUSE_S)
            headers = {"Authorization": f"Bearer {self.token(path)}"}
            try:
                answer = self.send("POST" if body is not None else "GET", path, json=body, headers=headers)
                status, said = answer.status_code, f"{answer.status_code} {answer.text[:400]}"
            except requests.RequestException as error:
                status, said = 0, type(error).__name__
            if status == requests.codes.ok:
                return answer.json()
            if status not in _BROKE_OFF:
                break
        raise NotAnswered(f"{path}: {said}")

    def services(self) -> dict[str, dict[str, Any]]:
        """Hook -> service, from discovery."""
        if not self._services:
            self._services.update((one["hook"], one) for one in self.ask(DISCOVERY)["services"])
        return self._services

    def cards(self, scenario: Mapping[str, Any], today: date, *, tries: int = TRIES) -> dict[str, Any]:
        """The answer to the call that a scenario is."""
        service = self.services()[scenario["hook"]]
        call = wire.call(scenario, service["prefetch"], today, answer_prefetch)
        answer: dict[str, Any] = self.ask(f"{DISCOVERY}/{service['id']}", call, tries=tries)
        if faults := judge.faults(answer):
            raise NotAnswered(f"{scenario['id']}: {faults[:3]}")
        return answer

    def override(self, scenario: Mapping[str, Any], today: date) -> None:
        """Call for a scenario and answer its cards as it says.

        A call never waits for a slow store: a card may have gone out unwritten. The answer to it is kept as one to an
        unknown card, and counts as soon as the card is written; so the call is repeated until the card stays away.

        Raises:
            NotAnswered: the cards were not shown, or the answers were not kept.
        """
        service = self.services()[scenario["hook"]]["id"]
        wanted, kept = {one["module"] for one in scenario["overrides"]}, []
        for attempt in range(TRIES):
            shown_now = self.cards(scenario, today)["cards"]
            uuids = {card["extension"][EXTENSION]["module"]: card["uuid"] for card in shown_now}
            if not attempt and not wanted <= uuids.keys():
                raise NotAnswered(f"{scenario['id']}: cards about {sorted(uuids)}, where {sorted(wanted)} are answered")
            items = [_overridden(uuids[one["module"]], one) for one in scenario["overrides"] if one["module"] in uuids]
            if not items:
                return
            kept = self.ask(f"{DISCOVERY}/{service}/feedback", {"feedback": items})["feedback"]
            if {one["status"] for one in kept} <= {"kept", "repeated"}:
                return
            time.sleep(_STORE_RESTS_S)
        raise NotAnswered(f"{scenario['id']}: feedback came to {kept}")

    def modules(self, scenario: Mapping[str, Any], today: date) -> set[str]:
        """What the cards of a call are about."""
        return {card["extension"][EXTENSION]["module"] for card in self.cards(scenario, today)["cards"]}

    def still_shown(self, module: str, scenario: Mapping[str, Any], today: date) -> bool:
        """Whether a card about this comes again and again; once is forgiven, when the store was too slow."""
        if module not in self.modules(scenario, today):
            return False
        time.sleep(_STORE_RESTS_S)
        return module in self.modules(scenario, today)


def _overridden(card: str, override: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(days=override["ago"])
    item = {"card": card, "outcome": "overridden", "outcomeTimestamp": at.isoformat()}
    return {**item, "overrideReason": {"reason": {"code": override["reason"]}}} if "reason" in override else item


def played(ehr: Ehr, written: Mapping[str, Any], today: date) -> tuple[list[Expected], list[Expected]]:
    """What came of a scenario, and what should have; answers to cards are given first, if it has any."""
    wanted = expected(written["expect"]["cards"])
    if not written.get("overrides"):
        return shown(ehr.cards(written, today)), wanted
    scenario = {**written, "id": f"{written['id']}-{uuid.uuid4().hex[:8]}"}
    ehr.override(scenario, today)
    found = shown(ehr.cards(scenario, today))
    for _ in range(3):  # what was answered may be shown once more
        if found == wanted:
            break
        time.sleep(_STORE_RESTS_S)
        found = shown(ehr.cards(scenario, today))
    return found, wanted
