"""Raw slices of JSON: read when they are needed, and without raising when they do not have the expected form."""

from collections.abc import Hashable
from functools import cache
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import Raw

_T = TypeVar("_T")
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises: not JSON, not UTF-8, not of the expected form, or nested too deeply."""

NOTHING: Final = Raw()
"""A slice of nothing: the field was not sent."""

_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])


def members(raw: Raw) -> dict[str, Raw] | None:
    """The members of an object, each still a slice; None when it is no object."""
    try:
        return _MEMBERS.decode(raw)
    except UNREADABLE:
        return None


def field(raw: Raw, kind: type[_T]) -> _T | None:
    """A raw field as `kind`; None when absent, null or bent."""
    if raw is NOTHING:
        return None
    try:
        return cast("_T | None", _decoder(cast(Hashable, kind)).decode(raw))
    except UNREADABLE:
        return None


@cache
def _decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    """One decoder for each of the few types that are read."""
    return msgspec.json.Decoder(kind | None)


def present(raw: Raw) -> bool:
    """Whether a field was sent with anything but null."""
    return raw is not NOTHING and bytes(raw).strip() not in (b"", b"null")


def listed(raw: Raw, kind: type[_T]) -> list[_T]:
    """A raw list (or the single object that some send for one), without the items that do not fit."""
    if not present(raw):
        return []
    items = field(raw, list[Raw])
    slices = [raw] if items is None else items
    return [item for one in slices if (item := field(one, kind)) is not None]
