"""What the page and the plain text of a trace say in the same words."""

from collections.abc import Iterator, Mapping
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
}
"""Who or what holds a finding back, in words."""


def how_many(number: int) -> str:
    """How many calls a page shows."""
    return "One call." if number == 1 else f"{number} calls, newest first."


def held_back(number: int) -> str:
    """How many cards were held back."""
    return f"{number} card{'' if number == 1 else 's'} held back"


def fetched(one: _Told) -> str:
    """What came of asking the FHIR server for a key."""
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
    yield f"Card memory: {trace['store'] or 'not asked'}"
    if trace["timing"]:
        yield "Time: " + ", ".join(f"{part} {ms} ms" for part, ms in trace["timing"].items())
    if trace["shortened"]:
        yield "This trace was too long and is kept without its facts."
