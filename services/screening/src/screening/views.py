"""HTTP in, HTTP out. What is decided is decided elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, g

from chassis import shell
from screening import callers, messages, problems, services
from screening.callers import Caller
from screening.cards.explanations import Explanations
from screening.cards.identity import Identity
from screening.cards.render import Renderer
from screening.dialects import outbound, table
from screening.dialects.outbound import Agreed
from screening.domain import screen
from screening.domain.chart import Chart
from screening.domain.screen import Screening
from screening.fhir.prefetch import Delivery
from screening.fhir.reading import Call, Reader
from screening.knowledge.order_codes import OrderCodes
from screening.messages import HookCall

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_NO_CARDS: Final = b'{"cards":[]}'


Watch = Callable[[str, Mapping[str, str], Mapping[str, Delivery], Chart], None]
"""Takes a call into account: the client's name and its names for our keys, what each key brought, and the chart."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views work with; joined in `app`."""

    reader: Reader
    renderer: Renderer
    explanations: Explanations
    identity_key: bytes
    discovery: bytes
    templates: dict[str, str]
    clock: Callable[[], datetime]
    order_codes: OrderCodes
    allowed_links: tuple[str, ...]
    watch: Watch

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
        hook_call = messages.read(shell.body(), service.hook)
        g.access_fields = {"service": service.id, "hook": service.hook}
        if service.hook != services.PATIENT_VIEW and not hook_call.has_drafts:
            return _json(_NO_CARDS)  # some clients repeat the hook without its orders: there is nothing to advise on
        if screen.silent_user(hook_call.user_id):
            return _json(_NO_CARDS)
        caller = callers.of(g.claims)
        call_data = Call(
            patient_id=hook_call.patient_id,
            prefetch=hook_call.prefetch,
            draft_orders=hook_call.draft_orders,
            selections=hook_call.selections,
            prefetch_keys=caller.prefetch_keys,
        )
        chart, deliveries = parts.reader.chart(call_data, parts.clock())
        parts.watch(caller.client, caller.prefetch_keys, deliveries, chart)
        if service.hook == services.PATIENT_VIEW:
            screening = _patient_view(parts, chart, hook_call)
        else:
            screening = _order_hook(parts, chart, hook_call, signing=service.hook == services.ORDER_SIGN)
        if not screening.findings:
            return _json(_NO_CARDS)
        identity = Identity(parts.identity_key, (hook_call.fhir_server, hook_call.patient_id, hook_call.encounter_id))
        rendered = parts.renderer.cards(screening, hook_call.patient_id, identity, parts.explanations.current)
        agreed = parts.agreed(caller, chart, identity)
        cards = [outbound.shaped(card, agreed) for card in rendered]
        g.access_fields |= {"cards": len(cards), "topics": ",".join(c["source"]["topic"]["code"] for c in cards)}
        return _json(_ENCODER.encode({"cards": cards}))

    @views.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        """Feedback is refused until it can be kept."""
        if service_id not in services.BY_ID:
            raise problems.unknown_service()
        raise problems.feedback_not_kept()

    return views


def _patient_view(parts: Parts, chart: Chart, hook_call: HookCall) -> Screening:
    _require(parts, chart, "patient")
    screening = screen.patient_view(chart, hook_call.user_id)
    if not screening.phenotype.present and not chart.patient.deceased:
        # That there is no movement disorder is only known when the whole problem list was seen.
        _require(parts, chart, "conditions")
    return screening


def _order_hook(parts: Parts, chart: Chart, hook_call: HookCall, *, signing: bool) -> Screening:
    screening = screen.order_hook(chart, hook_call.user_id, signing=signing)
    if screening.undecided and not screening.findings:
        _require(parts, chart, "patient")
        _require(parts, chart, "conditions")
    return screening


def _require(parts: Parts, chart: Chart, key: str) -> None:
    if not chart.looked_up(key):
        raise problems.data_required(key, parts.templates[key])


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")


def encoded(value: Any) -> bytes:
    """JSON as this service writes it: decimals as numbers."""
    return _ENCODER.encode(value)
