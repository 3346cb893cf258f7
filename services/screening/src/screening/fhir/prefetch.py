"""Prefetch: what was delivered under which key.

Absent means unknown, null means none, an OperationOutcome (alone, or as an entry with an error) means failed, a
bundle that goes on elsewhere is partial. Resources feed the chart wherever they stand; that there are none is
believed only of a key that we asked for by its name, whole and readable. What a FHIR server gives instead is read in
the same way, page by page.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Raw, Struct

from screening.fhir.outcomes import DELIVERED, FAILED, NONE, PARTIAL, WRONG_TYPE
from screening.fhir.shapes import (
    WHOLE,
    Bundle,
    EntrySearch,
    Known,
    Link,
    Medication,
    OperationOutcome,
    RawBundle,
    RawEntry,
    resource,
    type_of,
)
from screening.slices import NOTHING, UNREADABLE, field, listed, members, present

Resources = tuple[tuple[str, Known], ...]
"""Resources, each with its fullUrl (empty when there is none)."""

_UNCOUNTED: Final = frozenset({OperationOutcome, Medication})
"""What a search does not count among its matches: remarks of the server, and products that it includes."""

_NUMBER: Final = re.compile(r"\"?(\d{1,18})(?:\.0+)?\"?")
_NO_NUMBER: Final = -1
"""Stands for a total that is none: the server does not know how many there are, or we do not know what it says."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What stood under one key.

    Attributes:
        outcome: a word of `outcomes`.
        resources: what could be read.
        next: where it goes on, when it does and says so.
        stray: it was whole, but for a single resource that is another patient's. Such a one is overlooked, as
            clinical scenario V31 has it: nothing of our patient is here. It is worth asking for again.
        lacks: references to products that were not sent, in an answer that is partial for no other reason.
    """

    outcome: str
    resources: Resources = ()
    next: str = ""
    stray: bool = False
    lacks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that there is was delivered and could be read."""
        return self.outcome in (DELIVERED, NONE)

    def brings(self, kind: str) -> bool:
        """Whether what is not here may be called absent, when resources of this type were asked for.

        What holds only other types of resource was an answer to another question.
        """
        if not self.complete and not self.stray:
            return False
        return not self.resources or any(type_of(r) == kind for _, r in self.resources)


@dataclass(frozen=True, slots=True)
class _Page:
    """A Bundle.

    Attributes:
        found: its resources.
        bent: it holds something that cannot be read at all and may have been anything.
        matches: what a search counts: neither remarks of the server nor what it includes besides.
        unread: how many more matches there are that we do not read.
        total: how many matches there are, as the server says; negative where it says something else.
        links: to what goes on.
    """

    found: Resources
    bent: bool
    matches: Sequence[Known]
    unread: int
    total: int | None
    links: list[Link]


def read(prefetch: Mapping[str, Raw]) -> dict[str, Delivery]:
    """Every key of a prefetch, read."""
    return {key: _delivery(raw) for key, raw in prefetch.items()}


def joined(before: Delivery | None, pages: Sequence[bytes], *, whole: bool) -> Delivery:
    """What a FHIR server gave in one or more pages, as if it had come in one.

    Args:
        before: what came with the prefetch, if the pages go on from there.
        pages: whole resources as JSON.
        whole: whether the last page is the end of it.
    """
    read_pages = [_read(Raw(page)) for page in pages]
    if before is None and len(read_pages) == 1 and isinstance(read_pages[0], Delivery):
        return read_pages[0]
    bundles = [page for page in read_pages if isinstance(page, _Page)]
    found = tuple(one for page in bundles for one in page.found)
    earlier = _matches((r, None) for _, r in before.resources) if before is not None else []
    matches = _several([earlier, *(page.matches for page in bundles)]) + sum(page.unread for page in bundles)
    total = next((page.total for page in reversed(bundles) if page.total is not None), None)
    incomplete = not whole or len(bundles) < len(read_pages) or any(page.bent for page in bundles)
    return _judged((*(before.resources if before is not None else ()), *found), incomplete or _more(total, matches))


def _delivery(raw: Raw) -> Delivery:
    page = _read(raw)
    if isinstance(page, Delivery):
        return page
    following = [link for link in page.links if link.leads_on]
    judged = _judged(page.found, page.bent or bool(following) or _more(page.total, len(page.matches) + page.unread))
    link = next((field(one.url, str) or "" for one in following), "")
    # What cannot be read on this page is not made good by the next one.
    return Delivery(judged.outcome, judged.resources, link) if judged.outcome == PARTIAL and not page.bent else judged


def _read(raw: Raw) -> _Page | Delivery:
    """A Bundle as a page; anything else as what it comes to."""
    try:
        whole = WHOLE.decode(raw)
    except UNREADABLE:
        return _piecewise(raw)
    if isinstance(whole, Bundle):
        entries = whole.entry or []
        found = tuple((e.fullUrl or "", e.resource) for e in entries if e.resource is not None)
        bent = len(found) < len(entries)  # an entry without a resource: something was found, and not sent
        matches = _matches((e.resource, e.search) for e in entries if e.resource is not None)
        return _Page(found, bent, matches, 0, whole.total, whole.link or [])
    if isinstance(whole, OperationOutcome):
        return Delivery(FAILED)
    return Delivery(WRONG_TYPE, (("", whole),))


def _piecewise(raw: Raw) -> _Page | Delivery:
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
    entries = listed(bundle.entry, RawEntry)
    pairs = [(e, resource(e.resource)) for e in entries]
    found = tuple((field(e.fullUrl, str) or "", r) for e, r in pairs if r is not None)
    matches = _matches((r, field(e.search, EntrySearch)) for e, r in pairs if r is not None)
    unread = [e.resource for e, r in pairs if r is None]
    # What does not say what it is may have been anything, so that nothing may be called absent any more.
    strange = bool(entries) and not found
    nameless = not all(_is_named(one) for one in unread)
    bent = strange or nameless or _bent(bundle.entry, RawEntry) or _bent(bundle.link, Link)
    beside = sum((field(e.search, EntrySearch) or EntrySearch()).beside for e, r in pairs if r is None)
    return _Page(found, bent, matches, len(unread) - beside, _number(bundle.total), listed(bundle.link, Link))


def _is_named(raw: Raw) -> bool:
    """Whether this is a resource of some type, if only of one that we do not read."""
    return bool(field((members(raw) or {}).get("resourceType", NOTHING), str))


def _number(total: Raw) -> int | None:
    """How many there are; also where an EHR writes the number as text or as a decimal. None if it does not say."""
    if not present(total):
        return None
    match = _NUMBER.fullmatch(bytes(total).decode(errors="replace").strip())
    return int(match[1]) if match is not None else _NO_NUMBER


def _matches(entries: Iterable[tuple[Known, EntrySearch | None]]) -> list[Known]:
    return [r for r, search in entries if type(r) not in _UNCOUNTED and not (search is not None and search.beside)]


def _several(pages: Iterable[Sequence[Known]]) -> int:
    """How many matches several pages have together; one that a later page repeats is the same."""
    seen: set[tuple[type, str]] = set()
    number = 0
    for page in pages:
        named = [(type(r), r.id) if r.id else None for r in page]
        number += sum(one is None or one not in seen for one in named)
        seen.update(one for one in named if one is not None)
    return number


def _more(total: int | None, matches: int) -> bool:
    """Whether the search says that it found more than it delivered, or that it does not know."""
    return total is not None and (total > matches or total < 0)


def _bent(items: Raw, kind: type[Struct]) -> bool:
    """Whether a list holds something other than objects of this form."""
    several = field(items, list[Raw])
    return present(items) and len(listed(items, kind)) != (1 if several is None else len(several))


def _judged(found: Resources, incomplete: bool) -> Delivery:
    outcomes = [r for _, r in found if type(r) is OperationOutcome]
    resources = tuple((url, r) for url, r in found if not isinstance(r, OperationOutcome)) if outcomes else found
    if any(outcome.failed for outcome in outcomes):
        return Delivery(FAILED, resources)
    if incomplete:
        return Delivery(PARTIAL, resources)
    return Delivery(DELIVERED, resources)


def everything(deliveries: Iterable[Delivery]) -> Iterator[tuple[str, Known]]:
    """All resources of these deliveries, each with its fullUrl; what stands for several keys only once."""
    for delivery in {id(one): one for one in deliveries}.values():
        yield from delivery.resources
