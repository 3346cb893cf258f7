"""The envelope of a CDS Hooks call: what must be right before we pass it on.

A marshmallow schema checks the members that it declares and leaves the rest alone: unknown keys are welcome, and
nobody here looks inside of resources. An optional member that is null counts as absent, because some clients write
null for what they do not have.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from chassis.problems import Problem
from gateway.problems import malformed

UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PATIENT_ID: Final = r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,200}"
USER_ID: Final = r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9._-]{1,256}"
HTTP_URL: Final = r"https?://[^\s/?#]+[^\s]*"


def _member(right: Callable[[Any], bool], wrong: str, *, required: bool = False) -> fields.Raw:
    """A member that is taken as it is. Where it is not `right`, or missing, the sentence `wrong` says so."""

    def check(value: Any) -> None:
        if not right(value):
            raise ValidationError(wrong)

    return fields.Raw(
        required=required,
        allow_none=not required,
        validate=check,
        error_messages=dict.fromkeys(("required", "null"), wrong),
    )


def _text(pattern: str) -> Callable[[Any], bool]:
    """Whether a value is a string that matches a pattern as a whole."""
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(member, str) for member in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_bundle(value: Any) -> bool:
    return isinstance(value, dict) and value.get("resourceType") == "Bundle"


class _Envelope(Schema):
    class Meta:
        unknown = EXCLUDE

    hook = _member(_text(r".+"), "The call must have a hook, a string.", required=True)
    hookInstance = _member(  # noqa: N815  as the wire has it
        _text(UUID), "The call must have a hookInstance, a UUID of 36 characters.", required=True
    )
    context = _member(_is_object, "The call must have a context, an object.", required=True)
    prefetch = _member(_is_object, "The prefetch must be an object.")
    fhirServer = _member(_text(HTTP_URL), "The fhirServer must be an http or https URL.")  # noqa: N815
    fhirAuthorization = _member(_is_object, "The fhirAuthorization must be an object.")  # noqa: N815

    @validates_schema
    def _authorization_is_for_a_server(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("fhirAuthorization") is not None and data.get("fhirServer") is None:
            words = "A call with fhirAuthorization must have the fhirServer that it is for."
            raise ValidationError(words, "fhirServer")


class _Context(Schema):
    class Meta:
        unknown = EXCLUDE

    patientId = _member(  # noqa: N815
        _text(PATIENT_ID),
        "The context must have a patientId: the id of a FHIR Patient, at most 200 characters, without its type.",
        required=True,
    )
    userId = _member(_text(USER_ID), "The userId must be a resource type and an id, such as Practitioner/123.")  # noqa: N815


class _OrderContext(_Context):
    selections = _member(_is_texts, "The selections must be a list of strings.")
    draftOrders = _member(_is_bundle, "The draftOrders must be a FHIR Bundle.")  # noqa: N815


class _Feedback(Schema):
    class Meta:
        unknown = EXCLUDE

    feedback = _member(_is_list, "The feedback must be a list with an item for each answered card.", required=True)


_ENVELOPE: Final = _Envelope()
_CONTEXT: Final = _Context()
_ORDER_CONTEXT: Final = _OrderContext()
_FEEDBACK: Final = _Feedback()


def check_call(document: Mapping[str, Any], hook: str) -> None:
    """See that a JSON object is a call of `hook` that a service can work on.

    Raises:
        Problem: 400 with one sentence and the place of the first thing that is wrong.
    """
    envelope = _load(_ENVELOPE, document, "")
    if envelope["hook"] != hook:
        raise malformed(f"The hook of this service is {hook}; the call names another one.", "hook")
    _load(_ORDER_CONTEXT if hook.startswith("order-") else _CONTEXT, envelope["context"], "context.")


def check_feedback(document: Mapping[str, Any]) -> None:
    """See that a JSON object is feedback. Its items are judged one by one by the service that showed the cards.

    Raises:
        Problem: 400 with one sentence.
    """
    _load(_FEEDBACK, document, "")


def _load(schema: Schema, document: Mapping[str, Any], place: str) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], schema.load(document))
    except ValidationError as error:
        raise _first(error, place) from error


def _first(error: ValidationError, place: str) -> Problem:
    name, said = next(iter(error.messages_dict.items()))
    return malformed(said[0], f"{place}{name}")
