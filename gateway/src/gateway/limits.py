"""How much one call may hold, besides its size in bytes. Each limit is a setting, and a refusal names it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chassis.problems import Problem
from gateway.problems import too_many

DEPTH: Final = 200
"""How many objects and lists may lie in one another; the JSON reader's own limit, and no setting."""


@dataclass(frozen=True)
class Limits:
    """Limits of one call, as counts.

    Attributes:
        containers: objects and lists in a body (MAX_JSON_CONTAINERS). What is read takes memory by their number:
            ten megabytes of `[],` would take two hundred.
        values: members and items in a body, by its commas (MAX_JSON_VALUES), for the same reason.
        prefetch_keys: members of `prefetch` (MAX_PREFETCH_KEYS).
        bundle_entries: entries of one Bundle (MAX_BUNDLE_ENTRIES).
        all_entries: entries of all Bundles of a call (MAX_ALL_ENTRIES).
        draft_orders: entries of `draftOrders` (MAX_DRAFT_ORDERS).
        selections: members of `selections` (MAX_SELECTIONS).
        feedback_items: items of one feedback (MAX_FEEDBACK_ITEMS).
    """

    containers: int = 500_000
    values: int = 1_000_000
    prefetch_keys: int = 200
    bundle_entries: int = 5_000
    all_entries: int = 20_000
    draft_orders: int = 200
    selections: int = 200
    feedback_items: int = 1_000


def check_size(body: bytes, limits: Limits) -> None:
    """See that reading `body` will not take too much memory. Brackets and commas inside of strings count as well.

    Raises:
        Problem: 413.
    """
    if len(body) > limits.containers and body.count(b"{") + body.count(b"[") > limits.containers:
        raise too_many("The request body holds", "objects and lists", limits.containers, "MAX_JSON_CONTAINERS")
    if len(body) > limits.values and body.count(b",") > limits.values:
        raise too_many("The request body holds", "members and items", limits.values, "MAX_JSON_VALUES")


def check_call(document: Mapping[str, Any], limits: Limits) -> None:
    """See that no part of a call holds more than is agreed. What is no list or object counts nothing.

    Raises:
        Problem: 413 with the limit, its setting and the place.
    """
    prefetch, context = _object(document.get("prefetch")), _object(document.get("context"))
    drafts = _object(context.get("draftOrders"))
    counts = (
        ("prefetch", "The prefetch holds", "keys", len(prefetch), limits.prefetch_keys, "MAX_PREFETCH_KEYS"),
        ("context.draftOrders", "The draftOrders hold", "entries", len(_list(drafts.get("entry"))),
         limits.draft_orders, "MAX_DRAFT_ORDERS"),
        ("context.selections", "The selections hold", "members", len(_list(context.get("selections"))),
         limits.selections, "MAX_SELECTIONS"),
    )  # fmt: skip
    for place, what, kind, count, limit, setting in counts:
        if count > limit:
            raise too_many(what, kind, limit, setting, place)
    _check_entries((*prefetch.values(), drafts), limits)


def check_feedback(document: Mapping[str, Any], limits: Limits) -> None:
    """See that one feedback reports on no more cards than is agreed.

    Raises:
        Problem: 413 with the limit, its setting and the place.
    """
    if len(_list(document.get("feedback"))) > limits.feedback_items:
        raise too_many("The feedback holds", "items", limits.feedback_items, "MAX_FEEDBACK_ITEMS", "feedback")


def _check_entries(values: tuple[object, ...], limits: Limits) -> None:
    total = 0
    for size in _sizes(values):
        total += size
        if size > limits.bundle_entries:
            raise _too_many_entries("A Bundle of this call holds", limits.bundle_entries, "MAX_BUNDLE_ENTRIES")
        if total > limits.all_entries:
            raise _too_many_entries("The Bundles of this call hold", limits.all_entries, "MAX_ALL_ENTRIES")


def _too_many_entries(what: str, limit: int, setting: str) -> Problem:
    return too_many(what, "entries", limit, setting, "prefetch")


def _sizes(values: tuple[object, ...]) -> Iterator[int]:
    """How many entries each Bundle has, Bundles inside of Bundles included; a list of resources counts as one."""
    left = list(values)
    while left:
        value = left.pop()
        entries = value if isinstance(value, list) else _list(_object(value).get("entry"))
        if entries:
            yield len(entries)
            left.extend(_inner(entries))


def _inner(entries: list[Any]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if isinstance(entry, dict):
            resource = entry.get("resource", entry)
            if isinstance(resource, dict) and "entry" in resource:
                yield resource


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
