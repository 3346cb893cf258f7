"""Feedback as CDS Hooks has it, and as Epic does: what became of cards, read item by item (R70, R71).

What is wrong with one item says nothing about the others. Unknown members are passed over. No comment, display or
value is quoted back; the id of a card is, to whoever sent it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec
from marshmallow import EXCLUDE, Schema, ValidationError, fields

from screening import problems
from screening.override_reasons import Given, Reasons
from screening.slices import UNREADABLE

ACCEPTED: Final = "accepted"
OVERRIDDEN: Final = "overridden"

_LONGEST_ID: Final = 200
_MOST_SUGGESTIONS: Final = 100
_LONGEST_COMMENT: Final = 2_000
_EPIC: Final = "com.epic.cdshooks.feedback.overrideReason."
_UUID: Final = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:[Zz]|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_LEAP_SECOND: Final = 60


class Fault(Exception):
    """Something wrong with one item.

    Attributes:
        place: within the item, such as `acceptedSuggestions[0].id`; empty: the item itself.
        words: one public sentence.
    """

    def __init__(self, place: str, words: str) -> None:
        super().__init__(words)
        self.place = place
        self.words = words


@dataclass(frozen=True, slots=True)
class Item:
    """One answer to a card.

    Attributes:
        sent_card: the id of the card as it was sent.
        card: the same as we know it: a UUID in small letters, without `urn:uuid:`.
        outcome: `accepted` or `overridden`.
        said_at: its `outcomeTimestamp` in UTC; it may lie in the future.
        suggestions: ids of the accepted suggestions, each once, written as `card` is.
        reason: one of our override codes; empty: none, or none of ours.
        their_reason: the code that came, if it is none of ours and looks like a code.
        comment: what the user wrote, without control characters and at most 2,000 characters long.
    """

    sent_card: str
    card: str
    outcome: str
    said_at: datetime
    suggestions: tuple[str, ...] = ()
    reason: str = ""
    their_reason: str = ""
    comment: str = field(default="", repr=False)


def read(body: bytes) -> list[Any]:
    """The items in a body, unread.

    Raises:
        chassis.problems.Problem: 400, it is no JSON object with a list of items.
    """
    try:
        document = msgspec.json.decode(body)
    except UNREADABLE:
        raise problems.not_json() from None
    if not isinstance(document, dict):
        raise problems.not_json()
    items = document.get("feedback")
    if not isinstance(items, list):
        raise problems.invalid("feedback", "The feedback must be a list with an item for each answered card.")
    return items


def item(sent: Any, reasons: Reasons, mapped: Mapping[str, str]) -> Item:
    """One item, checked.

    Args:
        sent: as it came.
        reasons: what reasons mean.
        mapped: the site's reason -> ours, as agreed with the client.

    Raises:
        Fault: the first thing that is wrong with it.
    """
    if not isinstance(sent, dict):
        raise Fault("", "Each item of feedback must be an object.")
    try:
        loaded: dict[str, Any] = _ITEM.load(sent)
    except ValidationError as error:
        place, said = next(iter(error.messages_dict.items()))
        raise Fault(place, said[0]) from None
    card = loaded["card"]
    answer = Item(card, _known_as(card), loaded["outcome"], _moment(loaded["outcomeTimestamp"]))
    if answer.outcome == ACCEPTED:
        return replace(answer, suggestions=_suggestions(sent.get("acceptedSuggestions")))
    given, comment = _override(sent)
    reason, theirs = reasons.understood(given, mapped)
    return replace(answer, reason=reason, their_reason=theirs, comment=comment)


def card_of(sent: Any) -> str:
    """The id of the card that an item is about, as it was sent; empty when it has none that is one."""
    card = sent.get("card") if isinstance(sent, dict) else None
    return card if isinstance(card, str) and _is_id(card) else ""


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable() and not value.isspace()


def _known_as(identifier: str) -> str:
    found = _UUID.fullmatch(identifier)
    return found[1].lower() if found else identifier


def _member(right: Callable[[Any], bool], wrong: str) -> fields.Raw:
    """A member that must be there and `right`; the sentence `wrong` says what it must be."""

    def check(value: Any) -> None:
        if not right(value):
            raise ValidationError(wrong)

    return fields.Raw(required=True, validate=check, error_messages=dict.fromkeys(("required", "null"), wrong))


class _Item(Schema):
    class Meta:
        unknown = EXCLUDE

    card = _member(_is_id, "The card must be the uuid of the card: a text of 1 to 200 printable characters.")
    outcome = _member(lambda value: value in (ACCEPTED, OVERRIDDEN), "The outcome must be accepted or overridden.")
    outcomeTimestamp = fields.Raw(load_default=None, allow_none=True)  # noqa: N815 - wire spelling


_ITEM: Final = _Item()


def _moment(sent: Any) -> datetime:
    """A timestamp in UTC; without an offset it is UTC."""
    found = _TIME.fullmatch(sent) if isinstance(sent, str) else None
    if found is None:
        words = "The outcomeTimestamp must be a date and time as RFC 3339 has it, such as 2026-11-22T16:09:45Z."
        raise Fault("outcomeTimestamp", words)
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    microsecond = int(f"{found[7] or ''}000000"[:6])
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    if second == _LEAP_SECOND:
        second, microsecond = 59, 999_999
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond, timezone(offset))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Fault("outcomeTimestamp", "The outcomeTimestamp is a date or time that there is not.") from None


def _suggestions(sent: Any) -> tuple[str, ...]:
    accepted = [sent] if isinstance(sent, dict) else sent
    if not isinstance(accepted, list) or not accepted:
        raise Fault("acceptedSuggestions", "An accepted card needs acceptedSuggestions: a list of objects with an id.")
    if len(accepted) > _MOST_SUGGESTIONS:
        raise Fault("acceptedSuggestions", f"The acceptedSuggestions must be at most {_MOST_SUGGESTIONS}.")
    ids = []
    for number, one in enumerate(accepted):
        identifier = one.get("id") if isinstance(one, dict) else None
        if not isinstance(identifier, str) or not _is_id(identifier):
            words = (
                "An accepted suggestion must have the uuid of the suggestion as its id: a text of 1 to 200 characters."
            )
            raise Fault(f"acceptedSuggestions[{number}].id", words)
        ids.append(_known_as(identifier))
    return tuple(dict.fromkeys(ids))


def _override(sent: Mapping[str, Any]) -> tuple[list[Given], str]:
    """The reasons and the comment of an overridden card: of the standard's member, then of Epic's."""
    given: list[Given] = []
    comment = ""
    for name in ("overrideReason", "overrideReasons"):
        value = sent.get(name)
        several = isinstance(value, list)
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            if one is None:
                continue
            place = f"{name}[{number}]" if several else name
            if not isinstance(one, dict):
                raise Fault(place, f"The {name} must be an object with a reason, a userComment, or both.")
            found = list(_given(one, place))
            written = _comment(one, place)
            if name == "overrideReason" and not found and "userComment" not in one:
                raise Fault(place, "An overrideReason must have a reason, a userComment, or both.")
            given += found
            comment = comment or written
    return given, comment


def _given(one: Mapping[str, Any], place: str) -> Iterator[Given]:
    reason = one.get("reason")
    if reason is not None:
        if not isinstance(reason, dict) or not _code(reason.get("code")):
            raise Fault(f"{place}.reason", "A reason must be a Coding: an object with a code.")
        yield Given(_code(reason["code"]), _text(reason.get("system")), (_text(reason.get("display")),))
    extension = one.get("extension")
    if isinstance(extension, dict):
        category = _code(extension.get(f"{_EPIC}reasonCategory"))
        words = tuple(_text(extension.get(f"{_EPIC}{name}")) for name in ("reasonTitle", "reasonDisplay"))
        if category or any(words):
            yield Given(category, words=words)


def _code(value: Any) -> str:
    """A code: a text, or a whole number such as a category of Epic."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else ""
    return _text(value)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _comment(one: Mapping[str, Any], place: str) -> str:
    comment = one.get("userComment")
    if comment is None:
        return ""
    if not isinstance(comment, str):
        raise Fault(f"{place}.userComment", "A userComment must be a text.")
    return "".join(letter for letter in comment if letter.isprintable() or letter == "\n").strip()[:_LONGEST_COMMENT]
