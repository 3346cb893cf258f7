"""From a call's prefetch and draft orders to the Chart that the rules read."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from msgspec import Raw

from screening.domain.chart import Chart, Condition, Draft, Medication, Order, Patient, Procedure, Relative
from screening.domain.codes import CodeBook
from screening.domain.thresholds import DEFAULTS, SiteValues
from screening.fhir import facts, outcomes, prefetch, shapes
from screening.fhir.observations import Meanings, Observations
from screening.fhir.prefetch import Delivery
from screening.fhir.times import day
from screening.slices import field

_Fact = TypeVar("_Fact")
_OF_PATIENTS: Final = (shapes.Owned, shapes.Patient)
MOST_RESOURCES: Final = 3_000


@dataclass(frozen=True, slots=True)
class Call:
    """The parts of a CDS Hooks call that make a chart.

    Attributes:
        patient_id: `context.patientId`.
        prefetch: the values of `prefetch`, unread.
        draft_orders: the entries' resources of `context.draftOrders`, unread.
        selections: `context.selections`; None when there are none to go by and every draft counts.
        prefetch_keys: our prefetch key -> the key under which this client sends it, where that is another one.
    """

    patient_id: str
    prefetch: Mapping[str, Raw]
    draft_orders: tuple[Raw, ...] = ()
    selections: tuple[str, ...] | None = None
    prefetch_keys: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a prefetch key of ours asks for.

    Attributes:
        name: of the data in `Chart.not_looked_up`.
        kind: the resource type.
        sets: of a laboratory search, the value sets of the results that it is about.
    """

    name: str
    kind: str
    sets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads calls into charts.

    Attributes:
        book: the codes that we know.
        site_facts_system: the code system of the site's own facts.
        keys: what every prefetch key of ours asks for.
        site_values: in force on every chart.
        most: how many resources of a kind are read whole in one call: those that matter, of results the newest.
    """

    book: CodeBook
    site_facts_system: str
    keys: Mapping[str, Asked]
    site_values: SiteValues = dataclasses.field(default_factory=lambda: DEFAULTS)
    most: int = MOST_RESOURCES
    meanings: Meanings = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """What the codes of observations mean is the same for all calls."""
        object.__setattr__(self, "meanings", Meanings(self.book, self.site_facts_system))

    def deliveries(self, call: Call) -> dict[str, Delivery]:
        """What a call's prefetch brought, by our keys; what stands under a key that is none of ours keeps its own.

        A client's own name for a key of ours comes first. Our name then means nothing: what stands there is read, too.
        """
        sent = prefetch.read(call.prefetch)
        theirs = {ours: name for ours, name in call.prefetch_keys.items() if ours in self.keys and name in sent}
        plain = {f"{key} " if key in theirs else key: one for key, one in sent.items() if key not in theirs.values()}
        found = {**plain, **{ours: sent[name] for ours, name in theirs.items()}}
        products = _products(prefetch.everything(found.values()))
        return {key: self.judged(key, one, call.patient_id, products) for key, one in found.items()}

    def judged(self, key: str, delivery: Delivery, patient_id: str, products: facts.Products | None = None) -> Delivery:
        """A delivery with the outcome that it has as an answer to what we ask for under this key.

        `products` are those of the whole call; without them those of the delivery itself.
        """
        if delivery.resources and not _any_of(delivery, patient_id):
            stray = delivery.complete and len(delivery.resources) == 1
            return dataclasses.replace(delivery, outcome=outcomes.WRONG_PATIENT, stray=stray)
        asked = self.keys.get(key)
        if asked is None:
            return delivery
        if asked.kind == "Patient" and delivery.outcome == outcomes.WRONG_TYPE and _holds(delivery, asked.kind):
            return dataclasses.replace(delivery, outcome=outcomes.DELIVERED)
        if delivery.complete and not delivery.brings(asked.kind):
            return dataclasses.replace(delivery, outcome=outcomes.WRONG_TYPE)
        lacks = _lacking(delivery, _products(delivery.resources) if products is None else products)
        if delivery.complete and lacks:
            return dataclasses.replace(delivery, outcome=outcomes.PARTIAL, lacks=lacks)
        return delivery

    def resolved(self, deliveries: Mapping[str, Delivery]) -> dict[str, Delivery]:
        """Deliveries of which some lacked products, now that further ones may have come."""
        products = _products(prefetch.everything(deliveries.values()))
        return {
            key: dataclasses.replace(one, outcome=outcomes.DELIVERED, lacks=())
            if one.lacks and not _lacking(one, products)
            else one
            for key, one in deliveries.items()
        }

    def lacking_of_drafts(self, call: Call, deliveries: Mapping[str, Delivery]) -> tuple[str, ...]:
        """References to products without which it cannot be told which medicines the drafts are."""
        drafts = [("", r) for raw in call.draft_orders if (r := shapes.resource(raw)) is not None]
        if not drafts:
            return ()
        return _lacking(
            Delivery(outcomes.DELIVERED, tuple(drafts)),
            _products([*prefetch.everything(deliveries.values()), *drafts]),
        )

    def missing(self, deliveries: Mapping[str, Delivery], chart: Chart) -> list[str]:
        """The keys of ours that are worth asking for: not delivered whole and readable, or strayed.

        The patient may stand under any key.
        """
        return [
            key
            for key, asked in self.keys.items()
            if (
                not chart.looked_up(key)
                if asked.kind == "Patient"
                else not self._brought(deliveries, key, asked) or deliveries[key].stray
            )
        ]

    def chart(
        self, call: Call, now: datetime, deliveries: Mapping[str, Delivery] | None = None
    ) -> tuple[Chart, Mapping[str, Delivery]]:
        """The chart of a call at `now`, and what every prefetch key brought.

        Args:
            call: what was sent.
            now: the moment of the call.
            deliveries: what each key brought, when more is known than the prefetch.

        Of a kind of resource of which there are too many to read, what was not read is not known: the chart says that
        it was not looked up, and the key has the outcome `TOO_MANY`.
        """
        if deliveries is None:
            deliveries = self.deliveries(call)
        drafts = [r for raw in call.draft_orders if (r := shapes.resource(raw)) is not None]
        everything = list(prefetch.everything(deliveries.values()))
        products = _products([*everything, *(("", r) for r in drafts)])

        found = _Found(self, call.patient_id, now, products)
        for _, r in everything:
            found.add(r)
        results = found.observations.results(self.most)
        cut = {
            key
            for key, asked in self.keys.items()
            if not results.cut.isdisjoint(asked.sets) or (key in deliveries and found.overlooked(deliveries[key]))
        }
        made = Chart(
            as_of=now,
            patient=found.patient or Patient(),
            conditions=_each_once(found.conditions),
            medications=_each_once(found.medications),
            procedures=_each_once(found.procedures),
            family=_each_once(found.family),
            labs=results,
            pending=tuple(found.observations.pending),
            orders=_each_once(found.orders),
            drafts=self._drafts(
                call, (r for r in drafts if isinstance(r, shapes.Medicine | shapes.Request)), products, found.is_ours
            ),
            site_facts=tuple(found.observations.site_facts),
            not_looked_up=self._not_looked_up(deliveries, cut, patient_found=found.patient is not None),
            site_values=self.site_values,
        )
        return made, {
            key: dataclasses.replace(one, outcome=outcomes.TOO_MANY)
            if key in cut and one.complete and one.resources
            else one
            for key, one in deliveries.items()
        }

    def _drafts(
        self,
        call: Call,
        resources: Iterable[shapes.Medicine | shapes.Request],
        products: facts.Products,
        is_ours: Callable[[shapes.Owned], bool],
    ) -> tuple[Draft, ...]:
        """The draft orders of this patient; Medication entries among them are products, not orders."""
        drafts: list[Draft | None] = []
        for r in resources:
            selected = call.selections is None or _is_selected(r, call.selections)
            drafts.append(facts.draft(r, self.book, products, selected=selected) if is_ours(r) else None)
        return tuple(draft for draft in drafts if draft is not None)

    def _not_looked_up(
        self, deliveries: Mapping[str, Delivery], cut: Set[str], *, patient_found: bool
    ) -> frozenset[str]:
        missing = {
            data.name for key, data in self.keys.items() if key in cut or not self._brought(deliveries, key, data)
        }
        return frozenset((missing - {"patient"}) | (set() if patient_found else {"patient"}))

    @staticmethod
    def _brought(deliveries: Mapping[str, Delivery], key: str, asked: Asked) -> bool:
        return key in deliveries and deliveries[key].brings(asked.kind)


class _Owner:
    """The patient of the call. Knows nobody who knows it: what is found is freed with the call, not some time later."""

    def __init__(self, patient_id: str) -> None:
        self._patient_id = patient_id
        self._known: dict[tuple[bytes, bytes], bool] = {}

    def has(self, r: shapes.Owned) -> bool:
        """Whether a resource is this patient's. Nearly all of a chart name them in the same words."""
        named = bytes(r.subject), bytes(r.patient)
        if named not in self._known:
            self._known[named] = _is_of(r, self._patient_id)
        return self._known[named]


class _Found:
    """The facts of one chart, as they are found resource by resource."""

    def __init__(self, reader: Reader, patient_id: str, now: datetime, products: facts.Products) -> None:
        self._book, self._most, self._products = reader.book, reader.most, products
        self._patient_id = patient_id
        self.is_ours = _Owner(patient_id).has
        self._read: Counter[type] = Counter()
        self._overlooked: set[type] = set()
        self.observations = Observations(reader.meanings, now, self.is_ours)
        self.patient: Patient | None = None
        self.conditions: list[Condition] = []
        self.medications: list[Medication] = []
        self.procedures: list[Procedure] = []
        self.orders: list[Order] = []
        self.family: list[Relative] = []

    def add(self, r: shapes.Known) -> None:
        """Take a resource into account."""
        match r:
            case shapes.Observation():
                self.observations.add(r)
            case shapes.Patient():
                self.patient = _patient(r, self.patient) if r.id == self._patient_id else self.patient
            case shapes.Medication() | shapes.OperationOutcome():
                pass
            case _ if self._read[type(r)] >= self._most:
                self._overlooked.add(type(r))
            case shapes.Condition():
                self._keep(r, self.conditions, facts.condition(r, self._book))
            case shapes.Procedure():
                self._keep(r, self.procedures, facts.procedure(r, self._book))
            case shapes.FamilyMemberHistory():
                self._keep(r, self.family, *facts.relatives(r, self._book))
            case shapes.ServiceRequest() | shapes.ProcedureRequest():
                self._keep(r, self.orders, facts.order(r, self._book))
            case _:
                self._keep(r, self.medications, facts.medicine(r, self._book, self._products))

    def overlooked(self, delivery: Delivery) -> bool:
        """Whether a delivery holds resources of which there were too many."""
        return bool(self._overlooked) and any(type(r) in self._overlooked for _, r in delivery.resources)

    def _keep(self, r: shapes.Owned, kept: list[_Fact], *read: _Fact | None) -> None:
        matter = [fact for fact in read if fact is not None]
        if matter and self.is_ours(r):
            kept += matter
            self._read[type(r)] += 1


def _any_of(delivery: Delivery, patient_id: str) -> bool:
    """Whether anything here may be the patient's: it is of theirs, or nothing here has a patient at all."""
    of_others = False
    for _, r in delivery.resources:
        if isinstance(r, _OF_PATIENTS):
            if _may_be_of(r, patient_id):
                return True
            of_others = True
    return not of_others


def _may_be_of(r: shapes.Owned | shapes.Patient, patient_id: str) -> bool:
    if isinstance(r, shapes.Patient):
        return r.id is None or r.id == patient_id
    return _is_of(r, patient_id)


def _is_of(r: shapes.Owned, patient_id: str) -> bool:
    return facts.belongs_to(r.subject, patient_id) and facts.belongs_to(r.patient, patient_id)


def _lacking(delivery: Delivery, products: facts.Products) -> tuple[str, ...]:
    """References to the products without which it cannot be told of a medicine here which one it is."""
    found = (facts.unresolved(r, products) for _, r in delivery.resources if shapes.is_medicine(r))
    return tuple(dict.fromkeys(reference for reference in found if reference))


def _holds(delivery: Delivery, kind: str) -> bool:
    return any(shapes.type_of(r) == kind for _, r in delivery.resources)


def _is_selected(r: shapes.Medicine | shapes.Request, selections: tuple[str, ...]) -> bool:
    """By `Type/id`; by the bare id where an EHR leaves the type out."""
    own = f"{type(r).__name__}/{r.id or ''}"
    return any(chosen == own or chosen.endswith(f"/{own}") or chosen == r.id for chosen in selections)


def _patient(r: shapes.Patient, other: Patient | None) -> Patient:
    """The patient; of several copies any may say that they died. A date of death says so even if it cannot be read."""
    said = field(r.deceasedBoolean, bool) is True or (field(r.deceasedBoolean, str) or "").strip().lower() == "true"
    copy = Patient(
        day(r.birthDate), r.gender or "", said or bytes(r.deceasedDateTime).strip() not in (b"", b"null", b'""')
    )
    if other is None:
        return copy
    birth = min((date for date in (copy.birth_date, other.birth_date) if date is not None), default=None)
    return Patient(birth, min(filter(None, (copy.sex, other.sex)), default=""), copy.deceased or other.deceased)


def _products(resources: Iterable[tuple[str, shapes.Known]]) -> dict[str, shapes.Medication]:
    """Medication resources by relative reference and by fullUrl."""
    products: dict[str, shapes.Medication] = {}
    for url, r in resources:
        if type(r) is shapes.Medication:
            if r.id:
                products[f"Medication/{r.id}"] = r
            if url:
                products[url] = r
    return products


def _each_once(found: Iterable[_Fact]) -> tuple[_Fact, ...]:
    """Without the repeats of resources that stand under several keys."""
    return tuple(dict.fromkeys(found))
