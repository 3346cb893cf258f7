"""What to ask the EHR's FHIR server for when the prefetch lacks it, in which order, and how it is put together.

First the patient and the conditions: without a movement disorder there is nothing more to ask. Then, all at once,
whatever else is missing, partial or failed and can matter. What was delivered is never asked for. Where a medicine or a
draft only refers to its product, that is read, too.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chassis import tracing
from screening.domain import phenotype
from screening.domain.chart import Chart, Draft
from screening.domain.orders.rule import OrderRule
from screening.fhir import outcomes, prefetch, queries
from screening.fhir.access import Access, Fetched, Query, Server, Turn
from screening.fhir.prefetch import Delivery
from screening.fhir.reading import Call, Reader
from screening.fhir.shapes import type_of

PREFETCH: Final = "prefetch"
EHR: Final = "ehr"

FIRST: Final = ("patient", "conditions")

DRAFTS: Final = "draftOrders"
"""Stands for the selected draft orders among the keys."""

MOST_PRODUCTS: Final = 20
"""Medications that are read one by one for a call, where an EHR does not send them with its lists."""

Need = Callable[[Chart, Mapping[str, str]], Sequence[str]]
"""(chart as far as it is known, keys that are missing and were not asked for, each with the name of its data) -> those
to ask for next."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of one key: in the prefetch, or at the EHR after so many milliseconds."""

    key: str
    outcome: str
    source: str
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that could be had for a call.

    Attributes:
        chart: of what was delivered and fetched.
        sent: what the prefetch brought, by our keys.
        looked: what became of each key.
        unanswered: key -> why the EHR did not help, for the keys that were needed.
        read_ms: spent on reading.
        ehr_ms: spent on waiting for the EHR.
        came: what the EHR gave, by our keys; with the part of the prefetch that it goes on from.
    """

    chart: Chart
    sent: Mapping[str, Delivery]
    looked: tuple[Looked, ...]
    unanswered: Mapping[str, str]
    read_ms: float
    ehr_ms: float
    came: Mapping[str, Delivery] = field(default_factory=dict)

    @property
    def fetched(self) -> int:
        """How many keys the EHR was asked for."""
        return sum(one.source == EHR for one in self.looked)

    def said(self, key: str) -> tuple[str, str]:
        """What the prefetch and the EHR (empty: not needed) came to for a key."""
        return self.sent[key].outcome if key in self.sent else outcomes.ABSENT, self.unanswered.get(key, "")


def for_patient_view(chart: Chart, missing: Mapping[str, str]) -> Sequence[str]:
    """Everything for a living patient with a movement disorder; for others what tells that they are none."""
    if chart.patient.deceased:
        return ()
    if first := [key for key in missing if key in FIRST]:
        return first
    return list(missing) if chart.looked_up("patient") and phenotype.of(chart).present else ()


def for_orders(rules: Sequence[OrderRule]) -> Need:
    """What these rules read that are about a selected draft; nothing when none is.

    The problems always come with it: what is suggested names them as its reason, whatever the rule turns on.
    """

    def need(chart: Chart, missing: Mapping[str, str]) -> Sequence[str]:
        drafts = [draft for draft in chart.drafts if draft.selected]
        concerned = [rule for rule in rules if any(rule.concerns(draft) for draft in drafts)]
        if not concerned or chart.patient.deceased:
            return ()
        if first := [key for key in missing if key in FIRST]:
            return first
        disorder = phenotype.of(chart).present
        return _read_by([rule for rule in concerned if disorder or not rule.only_with_disorder], missing)

    return need


def _read_by(rules: Sequence[OrderRule], missing: Mapping[str, str]) -> list[str]:
    return [key for key, name in missing.items() if any(name in rule.reads for rule in rules)]


def is_unknown(draft: Draft) -> bool:
    """Whether no code says which medicine is ordered: neither the order's own, nor one of a product that was had."""
    return draft.medication and not draft.codings and not draft.sets


@dataclass(frozen=True, slots=True)
class Fallback:
    """Gathers the data of calls: from the prefetch, and what is missing from the EHR."""

    reader: Reader
    access: Access
    templates: Mapping[str, str]

    def gather(self, call: Call, need: Need, server: Server | str, now: datetime, until: float) -> Gathered:
        """Everything that can be had for a call before `until`.

        Args:
            call: what was sent.
            need: what of the missing matters.
            server: the one that may be asked, or why none may be.
            now: the moment of the call.
            until: `time.monotonic` at which nothing is waited for any more.
        """
        began = time.monotonic()
        if isinstance(server, Server) and not queries.usable(call.patient_id):
            server = outcomes.ID_UNUSABLE
        sent = self.reader.deliveries(call)
        with self.access.turn(server) if isinstance(server, Server) else nullcontext() as turn:
            asking = _Asking(self.reader, self.templates, call, now, until, server, turn, sent)
            asking.products(self.reader.lacking_of_drafts(call, sent))
            while keys := need(asking.chart, asking.missing()):
                asking.keys(keys)
            asking.products([one for key in asking.asked for one in asking.lacks(key)])
        total = time.monotonic() - began
        cut = [key for key, one in asking.told.items() if one.outcome == outcomes.TOO_MANY]
        sent = {**sent, **{key: asking.told[key] for key in cut if key in sent and key not in asking.asked}}
        looked = [Looked(key, _outcome(sent, key), PREFETCH) for key in self.reader.keys]
        if any(draft.selected and is_unknown(draft) for draft in asking.chart.drafts):
            looked.append(Looked(DRAFTS, outcomes.UNKNOWN_PRODUCT, PREFETCH))
        fetched = (dataclasses.replace(o, outcome=outcomes.TOO_MANY) if o.key in cut else o for o in asking.looked)
        return Gathered(
            asking.chart,
            sent,
            (*looked, *fetched),
            {**asking.unanswered, **{key: outcomes.TOO_MANY for key in cut if key in asking.asked}},
            1000 * (total - asking.waited),
            1000 * asking.waited,
            asking.came,
        )


@dataclass(slots=True)
class _Asking:
    """One call's data as they grow: what is known, what was asked, what came of it.

    `told` are the deliveries with what the reader made of them; that there were too many resources to read is no
    reason to ask for them again.
    """

    reader: Reader
    templates: Mapping[str, str]
    call: Call
    now: datetime
    until: float
    server: Server | str
    turn: Turn | None
    sent: Mapping[str, Delivery]
    deliveries: Mapping[str, Delivery] = field(init=False)
    chart: Chart = field(init=False)
    told: Mapping[str, Delivery] = field(init=False)
    asked: list[str] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)
    unanswered: dict[str, str] = field(default_factory=dict)
    came: dict[str, Delivery] = field(default_factory=dict)
    waited: float = 0.0

    def __post_init__(self) -> None:
        self.deliveries = self.sent
        self.chart, self.told = self.reader.chart(self.call, self.now, self.sent)

    def missing(self) -> dict[str, str]:
        """The keys that are missing and were not asked for yet, each with the name of its data."""
        missing = self.reader.missing(self.deliveries, self.chart)
        return {key: self.reader.keys[key].name for key in missing if key not in self.asked}

    def lacks(self, key: str) -> tuple[str, ...]:
        """The products that a key's list of medicines lacks."""
        return self.deliveries[key].lacks if key in self.deliveries else ()

    def keys(self, keys: Sequence[str]) -> None:
        """Ask for keys of ours."""
        self.asked += keys
        self.unanswered |= {key: why for key in keys if (why := self._why_not(key))}
        found = self._fetch([self._query(key) for key in keys if key not in self.unanswered])
        fresh = {key: self._delivery(key, one) for key, one in found.items()}
        self.looked += [Looked(key, one.outcome, EHR, found[key].ms) for key, one in fresh.items()]
        self.came |= fresh
        self._take(fresh)
        still = set(self.reader.missing(self.deliveries, self.chart))
        self.unanswered |= {key: one.outcome for key, one in fresh.items() if key in still}

    def products(self, references: Sequence[str]) -> None:
        """Read the products that say which medicines are meant; there may be too many of them to do so."""
        if not isinstance(self.server, Server) or not self.server.may_give("Medication"):
            return
        asking = [one for text in references if (one := queries.product(text, self.server.base)) is not None]
        if len(asking) > MOST_PRODUCTS:
            return
        found = self._fetch(list({query.key: query for query in asking}.values()))
        self._take({key: self._delivery(key, one) for key, one in found.items()})

    def _fetch(self, asking: Sequence[Query]) -> dict[str, Fetched]:
        if self.turn is None or not asking:
            return {}
        began = time.monotonic()
        with tracing.span("ask the FHIR server", cds_fetched=len(asking)):
            found = self.turn.fetch(asking, self.until - began)
        self.waited += time.monotonic() - began
        return found

    def _take(self, fresh: Mapping[str, Delivery]) -> None:
        if fresh:
            self.deliveries = self.reader.resolved(_overlaid(self.deliveries, fresh))
            self.chart, self.told = self.reader.chart(self.call, self.now, self.deliveries)

    def _query(self, key: str) -> Query:
        link = self.sent[key].next if key in self.sent else ""
        return queries.query(key, self.templates[key], self.call.patient_id, self.now, link)

    def _why_not(self, key: str) -> str:
        """Why the server is not asked for a key; empty when it is."""
        if not isinstance(self.server, Server):
            return self.server
        return "" if self.server.may_give(self.reader.keys[key].kind) else outcomes.NO_SCOPE

    def _delivery(self, key: str, found: Fetched) -> Delivery:
        """What the EHR gave for a key, together with the part of the prefetch that it goes on from."""
        whole = found.outcome == outcomes.DELIVERED
        made = prefetch.joined(self.sent.get(key) if found.went_on else None, found.pages, whole=whole)
        if not whole:
            return dataclasses.replace(made, outcome=found.outcome)
        return self.reader.judged(key, made, self.call.patient_id)


def _outcome(deliveries: Mapping[str, Delivery], key: str) -> str:
    return deliveries[key].outcome if key in deliveries else outcomes.ABSENT


def _overlaid(deliveries: Mapping[str, Delivery], fresh: Mapping[str, Delivery]) -> dict[str, Delivery]:
    """What was there and what has come; of a resource that is in both only what has come, which is not older.

    What stood under a key that has come anew feeds the chart all the same, but says no more what is absent.
    """
    come = {(type_of(r), r.id) for one in fresh.values() for _, r in one.resources if r.id}
    overlaid = dict(fresh)
    for key, one in deliveries.items():
        rest = tuple((url, r) for url, r in one.resources if (type_of(r), r.id) not in come)
        kept = one if len(rest) == len(one.resources) else dataclasses.replace(one, resources=rest)
        overlaid[f"{key} (sent)" if key in fresh else key] = kept
    return overlaid
