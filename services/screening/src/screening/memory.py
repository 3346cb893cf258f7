"""What was answered to a patient's cards, and what is shown now: joins the rules to the store.

Nothing is read before a rule has something to say. A store that is down costs no card: nothing is held back then, and
`state` says so.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from screening.callers import Caller
from screening.domain import answers
from screening.domain.answers import Answer, Shown, Terms
from screening.domain.chart import Chart
from screening.domain.findings import Finding, Hold
from screening.messages import HookCall
from screening.services import CdsService
from screening.store import CardRow, Marks, Store, StoreDown
from screening.store.rows import ACCEPTED, SHOWN, SILENT, AnsweredRow

DOWN: Final = "down"
OFF: Final = "off"
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Shown)


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of this process.

    Attributes:
        store: where it is kept.
        marks: what stands there for patients and resources.
        terms: how long answers hold, where a site may say.
    """

    store: Store
    marks: Marks
    terms: Terms

    def of(self, caller: Caller, hook_call: HookCall, now: datetime) -> "PatientMemory":
        """The memory of the patient of a call, as this caller knows it. Nothing is read yet."""
        key = self.marks.patient(caller.client, caller.tenant, hook_call.fhir_server, hook_call.patient_id)
        state = "" if self.store.exists else OFF
        return PatientMemory(self, caller.client, caller.tenant, hook_call.fhir_server, key, now, state)


@dataclass(slots=True)
class PatientMemory:
    """The memory of one patient during one call.

    Attributes:
        memory: of this process.
        client: who calls.
        tenant: of that client.
        fhir_server: that the patient's id is from.
        key: stands for the patient.
        now: when the call came.
        state: `down` once the store was needed and could not be used; `off` when there is none; else empty.
    """

    memory: Memory
    client: str
    tenant: str
    fhir_server: str
    key: str
    now: datetime
    state: str = ""
    _answers: list[Answer] | None = field(default=None, init=False, repr=False)

    def hold(self, finding: Finding, chart: Chart) -> Hold | None:
        """Why what was answered holds this finding back; None: it does not, or it cannot be looked up."""
        if self._answers is None:
            self._answers = self._read()
        if not self._answers:
            return None
        return answers.held_by(finding, chart, self._answers, self.memory.marks.content, self.memory.terms)

    def remember(
        self,
        service: CdsService,
        shown: Iterable[tuple[Finding, Mapping[str, Any]]],
        silent: Iterable[Finding],
        chart: Chart,
        rules_version: str,
    ) -> bool:
        """Write down what goes out, and what would have gone out.

        Args:
            service: that was called.
            shown: findings, each with its card as it goes out.
            silent: findings that are held back only because a site wants to see first what they would do.
            chart: on which they rest.
            rules_version: of the rules in force.

        Returns:
            Whether there are answers to these cards that nobody knew for them until now, because they came before the
            card was written down. They are known now: what is held back has to be asked again.
        """
        rows = [self._row(service, finding, card, chart, rules_version) for finding, card in shown]
        rows += [self._row(service, finding, None, chart, rules_version) for finding in silent]
        if not rows or self.state == OFF:
            return False
        try:
            early = self.memory.store.record(rows)
        except StoreDown:
            self.state = DOWN
            return False
        if early:
            self._answers = None
        return early

    def _read(self) -> list[Answer]:
        if self.state == OFF:
            return []
        try:
            rows = self.memory.store.answers(self.key)
        except StoreDown:
            self.state = DOWN
            return []
        return [answer for row in rows if (answer := _answer(row)) is not None]

    def _row(
        self, service: CdsService, finding: Finding, card: Mapping[str, Any] | None, chart: Chart, rules_version: str
    ) -> CardRow:
        shown = _ENCODER.encode(answers.shown(finding, chart, self.memory.marks.content)).decode()
        suggestions: Sequence[Mapping[str, Any]] = card.get("suggestions", ()) if card is not None else ()
        return CardRow(
            client=self.client,
            tenant=self.tenant,
            uuid=card["uuid"] if card is not None else self._silent_uuid(service, finding, shown),
            suggestions=tuple(one["uuid"] for one in suggestions if "uuid" in one),
            service=service.id,
            hook=service.hook,
            module=finding.module,
            state=finding.state,
            indicator=finding.indicator,
            rules_version=rules_version,
            patient=self.key,
            fhir_server=self.fhir_server,
            shown=shown,
            at=self.now,
            mode=SHOWN if card is not None else SILENT,
        )

    def _silent_uuid(self, service: CdsService, finding: Finding, shown: str) -> str:
        """An id for what has no card: the same for the same finding, and never that of a card."""
        whole = json.dumps([SILENT, self.key, service.id, finding.module, finding.state, finding.indicator, shown])
        return str(uuid.UUID(hex=self.memory.marks.content(whole), version=5))


def _answer(row: AnsweredRow) -> Answer | None:
    """An answer as the rules know it; None where the card is of a version of ours that noted other things."""
    try:
        shown = _DECODER.decode(row.shown)
    except msgspec.MsgspecError:
        return None
    return Answer(shown=shown, accepted=row.outcome == ACCEPTED, reason=row.reason, at=row.at)
