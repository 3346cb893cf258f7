"""What the page and the plain text of a trace say in the same words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from screening.fhir import outcomes

_Told = Mapping[str, Any]

OUTCOMES: Final = ("cards", "silent", "refused", "failed")
NOT_ASKED: Final = "not asked"
NO_CALLS: Final = "No call of this kind is kept."
HELD_BY: Final[Mapping[str, str]] = {
    "answer": "an answer to an earlier card",
    "off": "switched off for this client",
    "silent": "silent for this client",
    "canary": "shown to a part of the patients only",
    "palliative": "palliative care",
    "cap": "the most cards of one answer",
    "drug-induced": "drug-induced dystonia",
    "cause-known": "the cause is known",
    "acute-reaction": "a possible acute reaction",
    "acted-on": "it was acted on",
    "treated": "it is treated",
    "signing": "what is shown before signing",
    "taken-in": "another card that covers it",
}
"""Who or what holds a finding back, in words."""
_MEMORY: Final[Mapping[str, str]] = {
    "": "in order, or not needed",
    "down": "down, so that no answer could hold a card back",
    "off": "there is none (STATE_DIR or STORE_URL)",
}


def how_many(number: int) -> str:
    """How many calls a page shows."""
    return "One call." if number == 1 else f"{number} calls, newest first."


def held_back(number: int) -> str:
    """How many cards were held back."""
    return f"{number} card{'' if number == 1 else 's'} held back"


def together(data: Iterable[_Told]) -> Iterator[tuple[str, str, Sequence[str]]]:
    """What came of the prefetch, what came of asking the FHIR server, and the keys of which both are true.

    A key that the client names otherwise has that name, too.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for one in data:
        name = one["key"] if one["key"] == one["siteKey"] else f"{one['key']} as {one['siteKey']}"
        groups.setdefault((one["prefetch"], _fetched(one)), []).append(name)
    for (prefetch, fetched), names in groups.items():
        yield prefetch, fetched, names


def _fetched(one: _Told) -> str:
    if one["fetched"]:
        return f"{one['fetched']} in {one['ms']} ms"
    return outcomes.EHR_WORDS.get(one["why"], one["why"]) or NOT_ASKED


def fact(one: _Told) -> str:
    """A deciding fact: what it counts as, its code and its day."""
    return ", ".join(part for part in (one["band"], one["code"], one["date"]) if part)


def particulars(trace: _Told) -> Iterator[str]:
    """What else is known of the call, a line each."""
    yield f"Answer: {trace['answer']['status']}"
    yield f"Client: {trace['client'] or 'not known'}" + (f", tenant: {trace['tenant']}" if trace["tenant"] else "")
    yield f"Hook: {trace['hook']}"
    yield f"Rules version: {trace['rulesVersion']}; texts: {trace['contentVersion'] or 'none'}"
    yield f"Memory of cards and answers: {_MEMORY.get(trace['store'], trace['store'])}"
    if trace["timing"]:
        yield "Time: " + ", ".join(f"{part} {ms} ms" for part, ms in trace["timing"].items())
    if trace["shortened"]:
        yield "This trace was too long and is kept without its facts."
