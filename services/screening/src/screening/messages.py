"""The parts of a CDS Hooks call that we read, checked; unknown keys are allowed, values are never quoted back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Final

import msgspec
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from msgspec import Raw

from screening import problems, servers
from screening.slices import NOTHING, UNREADABLE, field, listed, members, present

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_WITHOUT_SELECTIONS: Final = frozenset({"order-sign"})
"""Hooks that define no `selections`: everything that is about to be signed counts, whatever a client sends."""
_FHIR_ID: Final = re.compile(r"[^/\s]{1,255}\Z")
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}/[^/\s]{1,255}")


class _Call(msgspec.Struct, gc=False):
    """The top level, with the prefetch split by key in the same pass over the body."""

    hook: Raw = NOTHING
    hookInstance: Raw = NOTHING  # noqa: N815 - wire spelling
    fhirServer: Raw = NOTHING  # noqa: N815
    fhirAuthorization: Raw = NOTHING  # noqa: N815
    context: Raw = NOTHING
    prefetch: dict[str, Raw] | None = None


_CALL: Final = msgspec.json.Decoder(_Call)


@dataclass(frozen=True, slots=True)
class HookCall:
    """A checked call.

    Attributes:
        hook_instance: a UUID of any version; one may stand for calls of several services.
        patient_id: `context.patientId`.
        prefetch: the values of `prefetch`, unread.
        draft_orders: the resources in `context.draftOrders`, unread.
        selections: `context.selections`; None when the client does not say, or when the hook has none.
        user_id: `Type/id`, or empty when the client does not say.
        encounter_id: or empty.
        fhir_server: or empty; part of a card's identity, since patient ids are unique only within a server.
        has_drafts: whether `draftOrders` was sent at all.
        fhir_authorization: `fhirAuthorization`, unread: it holds a token.
    """

    hook_instance: str
    patient_id: str
    prefetch: Mapping[str, Raw]
    draft_orders: tuple[Raw, ...]
    selections: tuple[str, ...] | None
    user_id: str
    encounter_id: str
    fhir_server: str
    has_drafts: bool
    fhir_authorization: Raw = dataclass_field(repr=False)


class _Context(Schema):
    class Meta:
        unknown = EXCLUDE

    patientId = fields.String(required=True, validate=validate.Regexp(_FHIR_ID))  # noqa: N815 - wire spelling
    userId = fields.String(load_default="", allow_none=True)  # noqa: N815
    encounterId = fields.String(load_default="", allow_none=True)  # noqa: N815
    selections = fields.List(fields.String(), load_default=None, allow_none=True)


class _Envelope(Schema):
    class Meta:
        unknown = EXCLUDE

    hook = fields.String(required=True)
    hookInstance = fields.String(required=True, validate=validate.Regexp(_UUID))  # noqa: N815
    fhirServer = fields.String(load_default="", allow_none=True)  # noqa: N815
    context = fields.Nested(_Context, required=True)


_ENVELOPE: Final = _Envelope()
_WORDS: Final[Mapping[str, str]] = {
    "hook": "hook must be a string.",
    "hookInstance": "hookInstance must be a UUID.",
    "fhirServer": "fhirServer must be a string.",
    "context": "context must be an object.",
    "context.patientId": "context.patientId must be a FHIR id.",
    "context.userId": "context.userId must be a string of the form Type/id.",
    "context.encounterId": "context.encounterId must be a FHIR id.",
    "context.selections": "context.selections must be a list of strings.",
}


def read(body: bytes, hook: str) -> HookCall:
    """A call for a service of `hook`.

    Raises:
        chassis.problems.Problem: 400, naming the part that is wrong.
    """
    try:
        if not body.isascii():
            body.decode()
        top = _CALL.decode(body)
    except msgspec.ValidationError:
        if body.lstrip()[:1] != b"{":
            raise problems.not_json() from None
        raise problems.invalid("prefetch", "prefetch must be an object.") from None
    except UNREADABLE:
        raise problems.not_json() from None
    context = members(top.context)
    with_selections = hook not in _WITHOUT_SELECTIONS
    try:
        loaded: dict[str, Any] = _ENVELOPE.load(_envelope(top, context, with_selections=with_selections))
    except UNREADABLE:
        raise problems.not_json() from None
    except ValidationError as error:
        raise _problem(error) from None
    if loaded["hook"] != hook:
        raise problems.invalid("hook", f"This service answers the hook {hook}.")
    said: dict[str, Any] = loaded["context"]
    user = said["userId"] or ""
    if user and not _REFERENCE.fullmatch(user):
        raise problems.invalid("context.userId", _WORDS["context.userId"])
    drafts = (context or {}).get("draftOrders", NOTHING)
    selections = said["selections"]
    return HookCall(
        hook_instance=loaded["hookInstance"],
        patient_id=said["patientId"],
        prefetch=top.prefetch or {},
        draft_orders=_drafts(drafts),
        selections=tuple(selections) if selections is not None else None,
        user_id=user,
        encounter_id=said["encounterId"] or "",
        fhir_server=servers.one_name(loaded["fhirServer"] or ""),
        has_drafts=present(drafts),
        fhir_authorization=top.fhirAuthorization,
    )


def _envelope(top: _Call, context: dict[str, Raw] | None, *, with_selections: bool) -> dict[str, Any]:
    """The small parts of a call as plain values; what was not sent is left out."""
    sent = (("hook", top.hook), ("hookInstance", top.hookInstance), ("fhirServer", top.fhirServer))
    envelope: dict[str, Any] = {name: _plain(raw) for name, raw in sent if raw is not NOTHING}
    if top.context is not NOTHING:
        small = ("patientId", "userId", "encounterId", *(("selections",) if with_selections else ()))
        envelope["context"] = (
            {name: _plain(context[name]) for name in small if name in context} if context is not None else None
        )
    return envelope


def _plain(raw: Raw) -> Any:
    return msgspec.json.decode(raw)


def _problem(error: ValidationError) -> Exception:
    """The first thing that is wrong, in our own words."""
    messages: Any = error.messages
    path: list[str] = []
    while isinstance(messages, dict) and messages:
        key = next(iter(messages))
        if not isinstance(key, str) or key == "_schema":
            break
        path.append(key)
        messages = messages[key]
    expression = ".".join(path)
    words = _WORDS.get(expression, "A part of the call is not as CDS Hooks defines it.")
    if messages == ["Missing data for required field."]:
        words = f"{expression} is required."
    return problems.invalid(expression, words)


def _drafts(raw: Raw) -> tuple[Raw, ...]:
    """The resources of draftOrders, unread; entries without a resource are passed over."""
    if not present(raw):
        return ()
    bundle = members(raw)
    if bundle is None or field(bundle.get("resourceType", NOTHING), str) != "Bundle":
        raise problems.invalid("context.draftOrders", "context.draftOrders must be a Bundle.")
    entries = listed(bundle.get("entry", NOTHING), dict[str, Raw])
    return tuple(entry["resource"] for entry in entries if present(entry.get("resource", NOTHING)))
