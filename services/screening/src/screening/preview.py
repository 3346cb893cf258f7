"""The cards for a record, without a call: what the studio shows, and the workbench where no script runs.

The same reader, rules, renderer and dialects as for a call, but nothing is asked of an EHR, nothing remembered and
nothing written down, and no mode hides a rule.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw

from screening import services
from screening.cards.explanations import Snapshot
from screening.cards.identity import Identity
from screening.cards.render import Renderer
from screening.dialects import outbound, table
from screening.dialects.outbound import Agreed
from screening.domain import screen
from screening.domain.chart import Chart
from screening.domain.screen import Screening
from screening.fhir.reading import Call, Reader
from screening.knowledge.order_codes import OrderCodes

Resource = Mapping[str, Any]
ANYBODY: Final = "anonymous"
_RECORD: Final = "record"
"""The prefetch key under which the whole record comes; it is none of ours, and what stands there is read anyway."""
_NONE: Final = Raw(b"null")
_KEY: Final = b"for previews only, which no patient has"
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a record comes to.

    Attributes:
        screening: what the rules make of it.
        cards: the CDS Hooks cards as JSON, in their order.
    """

    screening: Screening
    cards: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Preview:
    """Makes cards of records; joined in `app`.

    Attributes:
        reader: of prefetch.
        renderer: of cards.
        texts: gives the texts behind the cards, as they are now.
        order_codes: the order codes of the clients.
        links: the addresses that EHRs with a list of links let through.
    """

    reader: Reader
    renderer: Renderer
    texts: Callable[[], Snapshot]
    order_codes: OrderCodes
    links: tuple[str, ...]

    def cards(
        self,
        resources: Sequence[Resource],
        hook: str,
        *,
        drafts: Sequence[Resource] = (),
        selections: Sequence[str] | None = None,
        as_of: datetime,
        not_delivered: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """The cards that a client without agreements gets; see `look`."""
        return self.look(
            resources, hook, drafts=drafts, selections=selections, as_of=as_of, not_delivered=not_delivered
        ).cards

    def look(
        self,
        resources: Sequence[Resource],
        hook: str,
        *,
        drafts: Sequence[Resource] = (),
        selections: Sequence[str] | None = None,
        as_of: datetime,
        not_delivered: Sequence[str] = (),
        dialect: str = table.STRICT.name,
        client: str = ANYBODY,
    ) -> Previewed:
        """The cards for a record and what the rules made of it.

        Args:
            resources: the record of one patient as FHIR R4 resources, the Patient among them; what is not there is
                taken to be absent.
            hook: `patient-view`, `order-select` or `order-sign`.
            drafts: the draft orders, on order hooks.
            selections: `Type/id` of the selected ones; None: all.
            as_of: the moment of the call, with a time zone.
            not_delivered: prefetch keys or workup ids whose data count as unknown where the record has none.
            dialect: of the EHR.
            client: whose order codes are used.
        """
        patient_id = _patient_of(resources)
        chart = self.chart(resources, drafts=drafts, selections=selections, as_of=as_of, not_delivered=not_delivered)
        screening = _screened(chart, hook)
        identity = Identity(_KEY, (client, patient_id))
        agreed = Agreed(
            dialect=table.named(dialect),
            uuid=identity.uuid,
            order_codes=self.order_codes.of(client),
            links=self.links,
            drafts={draft.reference: draft.label for draft in chart.drafts},
        )
        rendered = self.renderer.cards(screening, patient_id, identity, self.texts())
        shaped = [outbound.shaped(card, agreed) for card in rendered]
        return Previewed(screening, msgspec.json.decode(_ENCODER.encode(shaped)))

    def chart(
        self,
        resources: Sequence[Resource],
        *,
        drafts: Sequence[Resource] = (),
        selections: Sequence[str] | None = None,
        as_of: datetime,
        not_delivered: Sequence[str] = (),
    ) -> Chart:
        """The facts in a record, as the rules read them; arguments as for `look`."""
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
        sent = {
            key: _NONE
            for key, asked in self.reader.keys.items()
            if key not in not_delivered and asked.name not in not_delivered
        }
        call = Call(
            patient_id=_patient_of(resources),
            prefetch={**sent, _RECORD: Raw(msgspec.json.encode(bundle))},
            draft_orders=tuple(Raw(msgspec.json.encode(one)) for one in drafts),
            selections=None if selections is None else tuple(selections),
        )
        return self.reader.chart(call, as_of)[0]


def _patient_of(resources: Sequence[Resource]) -> str:
    return next((str(one["id"]) for one in resources if one.get("resourceType") == "Patient"), "")


def _screened(chart: Chart, hook: str) -> Screening:
    if hook == services.PATIENT_VIEW:
        return screen.patient_view(chart)
    return screen.order_hook(chart, signing=hook == services.ORDER_SIGN)
