"""HTTP in, HTTP out. What is decided is decided elsewhere."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, g

from chassis import arrival, shell
from chassis.logs import Log
from screening import callers, messages, metrics, problems, services
from screening.account import Account
from screening.callers import Caller
from screening.cards.explanations import Explanations
from screening.cards.identity import Identity
from screening.cards.render import Renderer
from screening.dialects import outbound, table
from screening.dialects.outbound import Agreed
from screening.domain import reasons, screen
from screening.domain.chart import Chart
from screening.domain.findings import ANSWER, Finding, Hold, Holding
from screening.domain.orders.registry import ORDER_RULES, SIGNING_RULES
from screening.domain.reasons import Explained
from screening.domain.screen import Screening
from screening.fhir import authorization, fallback, outcomes
from screening.fhir.fallback import Fallback, Gathered
from screening.fhir.prefetch import Delivery
from screening.fhir.reading import Call
from screening.knowledge.order_codes import OrderCodes
from screening.knowledge.rule_modes import CANARY, OFF, SILENT
from screening.memory import Memory, PatientMemory
from screening.messages import HookCall
from screening.modes import ClientModes, Modes
from screening.recorder import Recorder
from screening.services import CdsService
from screening.tally import Note
from screening.trace import NO_DRAFTS, Trace

_LOG: Final = Log("trace")
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_NO_CARDS: Final = b'{"cards":[]}'
_NEEDS: Final[Mapping[str, fallback.Need]] = {
    services.PATIENT_VIEW: fallback.for_patient_view,
    services.ORDER_SELECT: fallback.for_orders(ORDER_RULES),
    services.ORDER_SIGN: fallback.for_orders(SIGNING_RULES),
}
_REFUSED_BY_US: Final = frozenset(
    {outcomes.NOT_LISTED, outcomes.TOKEN_UNUSABLE, outcomes.ID_UNUSABLE, outcomes.NO_SCOPE}
)
"""Why a FHIR server that a call names was not asked, where the site or we can change it."""
_HELD_HERE: Final = frozenset({ANSWER, OFF, SILENT, CANARY})
"""What holds back cards that are otherwise due: what was answered, and what the site has decided."""
_RECORDED: Final = frozenset({SILENT, CANARY})
"""Modes in which a card is written down although it is not shown."""

Watch = Callable[[str, Mapping[str, str], Mapping[str, Delivery], Chart, Mapping[str, Delivery]], None]
"""Takes a call into account: the client's name and its names for our keys, what each of our keys brought, the chart,
and what the EHR gave besides."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views work with; joined in `app`. The EHR may be waited for until `ehr_seconds` after a call came."""

    fallback: Fallback
    ehr_seconds: float
    rules_version: str
    renderer: Renderer
    explanations: Explanations
    identity_key: bytes
    discovery: bytes
    templates: dict[str, str]
    clock: Callable[[], datetime]
    order_codes: OrderCodes
    allowed_links: tuple[str, ...]
    watch: Watch
    note: Note
    memory: Memory
    modes: Modes
    recorder: Recorder | None

    def agreed(self, caller: Caller, chart: Chart, identity: Identity) -> Agreed:
        """How this caller wants its cards."""
        return Agreed(
            dialect=table.named(caller.dialect),
            uuid=identity.uuid,
            order_codes=self.order_codes.of(caller.client),
            links=self.allowed_links,
            drafts={draft.reference: draft.label for draft in chart.drafts},
        )


def blueprint(parts: Parts) -> Blueprint:
    """The addresses of the screening service."""
    views = Blueprint("screening", __name__)

    @views.get("/cds-services")
    def discovery() -> Response:
        """The CDS services of this process."""
        return _json(parts.discovery)

    @views.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        """Answer one hook call."""
        service = services.BY_ID.get(service_id)
        if service is None:
            raise problems.unknown_service()
        began = arrival.began()
        g.account = Account(parts.rules_version, timing={"door": 1000 * (time.monotonic() - began)})
        trace = g.trace = Trace(service.id, service.hook, parts.clock(), parts.rules_version)
        caller = callers.of(g.claims)
        trace.called_by(caller)
        hook_call = messages.read(shell.body(), service.hook)
        trace.hook_instance = hook_call.hook_instance
        g.access_fields = {"service": service.id, "hook": service.hook}
        if service.hook != services.PATIENT_VIEW and not hook_call.has_drafts:
            trace.silent_because = NO_DRAFTS  # some clients repeat the hook without its orders
            return _json(_NO_CARDS)
        if screen.silent_user(hook_call.user_id):
            trace.silent_because = screen.NO_ORDERS_BY_USER
            return _json(_NO_CARDS)
        gathered = _gathered(parts, caller, hook_call, service.hook, began)
        trace.gathered(gathered)
        return _json(_answer(parts, service, caller, hook_call, gathered))

    @views.after_request
    def accounted(response: Response) -> Response:
        """What the gateway is told besides, and what is kept for who asks why: of answers and of refusals."""
        account: Account | None = g.get("account")
        trace: Trace | None = g.get("trace")
        if account is None or trace is None:
            return response
        response.headers.update(account.headers())
        if response.status_code == 200:
            metrics.screened(trace.client, trace.service, account.topics, account.data)
        if parts.recorder is not None:
            trace.status, trace.refusal, trace.timing = response.status_code, g.get("problem_words", ""), account.timing
            parts.recorder.keep(trace)
        return response

    return views


def _answer(parts: Parts, service: CdsService, caller: Caller, hook_call: HookCall, gathered: Gathered) -> bytes:
    """The body of the answer. What goes out is written down before; what is told besides, on the way."""
    account: Account = g.account
    trace: Trace = g.trace
    chart = gathered.chart
    modes, memory = parts.modes.of(caller.client), parts.memory.of(caller, hook_call, trace.at)
    version = f"{parts.rules_version}+modes.{modes.version}" if modes.version else parts.rules_version
    for _ in range(2):  # a second time if a card turns out to have been answered before it was known
        with account.timed("rules"):
            screening = _screened(parts, service, gathered, hook_call, _holding(modes, memory, chart))
        with account.timed("cards"):
            cards = _cards(parts, caller, hook_call, chart, screening) if screening.findings else []
            body = _ENCODER.encode({"cards": cards}) if cards else _NO_CARDS
        with account.timed("store"):
            silent = [held.finding for held in screening.held if held.hold.by in _RECORDED and held.finding is not None]
            if not memory.remember(service, zip(screening.findings, cards, strict=True), silent, chart, version):
                break
    account.store = trace.store = memory.state
    trace.patient, trace.fhir_server, trace.rules_version = memory.key, memory.fhir_server, version
    trace.held = screening.held
    for held in screening.held:
        metrics.CARDS_HELD.add(held.module, held.hold.by)
    for card in cards:
        metrics.CARDS.add(card["source"]["topic"]["code"], card["indicator"])
    if parts.recorder is not None:
        trace.explained = _explained(screening, chart)
    trace.answered(screening.findings, cards, parts.explanations.current.version)
    topics = [card["source"]["topic"]["code"] for card in cards]
    account.topics.update(topics)
    if cards:
        g.access_fields |= {"cards": len(cards), "topics": ",".join(topics)}
    return body


def _explained(screening: Screening, chart: Chart) -> Explained | None:
    """The words for the trace; None if they cannot be had."""
    try:
        return reasons.explained(screening, chart)
    except Exception as error:  # noqa: BLE001 - a fault in the words for operators must not cost a clinician the card
        _LOG.error("a call is not explained", reason=type(error).__name__)
        return None


def _gathered(parts: Parts, caller: Caller, hook_call: HookCall, hook: str, began: float) -> Gathered:
    """The data of a call; what became of each key is noted."""
    call_data = Call(
        patient_id=hook_call.patient_id,
        prefetch=hook_call.prefetch,
        draft_orders=hook_call.draft_orders,
        selections=hook_call.selections,
        prefetch_keys=caller.prefetch_keys,
    )
    server = authorization.server(
        caller.fhir_base,
        caller.fhir_why,
        hook_call.fhir_authorization,
        hook_call.patient_id,
        public_only=caller.public_only,
        client=caller.client,
    )
    gathered = parts.fallback.gather(call_data, _NEEDS[hook], server, parts.clock(), began + parts.ehr_seconds)
    account: Account = g.account
    account.timing |= {"prefetch": gathered.read_ms, "ehr": gathered.ehr_ms}
    account.fetched = gathered.fetched
    account.data.update({one.key: one.outcome for one in gathered.looked}.values())
    for one in gathered.looked:
        if one.source == fallback.EHR:  # what the prefetch came to, `watch` notes
            parts.note(caller.client, one.key, one.outcome, one.source, one.ms)
            metrics.EHR_FETCHES.add(caller.client, one.outcome)
            metrics.EHR_SECONDS.took(one.ms / 1000, caller.client)
        else:
            metrics.prefetched(one.key, one.outcome)
    for why in set(gathered.unanswered.values()) & outcomes.NOT_ASKED:
        metrics.EHR_NOT_ASKED.add(caller.client, why)
    for key, why in gathered.unanswered.items():
        if why in _REFUSED_BY_US:
            parts.note(caller.client, key, why, fallback.EHR)
    parts.watch(caller.client, caller.prefetch_keys, gathered.sent, gathered.chart, gathered.came)
    return gathered


def _holding(modes: ClientModes, memory: PatientMemory, chart: Chart) -> Holding:
    """What holds cards back on this call: what the site has decided, or what a clinician has answered."""

    def hold(finding: Finding) -> Hold | None:
        site = modes.hold(finding, memory.key)
        if site is not None and site.by == OFF:
            return site
        return memory.hold(finding, chart) or site  # what was answered would not have been shown in any mode

    return hold


def _screened(parts: Parts, service: CdsService, gathered: Gathered, hook_call: HookCall, hold: Holding) -> Screening:
    """What the rules make of the chart.

    Raises:
        chassis.problems.Problem: 412, nothing can be decided without data that could not be had.
    """
    chart, user = gathered.chart, hook_call.user_id
    if service.hook == services.PATIENT_VIEW:
        _require(parts, gathered, "patient")
        screening = screen.patient_view(chart, user, hold)
        if not screening.phenotype.present and not chart.patient.deceased:
            # That there is no movement disorder is only known when the whole problem list was seen.
            _require(parts, gathered, "conditions")
        return screening
    screening = screen.order_hook(chart, user, hold, signing=service.hook == services.ORDER_SIGN)
    held_here = any(held.hold.by in _HELD_HERE for held in screening.held)  # it would be an answer without that
    if screening.undecided and not screening.findings and not held_here:
        _require(parts, gathered, "patient")
        _require(parts, gathered, "conditions")
    return screening


def _cards(
    parts: Parts, caller: Caller, hook_call: HookCall, chart: Chart, screening: Screening
) -> list[dict[str, Any]]:
    """The cards of a screening, as this caller wants them."""
    who = (caller.client, caller.tenant)
    identity = Identity(parts.identity_key, (*who, hook_call.fhir_server, hook_call.patient_id, hook_call.encounter_id))
    rendered = parts.renderer.cards(screening, hook_call.patient_id, identity, parts.explanations.current)
    agreed = parts.agreed(caller, chart, identity)
    return [outbound.shaped(card, agreed) for card in rendered]


def _require(parts: Parts, gathered: Gathered, key: str) -> None:
    if not gathered.chart.looked_up(key):
        sent, ehr = gathered.said(key)
        caller = callers.of(g.claims)
        raise problems.data_required(
            key,
            parts.templates[key],
            outcomes.PREFETCH_WORDS[sent],
            outcomes.EHR_WORDS.get(ehr, ""),
            site_key=caller.prefetch_keys.get(key, key),
            hint=table.named(caller.dialect).when_data_is_missing,
        )


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")


def encoded(value: Any) -> bytes:
    """JSON as this service writes it: decimals as numbers."""
    return _ENCODER.encode(value)
