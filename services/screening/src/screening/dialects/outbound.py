"""Cards as an EHR wants them: the last thing that happens to a card before it leaves.

Nothing here decides anything about a patient. A card keeps its meaning, its topic and its uuid in every dialect.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from screening.cards.markdown import escaped
from screening.dialects.table import Dialect
from screening.domain.catalog import GENE_ID_SYSTEM
from screening.knowledge.order_codes import Catalog, SiteOrder

DETAIL_TYPE: Final = "com.epic.cdshooks.card.detail.content-type"
LONGEST_SUMMARY: Final = 139
"""Characters: fewer than 140 (R44)."""
LONGEST_LABEL: Final = 200
"""Characters of a suggestion's label, which some EHRs print on a button."""
LONGEST_ORDER_NAME: Final = 100
_NOT_PLAIN: Final = re.compile(r"[\s<>\x00-\x1f\x7f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")
_LINK: Final = re.compile(r"\[([^\]\[]*)\]\(([^()\s]*)\)")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What is agreed with the client of a call, and what belongs to the call.

    Attributes:
        dialect: of the client.
        order_codes: our orders in the codes of its catalog.
        links: the addresses that its EHR lets through: exact ones, and those that end in `/` with all below.
        drafts: reference of each draft order of the call -> what the EHR calls it.
        uuid: makes the id of a suggestion from what it is.
    """

    dialect: Dialect
    uuid: Callable[..., str]
    order_codes: Catalog = field(default_factory=dict)
    links: tuple[str, ...] = ()
    drafts: Mapping[str, str] = field(default_factory=dict)


def shaped(card: Json, agreed: Agreed) -> Json:
    """A card in the dialect of the client. The card that is given is left as it is."""
    dialect = agreed.dialect
    made = {**card, "summary": cut(card["summary"], LONGEST_SUMMARY)}
    suggestions: Iterable[Json] = card.get("suggestions", ())
    if dialect.single_actions:
        suggestions = _single(card["uuid"], suggestions, agreed)
    suggestions, by_hand = _with_site_codes(suggestions, agreed)
    for name in ("suggestions", "selectionBehavior"):
        made.pop(name, None)
    if suggestions:
        made["suggestions"] = [{**one, "label": cut(one["label"], LONGEST_LABEL)} for one in suggestions]
        made["selectionBehavior"] = card["selectionBehavior"]
    if by_hand:
        made["detail"] = _with_paragraph(card["detail"], _to_order_by_hand(by_hand))
    made = _with_links(made, agreed.links if dialect.listed_links else None)
    if dialect.detail_type:
        made["extension"] = {**card["extension"], DETAIL_TYPE: dialect.detail_type}
    return made


def cut(text: str, longest: int) -> str:
    """A text of at most `longest` characters; one that is longer ends, after a word, with an ellipsis."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    return (kept.rpartition(" ")[0] or kept).rstrip(" ,;:") + "…"


def plain(text: str, longest: int = LONGEST_ORDER_NAME) -> str:
    """A name from the record where text is shown as it is: one line, and nothing that could be taken for HTML."""
    return cut(_NOT_PLAIN.sub(" ", text).strip(), longest)


def _with_site_codes(suggestions: Iterable[Json], agreed: Agreed) -> tuple[list[Json], list[str]]:
    """The suggestions in the codes of the site, and the orders that only a clinician can place."""
    made: list[Json] = []
    by_hand: list[str] = []
    for suggestion in suggestions:
        actions: list[Json] = []
        for action in suggestion["actions"]:
            if action["type"] != "create":
                actions.append(action)
            elif (site := _site_order(action["resource"], agreed.order_codes)) is not None:
                actions.append({**action, "resource": _recoded(action["resource"], site, agreed.dialect)})
            elif agreed.dialect.only_site_codes:
                by_hand.append(_order_in_words(action["resource"]))
            else:
                actions.append(action)
        if actions:
            label = suggestion["label"] if len(actions) == len(suggestion["actions"]) else _label(actions)
            made.append({**suggestion, "label": label, "actions": actions})
    return made, list(dict.fromkeys(by_hand))


def _label(actions: Iterable[Json]) -> str:
    """What a suggestion is called when not all of it can be offered."""
    return "; ".join(action["description"] for action in actions)


def _ours(resource: Json) -> tuple[str, str]:
    """Under which system and code of ours an order is known."""
    for detail in resource.get("orderDetail", ()):
        for coding in detail["coding"]:
            if coding["system"] == GENE_ID_SYSTEM:
                return GENE_ID_SYSTEM, coding["code"]
    (coding,) = resource["code"]["coding"]
    return coding["system"], coding["code"]


def _site_order(resource: Json, codes: Catalog) -> SiteOrder | None:
    return codes.get(_ours(resource))


def _recoded(resource: Json, site: SiteOrder, dialect: Dialect) -> Json:
    """A draft with the site's code: in front of ours, or alone."""
    coding = {"system": site.system, "code": site.code, **({"display": site.display} if site.display else {})}
    others = [] if dialect.only_site_codes else resource["code"]["coding"]
    return {**resource, "code": {**resource["code"], "coding": [coding, *others]}}


def _order_in_words(resource: Json) -> str:
    """The name of an order with what the laboratory and the patient must know of it."""
    notes = " ".join(note["text"] for note in resource.get("note", ()))
    urgent = f"Priority: {resource['priority']}." if "priority" in resource else ""
    return ". ".join(filter(None, (resource["code"]["text"], " ".join(filter(None, (notes, urgent))))))


def _to_order_by_hand(orders: Iterable[str]) -> str:
    lines = "\n".join(f"- {escaped(order, None)}" for order in orders)
    return f"**To be ordered by hand** (no code of this site's order catalog is known for it)\n\n{lines}"


def _with_paragraph(detail: str, paragraph: str) -> str:
    """A detail with one more paragraph, in front of the last one, which leads to the page behind the card."""
    *before, last = detail.split("\n\n")
    return "\n\n".join((*before, paragraph, last))


def _single(card: str, suggestions: Iterable[Json], agreed: Agreed) -> Iterator[Json]:
    """One suggestion for each action, each action once: what to order first, then what to withdraw."""
    seen: set[tuple[str, ...]] = set()
    for suggestion in suggestions:
        creates = [action for action in suggestion["actions"] if action["type"] == "create"]
        deletes = [action for action in suggestion["actions"] if action["type"] == "delete"]
        for action in (*creates, *deletes):
            kind = action["type"]
            what = (kind, *(_ours(action["resource"]) if kind == "create" else (action["resourceId"],)))
            if what in seen:
                continue
            seen.add(what)
            words = _to_create(action) if kind == "create" else _to_withdraw(action, creates, agreed)
            yield {
                "label": words,
                "uuid": agreed.uuid("suggestion", card, *what),
                "actions": [{**action, "description": words}],
            }


def _to_create(action: Json) -> str:
    """All that there is to know of an order of which the EHR takes over only the code."""
    rest = _order_in_words(action["resource"]).removeprefix(action["resource"]["code"]["text"])
    return f"{action['description']}{rest or '.'}"


def _to_withdraw(action: Json, creates: Iterable[Json], agreed: Agreed) -> str:
    """Which order to withdraw, and what belongs to it: either can be accepted without the other."""
    name = plain(agreed.drafts.get(action["resourceId"], ""))
    together = "; ".join(_companion(create, agreed) for create in creates)
    return f"{action['description']}{f': {name}' if name else ''}." + (f" Belongs to: {together}." if together else "")


def _companion(create: Json, agreed: Agreed) -> str:
    """An order that belongs to a withdrawal; one that the card does not offer has to be placed before that."""
    offered = not agreed.dialect.only_site_codes or _site_order(create["resource"], agreed.order_codes) is not None
    return f"{create['description']}{'' if offered else ' (by hand)'}"


def _with_links(card: Json, allowed: tuple[str, ...] | None) -> Json:
    """A card with no link but those that are allowed; None allows all."""
    if allowed is None:
        return card

    def passes(url: str) -> bool:
        return any(url == one or (one.endswith("/") and url.startswith(one)) for one in allowed)

    made = {**card, "source": dict(card["source"])}
    if not passes(made["source"].get("url", "")):
        made["source"].pop("url", None)
    made.pop("links", None)
    if links := [link for link in card.get("links", ()) if passes(link["url"])]:
        made["links"] = links
    paragraphs = [
        _LINK.sub(lambda found: found[0] if passes(found[2]) else found[1], paragraph)
        for paragraph in card["detail"].split("\n\n")
        if (alone := _LINK.fullmatch(paragraph)) is None or passes(alone[2])
    ]
    made["detail"] = "\n\n".join(paragraphs)
    return made
