"""Judges an answer by everything that can be said about any answer, whatever was asked."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import requests
from scenarios.expected import EXTENSION

from contract import schemas

OUR_SUMMARY_LIMIT: Final = 125
OUR_SYSTEMS: Final = frozenset({"http://loinc.org", "http://snomed.info/sct"})
Card = Mapping[str, Any]


def camel(name: str) -> str:
    """`ORD_MN_SPECIMEN` -> `OrdMnSpecimen`."""
    return "".join(part.capitalize() for part in name.split("_"))


def decision(card: Card) -> Mapping[str, Any]:
    """Our extension on a card."""
    found: Mapping[str, Any] = card["extension"][EXTENSION]
    return found


def actions(card: Card) -> Iterator[Mapping[str, Any]]:
    """Yield every action of every suggestion."""
    for suggestion in card.get("suggestions", ()):
        yield from suggestion["actions"]


def uuids(response: Mapping[str, Any]) -> list[str]:
    """Every uuid of cards and suggestions."""
    cards = response["cards"]
    return [card["uuid"] for card in cards] + [
        suggestion["uuid"] for card in cards for suggestion in card.get("suggestions", ())
    ]


def faults(response: Mapping[str, Any], *, only_site_codes: bool = False) -> list[str]:
    """What is wrong with a 200 answer, in words; empty when nothing is.

    `only_site_codes`: the client can file orders only under codes of its own catalog.
    """
    found = schemas.faults("response", response) + [f"nothing at {place}" for place in schemas.nothings(response)]
    if found:
        return found
    ids = uuids(response)
    if len(set(ids)) != len(ids):
        found.append("a uuid occurs twice")
    found += [f"not a UUID: {one}" for one in ids if str(uuid.UUID(one)) != one]
    for card in response["cards"]:
        found += _card_faults(card)
        if not only_site_codes:
            found += _without_our_code(card)
    return found


def _without_our_code(card: Card) -> Iterator[str]:
    for action in actions(card):
        if action["type"] == "create":
            codings = action["resource"]["code"]["coding"]
            if codings[-1]["system"] not in OUR_SYSTEMS:
                yield f"a draft without a code of ours: {codings}"


def _card_faults(card: Card) -> Iterator[str]:
    decided = decision(card)
    if len(card["summary"]) > OUR_SUMMARY_LIMIT:
        yield f"summary of {len(card['summary'])} characters"
    topic = camel(decided["module"]) + camel(decided.get("state", ""))
    if card["source"]["topic"]["code"] != topic:
        yield f"topic {card['source']['topic']['code']} instead of {topic}"
    if decided["rulesVersion"] not in card["source"]["label"]:
        yield "source.label does not name the rules version"
    recommended = [one for one in card.get("suggestions", ()) if one.get("isRecommended")]
    if card.get("selectionBehavior") == "at-most-one" and len(recommended) > 1:
        yield "several recommended suggestions, of which at most one may be taken"


def refusal_faults(answer: requests.Response) -> list[str]:
    """What is wrong with an answer that is not a success: it has to be an OperationOutcome in public words."""
    if not answer.headers.get("Content-Type", "").startswith("application/fhir+json"):
        return [f"content type {answer.headers.get('Content-Type')}"]
    body = answer.json()
    found = schemas.faults("operation-outcome", body)
    found += [f"nothing at {place}" for place in schemas.nothings(body)]
    return found
