"""The bands of laboratory results: read from `bands.json`, drawn as scales, said in words.

The numbers are those of the rules: the file is generated from them by `python -m screening.knowledge.bands_file`, and
`make check` fails when it is stale.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

_ROOM: Final = Decimal("0.35")
"""What is drawn beyond the limits, as a part of what they span."""

_CLOSE: Final = Decimal("0.5")
"""Where the lowest limit is more than this part of the highest, the drawing does not begin at 0."""

_TEXT_WIDTH: Final = 700
"""Pixels of a drawing on a wide screen, roughly: what a name must fit into its part of."""

_LETTER: Final = Decimal("8.2")


@dataclass(frozen=True)
class Band:
    """A named band.

    Attributes:
        name: as in the rules.
        upper: its upper limit, printed once for each family of units; empty for the highest band.
        inclusive: whether the limit itself belongs to the band.
        reassuring: whether a result in it speaks against the disease.
    """

    name: str
    reassuring: bool
    upper: tuple[str, ...] = ()
    inclusive: bool = False


@dataclass(frozen=True)
class Scale:
    """The bands of one test, lowest first, with the source of their limits.

    Attributes:
        page: slug of the page that shows it.
        units: one for each family of units; limits are printed in each.
    """

    id: str
    page: str
    label: str
    units: tuple[str, ...]
    bands: tuple[Band, ...]
    source: str


@dataclass(frozen=True)
class Part:
    """A band as it is drawn: where it begins, how wide it is, both in percent of the drawing.

    Attributes:
        tone: `good` reassures, `warn` is next to that, `stop` is farther away.
        named: its name fits in on a wide screen.
    """

    number: int
    name: str
    start: str
    middle: str
    width: str
    tone: str
    named: bool


@dataclass(frozen=True)
class Tick:
    """A limit as it is drawn: where, in percent, and its number in each family of units."""

    at: str
    numbers: tuple[str, ...]


class _BandForm(Schema):
    name = fields.String(required=True, validate=validate.Length(min=2, max=40))
    reassuring = fields.Boolean(required=True, truthy={True}, falsy={False})
    upper = fields.List(fields.String(validate=validate.Regexp(r"\d+(\.\d+)?\Z")))
    inclusive = fields.Boolean(truthy={True}, falsy={False})


class _ScaleForm(Schema):
    id = fields.String(required=True)
    page = fields.String(required=True)
    label = fields.String(required=True)
    units = fields.List(fields.String(), required=True, validate=validate.Length(min=1, max=2))
    bands = fields.List(fields.Nested(_BandForm), required=True, validate=validate.Length(min=2))
    source = fields.String(required=True)

    @validates_schema
    def _limits_between_bands(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        *lower, last = data["bands"]
        if "upper" in last or any(len(band.get("upper", ())) != len(data["units"]) for band in lower):
            raise ValidationError("Every band but the last has its upper limit in each unit.", "bands")
        for place in range(len(data["units"])):
            numbers = [Decimal(band["upper"][place]) for band in lower]
            if numbers != sorted(set(numbers)):
                raise ValidationError("The limits do not rise.", "bands")


class _FileForm(Schema):
    rules = fields.String(required=True)
    scales = fields.List(fields.Nested(_ScaleForm), required=True)


def read(text: str) -> Mapping[str, tuple[Scale, ...]]:
    """The scales of each page.

    Raises:
        ValueError: the file is not what it should be.
    """
    try:
        data = _FileForm(unknown=RAISE).load(json.loads(text))
    except ValidationError as error:
        raise ValueError(f"is not as the rules write it: {error}") from None
    found: dict[str, tuple[Scale, ...]] = {}
    for entry in data["scales"]:
        bands = tuple(Band(**{**band, "upper": tuple(band.get("upper", ()))}) for band in entry["bands"])
        scale = Scale(**{**entry, "units": tuple(map(_for_people, entry["units"])), "bands": bands})
        found[scale.page] = (*found.get(scale.page, ()), scale)
    return found


def _for_people(unit: str) -> str:
    return unit.replace("/(24.h)", " in 24 hours").replace("u", "µ", 1) if unit.startswith("u") else unit


def said(scale: Scale, number: int, family: int) -> str:
    """What a band spans in one family of units: `from 180, up to 350`.

    Args:
        scale: the scale.
        number: which band, from 0.
        family: which family of units, from 0.
    """
    band = scale.bands[number]
    below = scale.bands[number - 1] if number else None
    lower = "" if below is None else f"{'above' if below.inclusive else 'from'} {below.upper[family]}"
    upper = f"{'up to' if band.inclusive else 'below'} {band.upper[family]}" if band.upper else ""
    return ", ".join(part for part in (lower, upper) if part)


def in_words(scale: Scale) -> str:
    """The whole scale as one sentence, in the first family of units: what a drawing says to who cannot see it."""
    bands = (f"{band.name} {said(scale, number, 0)}" for number, band in enumerate(scale.bands))
    return f"Scale in {scale.units[0]}: {'; '.join(bands)}."


def begins_at_zero(scale: Scale) -> bool:
    """Whether the drawing does: where the limits lie close together, what is below them is cut off."""
    lowest, highest = Decimal(scale.bands[0].upper[0]), Decimal(scale.bands[-2].upper[0])
    return lowest == highest or lowest <= _CLOSE * highest


def drawn(scale: Scale) -> tuple[Sequence[Part], Sequence[Tick]]:
    """Where the bands and the limits of a scale are drawn, true to scale in the first family of units."""
    limits = [Decimal(band.upper[0]) for band in scale.bands[:-1]]
    span = limits[-1] - limits[0]
    near = not begins_at_zero(scale)
    start = limits[0] - _ROOM * span if near else Decimal(0)
    end = limits[-1] + (_ROOM * span if near else limits[-1] if len(limits) == 1 else _ROOM * limits[-1])
    places = [Decimal(0), *((limit - start) / (end - start) * 100 for limit in limits), Decimal(100)]
    parts = []
    for number, band in enumerate(scale.bands):
        left, width = places[number], places[number + 1] - places[number]
        fits = width * _TEXT_WIDTH / 100 > _LETTER * (len(band.name) + 3)
        place = (_percent(left), _percent(left + width / 2), _percent(width))
        parts.append(Part(number + 1, band.name, *place, _tone(scale, number), fits))
    ticks = [Tick(_percent(places[number + 1]), band.upper) for number, band in enumerate(scale.bands[:-1])]
    return parts, ticks


def _tone(scale: Scale, number: int) -> str:
    if scale.bands[number].reassuring:
        return "good"
    beside = {band.reassuring for band in scale.bands[max(0, number - 1) : number + 2]}
    return "warn" if True in beside or not any(band.reassuring for band in scale.bands) else "stop"


def _percent(number: Decimal) -> str:
    return f"{number:.2f}%"


def in_markdown(scales: Sequence[Scale]) -> str:
    """The scales as tables."""
    return "\n\n".join(
        "\n".join(
            [
                f"**{scale.label[0].upper()}{scale.label[1:]}** (source: {scale.source})\n",
                f"| Band | {' | '.join(scale.units)} |",
                f"|---|{'---|' * len(scale.units)}",
                *(
                    f"| {band.name} | {' | '.join(said(scale, number, each) for each in range(len(scale.units)))} |"
                    for number, band in enumerate(scale.bands)
                ),
            ]
        )
        for scale in scales
    )
