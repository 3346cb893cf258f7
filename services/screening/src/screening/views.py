"""HTTP in, HTTP out. What is decided is decided elsewhere."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, g

from chassis import shell
from screening import callers, messages, problems, services
from screening.account import Account
from screening.callers import Caller
from screening.cards.explanations import Explanations
from screening.cards.identity import Identity
from screening.cards.render import Renderer
from screening.dialects import outbound, table
from screening.dialects.outbound import Agreed
from screening.domain import screen
from screening.domain.chart import Chart
from screening.domain.orders.registry import ORDER_RULES, SIGNING_RULES
from screening.domain.screen import Screening
from screening.fhir import authorization, fallback, outcomes
from screening.fhir.fallback import Fallback, Gathered
from screening.fhir.prefetch import Delivery
from screening.fhir.reading import Call
from screening.knowledge.order_codes import OrderCodes
from screening.messages import HookCall
from screening.tally import Note

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

Watch = Callable[[str, Mapping[str, str], Mapping[str, Delivery], Chart], None]
"""Takes a call into account: the client's name and its names for our keys, what each of our keys brought, the chart."""


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
        began = time.monotonic()
        account = g.account = Account(parts.rules_version)
        hook_call = messages.read(shell.body(), service.hook)
        g.access_fields = {"service": service.id, "hook": service.hook}
        if service.hook != services.PATIENT_VIEW and not hook_call.has_drafts:
            return _json(_NO_CARDS)  # some clients repeat the hook without its orders: there is nothing to advise on
        if screen.silent_user(hook_call.user_id):
            return _json(_NO_CARDS)
        caller = callers.of(g.claims)
        gathered = _gathered(parts, caller, hook_call, service.hook, began)
        chart = gathered.chart
        with account.timed("rules"):
            if service.hook == services.PATIENT_VIEW:
                screening = _patient_view(parts, gathered, hook_call)
            else:
                screening = _order_hook(parts, gathered, hook_call, signing=service.hook == services.ORDER_SIGN)
        if not screening.findings:
            return _json(_NO_CARDS)
        identity = _identity(parts.identity_key, caller, hook_call)
        with account.timed("cards"):
            rendered = parts.renderer.cards(screening, hook_call.patient_id, identity, parts.explanations.current)
            agreed = parts.agreed(caller, chart, identity)
            cards = [outbound.shaped(card, agreed) for card in rendered]
            body = _ENCODER.encode({"cards": cards})
        account.topics.update(card["source"]["topic"]["code"] for card in cards)
        g.access_fields |= {"cards": len(cards), "topics": ",".join(c["source"]["topic"]["code"] for c in cards)}
        return _json(body)

    @views.after_request
    def accounted(response: Response) -> Response:
        """What the gateway is told besides, with cards and with refusals."""
        account: Account | None = g.get("account")
        if account is not None:
            response.headers.update(account.headers())
        return response

    return views


def _identity(key: bytes, caller: Caller, hook_call: HookCall) -> Identity:
    who = (caller.client, caller.tenant)
    return Identity(key, (*who, hook_call.fhir_server, hook_call.patient_id, hook_call.encounter_id))


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
    )
    gathered = parts.fallback.gather(call_data, _NEEDS[hook], server, parts.clock(), began + parts.ehr_seconds)
    account: Account = g.account
    account.timing |= {"prefetch": gathered.read_ms, "ehr": gathered.ehr_ms}
    account.fetched = gathered.fetched
    account.data.update({one.key: one.outcome for one in gathered.looked}.values())
    for one in gathered.looked:
        if one.source == fallback.EHR:  # what the prefetch came to, `watch` notes
            parts.note(caller.client, one.key, one.outcome, one.source, one.ms)
    for key, why in gathered.unanswered.items():
        if why in _REFUSED_BY_US:
            parts.note(caller.client, key, why, fallback.EHR)
    parts.watch(caller.client, caller.prefetch_keys, gathered.sent, gathered.chart)
    return gathered


def _patient_view(parts: Parts, gathered: Gathered, hook_call: HookCall) -> Screening:
    _require(parts, gathered, "patient")
    screening = screen.patient_view(gathered.chart, hook_call.user_id)
    if not screening.phenotype.present and not gathered.chart.patient.deceased:
        # That there is no movement disorder is only known when the whole problem list was seen.
        _require(parts, gathered, "conditions")
    return screening


def _order_hook(parts: Parts, gathered: Gathered, hook_call: HookCall, *, signing: bool) -> Screening:
    screening = screen.order_hook(gathered.chart, hook_call.user_id, signing=signing)
    if screening.undecided and not screening.findings:
        _require(parts, gathered, "patient")
        _require(parts, gathered, "conditions")
    return screening


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
