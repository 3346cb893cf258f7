"""What an OperationOutcome of a service behind us says, for the audit trail and for readers with a browser."""

from typing import Final

import msgspec


class Details(msgspec.Struct):
    """The words of an issue."""

    text: str = ""


class Issue(msgspec.Struct):
    """What is wrong."""

    code: str = ""
    details: Details = msgspec.field(default_factory=Details)


class _Outcome(msgspec.Struct):
    resourceType: str  # noqa: N815  as FHIR spells it
    issue: list[Issue] = []


_outcome: Final = msgspec.json.Decoder(_Outcome)


def first_issue(body: bytes) -> Issue | None:
    """The first issue of an OperationOutcome; None if `body` is no OperationOutcome."""
    try:
        outcome = _outcome.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if outcome.resourceType != "OperationOutcome":
        return None
    return outcome.issue[0] if outcome.issue else Issue()
