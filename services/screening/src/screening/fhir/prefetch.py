"""Prefetch: what was delivered under which key.

Absent means unknown, null means none, an OperationOutcome (alone, or as an entry with an error) means failed, a
bundle that goes on elsewhere is partial. Resources feed the chart wherever they stand; that there are none is
believed only of a key that we asked for by its name, whole and readable.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import Raw

from screening.fhir.shapes import WHOLE, Bundle, Known, Link, OperationOutcome, RawBundle, RawEntry, resource, type_of
from screening.slices import NOTHING, UNREADABLE, field, listed, members, present

DELIVERED: Final = "delivered"
NONE: Final = "none"
FAILED: Final = "failed"
PARTIAL: Final = "partial"
WRONG_TYPE: Final = "wrong-type"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What stood under one key. `resources` pairs each resource with its fullUrl (empty when there is none)."""

    outcome: str
    resources: tuple[tuple[str, Known], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that there is was delivered and could be read."""
        return self.outcome in (DELIVERED, NONE)

    def brings(self, kind: str) -> bool:
        """Whether what is not here may be called absent, when resources of this type were asked for.

        What holds only other types of resource was an answer to another question.
        """
        if not self.complete:
            return False
        return not self.resources or any(type_of(r) == kind for _, r in self.resources)


def read(prefetch: Mapping[str, Raw]) -> dict[str, Delivery]:
    """Every key of a prefetch, read."""
    return {key: _delivery(raw) for key, raw in prefetch.items()}


def _delivery(raw: Raw) -> Delivery:
    try:
        whole = WHOLE.decode(raw)
    except UNREADABLE:
        return _piecewise(raw)
    if isinstance(whole, Bundle):
        entries = whole.entry or []
        found = tuple((e.fullUrl or "", e.resource) for e in entries if e.resource is not None)
        return _bundle(found, _goes_on(whole.link or []) or _more(whole.total, len(entries)))
    if isinstance(whole, OperationOutcome):
        return Delivery(FAILED)
    return Delivery(WRONG_TYPE, (("", whole),))


def _piecewise(raw: Raw) -> Delivery:
    """A value that does not fit as a whole: null, a bare value, or a bundle with entries that we read one by one."""
    if bytes(raw).strip() == b"null":
        return Delivery(NONE)
    kind = members(raw)
    if kind is None:
        return Delivery(WRONG_TYPE)
    if field(kind.get("resourceType", NOTHING), str) != "Bundle":
        single = resource(raw)
        return Delivery(WRONG_TYPE, (("", single),)) if single is not None else Delivery(WRONG_TYPE)
    bundle = field(raw, RawBundle) or RawBundle()
    slices = [e for e in listed(bundle.entry, RawEntry) if present(e.resource)]
    found = tuple((field(e.fullUrl, str) or "", r) for e in slices if (r := resource(e.resource)) is not None)
    # What is no object at all may have been anything, so that nothing may be called absent any more.
    strange = bool(slices) and not found
    bent = strange or any(members(e.resource) is None for e in slices) or _bent_entries(bundle.entry)
    total = field(bundle.total, int)
    return _bundle(found, bent or _goes_on(listed(bundle.link, Link)) or _more(total, len(slices)))


def _more(total: int | None, entries: int) -> bool:
    """Whether the search says that it found more than it delivered."""
    return total is not None and total > entries


def _bent_entries(entry: Raw) -> bool:
    """Whether `entry` holds something other than objects."""
    items = field(entry, list[Raw])
    return present(entry) and len(listed(entry, RawEntry)) != (1 if items is None else len(items))


def _goes_on(links: list[Link]) -> bool:
    return any(link.relation == "next" for link in links)


def _bundle(found: tuple[tuple[str, Known], ...], incomplete: bool) -> Delivery:
    outcomes = [r for _, r in found if isinstance(r, OperationOutcome)]
    resources = tuple((url, r) for url, r in found if not isinstance(r, OperationOutcome)) if outcomes else found
    if any(outcome.failed for outcome in outcomes):
        return Delivery(FAILED, resources)
    if incomplete:
        return Delivery(PARTIAL, resources)
    return Delivery(DELIVERED, resources)


def everything(deliveries: Mapping[str, Delivery]) -> Iterator[tuple[str, Known]]:
    """All resources of all keys, each with its fullUrl."""
    for delivery in deliveries.values():
        yield from delivery.resources
