"""The form of what authors write: the front matter of an explanation, an entry of the bibliography."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import yaml
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from content.languages import ORIGINAL, WORDS

AUDIENCES: Final = ("clinician", "patient")
AWAITING: Final = "awaiting clinical sign-off"
"""What `checker` says until a person has signed."""

CARD_TEXT_LIMIT: Final = 700
"""Characters that the explanatory paragraph of a card may have."""

_LONGEST_REVIEW_INTERVAL: Final = timedelta(days=731)
_SLUG: Final = validate.Regexp(r"[a-z0-9]+(-[a-z0-9]+)*\Z", error="Must be lower-case words joined by hyphens.")
_VERSION: Final = validate.Regexp(r"\d+\.\d+\.\d+\Z", error="Must be like 1.2.3.")
_FRONT: Final = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)

PARTS: Final = ("authors", "title", "source", "year", "pages", "doi", "pmid", "url")
"""The parts of a reference that may be confirmed or not, in the order in which they are printed."""


class _PlainLoader(yaml.CSafeLoader):
    """YAML whose dates stay text, so that the schema reads them, and whose keys may not repeat."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping_once(loader: _PlainLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
    if repeated:
        raise yaml.constructor.ConstructorError(None, None, f"repeated key {', '.join(repeated)}", node.start_mark)
    return loader.construct_mapping(node, deep=True)


_PlainLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_once)


def read_yaml(text: str) -> Any:
    """Read YAML with dates left as text.

    Raises:
        ValueError: what is wrong and in which line.
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a subclass of CSafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ValueError(f"line {line}: {error.problem}") from None
    except yaml.YAMLError:
        raise ValueError("is not YAML") from None


def split(text: str) -> tuple[Mapping[str, Any], str]:
    """Part a file into its front matter and its Markdown.

    Raises:
        ValueError: there is no front matter, or it is not a YAML mapping.
    """
    found = _FRONT.match(text)
    if found is None:
        raise ValueError("must begin with front matter between two lines of ---")
    front = read_yaml(found[1])
    if not isinstance(front, dict):
        raise ValueError("is not a mapping of names to values")  # noqa: TRY004 - the file is at fault, not the caller
    return front, text[found.end() :].strip() + "\n"


class FrontMatter(Schema):
    """What stands between the two `---` lines of an explanation."""

    title = fields.String(required=True, validate=validate.Length(min=3, max=90))
    slug = fields.String(required=True, validate=_SLUG)
    audience = fields.String(required=True, validate=validate.OneOf(AUDIENCES))
    language = fields.String(
        required=True, validate=validate.OneOf(WORDS, error="Must be one of {choices}: `languages.py` has their words.")
    )
    translates = fields.String(validate=_VERSION)
    version = fields.String(required=True, validate=_VERSION)
    written = fields.Date(required=True)
    author = fields.String(required=True, validate=validate.Length(min=3, max=90))
    checker = fields.String(required=True, validate=validate.Length(min=3, max=90))
    reviewed = fields.Date(required=True, allow_none=True)
    review_by = fields.Date(required=True)
    evidence_grade = fields.String(required=True, validate=validate.OneOf(["low", "moderate", "high"]))
    evidence_reason = fields.String(required=True, validate=validate.Length(min=20, max=400))
    references = fields.List(fields.String(validate=_SLUG), required=True)
    card_text = fields.String(validate=validate.Length(min=40, max=CARD_TEXT_LIMIT))

    @validates_schema
    def _signed_or_awaiting(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        reviewed: date | None = data["reviewed"]
        if (data["checker"] == AWAITING) != (reviewed is None):
            raise ValidationError(
                f"A review date needs the checker who reviewed; without one the checker is '{AWAITING}'.", "reviewed"
            )
        if reviewed is not None and not reviewed < data["review_by"] <= reviewed + _LONGEST_REVIEW_INTERVAL:
            raise ValidationError("Must lie after the review, by two years at most.", "review_by")
        if reviewed is not None and reviewed < data["written"]:
            raise ValidationError("Lies before this version was written: an older one was reviewed.", "reviewed")

    @validates_schema
    def _card_text_for_clinicians(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if (data["audience"] == "clinician") != ("card_text" in data):
            raise ValidationError("Every page for clinicians has one, no page for patients has.", "card_text")

    @validates_schema
    def _says_what_it_translates(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if (data["language"] == ORIGINAL) == ("translates" in data):
            raise ValidationError("The version of the original: a translation has it, no other.", "translates")

    @validates_schema
    def _references_once(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if len(set(data["references"])) != len(data["references"]):
            raise ValidationError("A key is listed twice.", "references")


class BibliographyEntry(Schema):
    """One entry of references.yaml. A part that is not known is left out, never guessed."""

    key = fields.String(required=True, validate=_SLUG)
    authors = fields.String()
    title = fields.String()
    source = fields.String(required=True)
    year = fields.Integer(strict=True, validate=validate.Range(min=1900, max=2100))
    pages = fields.String()
    doi = fields.String(
        validate=validate.Regexp(r"10\.\d{4,9}/[^\s<>\"]+\Z", error="Must begin with 10. and hold no URL.")
    )
    pmid = fields.String(validate=validate.Regexp(r"\d{5,9}\Z", error="Must be digits in quotes."))
    url = fields.String(validate=validate.Regexp(r"https://[^\s<>\"]+\Z", error="Must be an https address."))
    confirmed = fields.Boolean(required=True, truthy={True}, falsy={False})
    unconfirmed = fields.List(fields.String(validate=validate.OneOf(PARTS)), load_default=list)
    seen = fields.String(validate=validate.Length(max=300))
    of_rules = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    note = fields.String(validate=validate.Length(max=300))

    @validates_schema
    def _says_what_is_unconfirmed(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if data["confirmed"] == bool(data["unconfirmed"]):
            raise ValidationError("Lists parts exactly when `confirmed` is false.", "unconfirmed")
        if not data["confirmed"] and "note" not in data:
            raise ValidationError("An entry that is not confirmed says why.", "note")
        unknown = [part for part in data["unconfirmed"] if part not in data]
        if unknown:
            raise ValidationError(f"Names parts that the entry does not have: {', '.join(unknown)}.", "unconfirmed")
