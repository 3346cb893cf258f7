"""The envelope of a CDS Hooks call: what must be right before we pass it on.

The top level and the context are split into raw slices; a marshmallow schema reads those that it declares and
leaves the rest alone. The prefetch stays a slice of bytes: nobody here looks inside. Unknown keys are welcome.
An optional key that is null counts as absent, because some clients write null for what they do not have.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from chassis.problems import Problem
from gateway.problems import malformed

Slices = dict[str, msgspec.Raw]

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PATIENT_ID: Final = r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,200}"
_USER_ID: Final = r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9._-]{1,256}"
_HTTP_URL: Final = r"https?://[^\s/?#]+[^\s]*"

_slices: Final = msgspec.json.Decoder(Slices)
_text: Final = msgspec.json.Decoder(str)
_texts: Final = msgspec.json.Decoder(list[str])


class _Resource(msgspec.Struct):
    resourceType: str  # noqa: N815  as FHIR spells it


_resource: Final = msgspec.json.Decoder(_Resource)


def _is_null(value: msgspec.Raw) -> bool:
    view = memoryview(value)
    return view.nbytes == 4 and bytes(view) == b"null"


class _RawField(fields.Field[Any]):
    """A field that reads a raw slice of JSON. `wrong` is the sentence for a value that is missing or not right."""

    def __init__(self, wrong: str, *, required: bool = False, null_is_absent: bool = False) -> None:
        super().__init__(required=required, error_messages={"required": wrong})
        self._wrong = wrong
        self._null_is_absent = null_is_absent

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if self._null_is_absent and _is_null(value):
            return None
        try:
            return self._read(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise ValidationError(self._wrong) from error

    @abstractmethod
    def _read(self, value: msgspec.Raw) -> Any:
        """The field's value, or an exception that says that it is none."""


class _Text(_RawField):
    """A string that matches a pattern as a whole."""

    def __init__(self, pattern: str, wrong: str, **options: bool) -> None:
        super().__init__(wrong, **options)
        self._pattern = re.compile(pattern)

    def _read(self, value: msgspec.Raw) -> str:
        text = _text.decode(value)
        if not self._pattern.fullmatch(text):
            raise ValueError
        return text


class _Texts(_RawField):
    """A list of strings."""

    def _read(self, value: msgspec.Raw) -> list[str]:
        return _texts.decode(value)


class _Object(_RawField):
    """An object, left as a slice: its first byte is all that is looked at."""

    def _read(self, value: msgspec.Raw) -> msgspec.Raw:
        if memoryview(value)[0] != ord("{"):
            raise ValueError
        return value


class _Bundle(_RawField):
    """A FHIR Bundle, by its resourceType."""

    def _read(self, value: msgspec.Raw) -> msgspec.Raw:
        if _resource.decode(value).resourceType != "Bundle":
            raise ValueError
        return value


class _Envelope(Schema):
    class Meta:
        unknown = EXCLUDE

    hook = _Text(r".+", "The call must have a hook, a string.", required=True)
    hookInstance = _Text(_UUID, "The call must have a hookInstance, a UUID of 36 characters.", required=True)  # noqa: N815
    context = _Object("The call must have a context, an object.", required=True)
    prefetch = _Object("The prefetch must be an object.", null_is_absent=True)
    fhirServer = _Text(_HTTP_URL, "The fhirServer must be an http or https URL.", null_is_absent=True)  # noqa: N815
    fhirAuthorization = _Object("The fhirAuthorization must be an object.", null_is_absent=True)  # noqa: N815

    @validates_schema
    def _authorization_is_for_a_server(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("fhirAuthorization") is not None and data.get("fhirServer") is None:
            words = "A call with fhirAuthorization must have the fhirServer that it is for."
            raise ValidationError(words, "fhirServer")


class _Context(Schema):
    class Meta:
        unknown = EXCLUDE

    patientId = _Text(  # noqa: N815
        _PATIENT_ID,
        "The context must have a patientId: the id of a FHIR Patient, at most 200 characters, without its type.",
        required=True,
    )
    userId = _Text(  # noqa: N815
        _USER_ID,
        "The userId must be a resource type and an id, such as Practitioner/123.",
        null_is_absent=True,
    )


class _OrderContext(_Context):
    selections = _Texts("The selections must be a list of strings.")
    draftOrders = _Bundle("The draftOrders must be a FHIR Bundle.")  # noqa: N815


_ENVELOPE: Final = _Envelope()
_CONTEXT: Final = _Context()
_ORDER_CONTEXT: Final = _OrderContext()


def check_call(body: bytes, hook: str) -> None:
    """See that `body` is a call of `hook` that a service can work on.

    Raises:
        Problem: 400 with one sentence and the place of the first thing that is wrong.
    """
    envelope = _load(_ENVELOPE, split(body), "")
    if envelope["hook"] != hook:
        raise malformed(f"The hook of this service is {hook}; the call names another one.", "hook")
    context = _ORDER_CONTEXT if hook.startswith("order-") else _CONTEXT
    _load(context, _slices.decode(envelope["context"]), "context.")


def split(body: bytes) -> Slices:
    """The top level of a JSON object, each value as the bytes it has in `body`.

    Raises:
        Problem: 400 if `body` is not one JSON object in UTF-8.
    """
    if not body:
        raise malformed("The request body is empty; it must be a JSON object.")
    try:
        str(body, "utf-8")
        return _slices.decode(body)
    except msgspec.ValidationError as error:
        raise malformed("The request body must be a JSON object.") from error
    except RecursionError as error:
        raise malformed("The request body is nested too deeply.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed("The request body is not JSON in UTF-8.") from error


def _load(schema: Schema, slices: Slices, place: str) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], schema.load(slices))
    except ValidationError as error:
        raise _first(error, place) from error


def _first(error: ValidationError, place: str) -> Problem:
    name, said = next(iter(error.messages_dict.items()))
    return malformed(said[0], f"{place}{name}")
