"""What one entry of the clients file must be like: the members that there are, and the form of each.

What a fault says names the member and the rule, never the value: a value may be in the wrong place and be a secret.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from chassis.positions import Path, shown
from gateway import addresses
from gateway.jwks import ALGORITHMS

DIALECTS: Final = ("strict", "sandbox", "epic", "oracle", "athena")
KEY_SOURCES: Final = ("jwks", "jwksFile", "jwksUrl")
OVERRIDE_REASONS: Final = (
    "done-elsewhere", "cause-known", "not-indicated", "patient-declined", "deferred", "on-treatment",
    "specialist-managing", "wrong-data", "benefit-outweighs", "lab-unavailable",
)  # fmt: skip
"""The codes of /fhir/CodeSystem/override-reasons, which the reasons of a site are mapped to."""

RESERVED_NAMES: Final = frozenset({"anonymous", "refused"})
"""Words that logs use where no client is known."""

ORIGIN: Final = Regexp(
    r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?\Z",
    error="Must be an origin such as https://ehr.example: scheme, host in lower case, no path.",
)
_NAME: Final = Regexp(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", error="must be 1 to 64 letters, digits, '.', '_' and '-'")
_SERVICE: Final = Regexp(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z", error="must be the id of a CDS service")
_FILE: Final = Regexp(r"(?!.*\.\.)[A-Za-z0-9._-]{1,128}\Z", error="must be the name of a file beside this one, no path")
_PREFETCH_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_THEIR_REASON: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_MAPPED_CHARS: Final = 3000
"""What a signed header between our services has room for."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029]")


def _one_line(text: str) -> None:
    if not 1 <= len(text) <= 500:
        raise ValidationError("must have 1 to 500 characters")
    if _CONTROL.search(text) or text != text.strip():
        raise ValidationError("must have no control characters, and no spaces at its ends")


def _address(check: Callable[[str], object]) -> Callable[[str], None]:
    def validate(text: str) -> None:
        try:
            check(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    return validate


def _origin(text: str) -> None:
    _address(addresses.checked)(text)
    if text.count("/") != 2:
        raise ValidationError("must be an origin such as https://ehr.example: no path and no slash at the end")


def _prefetch_keys(members: Mapping[str, Any]) -> None:
    for ours, theirs in members.items():
        if not all(isinstance(key, str) and _PREFETCH_KEY.fullmatch(key) for key in (ours, theirs)):
            raise ValidationError("must map our prefetch keys to the site's, both plain names of at most 64 characters")
    if len(set(members.values())) < len(members):
        raise ValidationError("maps two of our prefetch keys to the same one of the site")
    _fits_a_header(members)


def _override_reasons(members: Mapping[str, Any]) -> None:
    wrong: dict[str, list[str]] = {}
    for theirs, ours in members.items():
        if not _THEIR_REASON.fullmatch(theirs):
            wrong[theirs] = ["a code of the site must be 1 to 64 letters, digits, '.', '_' and '-'"]
        elif ours not in OVERRIDE_REASONS:
            wrong[theirs] = [f"must be mapped to one of {', '.join(OVERRIDE_REASONS)}"]
    if wrong:
        raise ValidationError(wrong)
    _fits_a_header(members)


def _fits_a_header(members: Mapping[str, Any]) -> None:
    if len(json.dumps(dict(members))) > _MOST_MAPPED_CHARS:
        raise ValidationError(f"must have at most {_MOST_MAPPED_CHARS} characters in all")


class _OneOrMore(fields.List[str]):
    """A list of texts, or one text that stands for a list of one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            return [self.inner.deserialize(value, attr, data)]
        return super()._deserialize(value, attr, data, **kwargs)


class _RateSchema(Schema):
    perMinute = fields.Integer(required=True, validate=Range(1, 600_000))  # noqa: N815  as the file spells it
    burst = fields.Integer(validate=Range(1, 600_000))


class EntrySchema(Schema):
    """The members of an entry. Which of them must or must not stand together is checked elsewhere."""

    comment = fields.String()
    client = fields.String(required=True, validate=[_NAME])
    issuer = fields.String(required=True, validate=_one_line)
    jwks = fields.Raw()
    jwksFile = fields.String(validate=_FILE)  # noqa: N815
    jwksUrl = fields.String(validate=_address(addresses.checked))  # noqa: N815
    jku = _OneOrMore(fields.String(validate=_address(addresses.checked)))
    algorithms = fields.List(fields.String(validate=OneOf(tuple(ALGORITHMS))), validate=Length(min=1))
    audiences = fields.List(fields.String(validate=_one_line))
    tenants = fields.List(fields.String(validate=_one_line), validate=Length(min=1))
    fhirServers = fields.List(fields.String(validate=_address(addresses.fhir_server)))  # noqa: N815
    services = fields.List(fields.String(validate=_SERVICE), validate=Length(min=1))
    origins = fields.List(fields.String(validate=_origin))
    rateLimit = fields.Nested(_RateSchema)  # noqa: N815
    dialect = fields.String(validate=OneOf(DIALECTS, error="must be one of {choices}"))
    prefetchKeys = fields.Dict(validate=_prefetch_keys)  # noqa: N815
    overrideReasons = fields.Dict(validate=_override_reasons)  # noqa: N815


_schema: Final = EntrySchema()


def faults(entry: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """What is wrong with the members of one entry: where within it, and words."""
    found = [(path, _in_our_words(path, said)) for path, said in _flat(_schema.validate(dict(entry)))]
    sources = [name for name in KEY_SOURCES if name in entry]
    if len(sources) != 1:
        found.append(((), f"must have exactly one of {', '.join(KEY_SOURCES)}; it has {len(sources)}"))
    if str(entry.get("client")).lower() in RESERVED_NAMES:
        found.append((("client",), "is a word that logs use where no client is known"))
    return found


def fits(member: str, value: object) -> bool:
    """Whether `value` has the form that this member must have."""
    try:
        _schema.fields[member].deserialize(value)
    except ValidationError:
        return False
    return True


def loaded(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an entry without faults, in their types."""
    members: dict[str, Any] = _schema.load(dict(entry))
    return members


def place(path: Path) -> str:
    """A place within an entry as people write it: `audiences[0]`, `rateLimit.burst`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if text else shown(part)
    return text


def _flat(said: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(said, dict):
        for name, below in said.items():
            yield from _flat(below, path if name in ("_schema", "key", "value") else (*path, name))
    elif isinstance(said, list):
        for one in said:
            yield from _flat(one, path)
    else:
        yield path, str(said)


_WORDS: Final = {
    "Unknown field.": "is not known",
    "Missing data for required field.": "is missing",
    "Field may not be null.": "must not be empty",
    "Not a valid string.": "must be a text",
    "Not a valid list.": "must be a list",
    "Not a valid integer.": "must be a whole number",
    "Not a valid mapping type.": "must be an object",
    "Invalid input type.": "must be an object",
    "Shorter than minimum length 1.": "must not be empty; leave it out instead",
}


def _in_our_words(path: Path, said: str) -> str:
    if said == "Unknown field." and len(path) == 1:
        return f"is not known; the members of an entry are {', '.join(sorted(_schema.fields))}"
    return _WORDS.get(said, said[:1].lower() + said[1:].rstrip("."))
