"""Units and amounts: the unit that was sent decides, limits are compared in their own family of units.

A *family* is a set of units that differ by a power of ten, such as ng/L and pg/mL, or mg/dL and mg/L. A limit is
printed once for each family that laboratories report in (180 ng/L and 133 pmol/L), and a result is compared,
unrounded, with the number of its own family. Factors across families serve ratios, plausibility and display,
and results whose family has no printed limit. Numbers are decimals, so that 20 mg/dL is exactly 0.20 g/L.
Source: clinical rules, 1.0.2 and section 6, 14 and 15.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

_LITER: Final = re.compile(r"(?<=[/munpfd])l\b")
_PER_DAY: Final = re.compile(r"/\s*(24\s*h|\(24\.h\)|d)$")
_SPELLINGS: Final[Mapping[str, str]] = {
    "{INR}": "1",
    "mL/min/1.73m2": "mL/min/{1.73_m2}",
    "mL/min/1.73_m2": "mL/min/{1.73_m2}",
    "mL/min/1.73.m2": "mL/min/{1.73_m2}",
    "mL/min/{1.73m2}": "mL/min/{1.73_m2}",
}


@lru_cache(maxsize=1024)
def normalized(unit: str) -> str:
    """The unit as our tables spell it: UCUM, with the accepted aliases folded in. Never a guess."""
    unit = unit.strip().replace("µ", "u").replace("μ", "u")
    unit = _LITER.sub("L", unit.replace("mcg", "ug"))
    unit = _PER_DAY.sub("/(24.h)", unit)
    return _SPELLINGS.get(unit, unit)


@dataclass(frozen=True, slots=True)
class Family:
    """Units that differ by a power of ten. `unit` is the printed one; `factors` lead to it."""

    unit: str
    factors: Mapping[str, Decimal]
    to_canonical: Decimal = Decimal(1)


def units(printed: str, /, also: Mapping[str, str] | None = None, *, to_canonical: str = "1") -> Family:
    """A family: the printed unit, other accepted units with their power of ten, the factor to the canonical unit."""
    return Family(
        printed,
        {printed: Decimal(1)} | {unit: Decimal(factor) for unit, factor in (also or {}).items()},
        Decimal(to_canonical),
    )


@dataclass(frozen=True, slots=True)
class Measure:
    """How an analyte is reported: its families, the canonical (first) one, and the plausible range in it."""

    families: tuple[Family, ...]
    plausible: tuple[Decimal, Decimal] | None = None

    @property
    def canonical(self) -> str:
        """The unit that plausibility, ratios and conversions use."""
        return self.families[0].unit

    def family_of(self, unit: str) -> Family | None:
        """The family that a normalized unit belongs to."""
        for candidate in self.families:
            if unit in candidate.factors:
                return candidate
        return None


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in a family's printed unit, with what leads to the canonical unit."""

    number: Decimal
    unit: str
    to_canonical: Decimal

    @property
    def canonical(self) -> Decimal:
        """The number in the canonical unit."""
        return self.number * self.to_canonical


def amount(measure: Measure, number: Decimal, unit: str) -> Amount | None:
    """`number` of `unit` (as sent) in its family's printed unit; None when the unit is not accepted."""
    spelled = normalized(unit)
    found = measure.family_of(spelled)
    if found is None:
        return None
    return Amount(number * found.factors[spelled], found.unit, found.to_canonical)


@dataclass(frozen=True, slots=True)
class Limit:
    """A decision limit, printed once for each family: `limit("180 ng/L", "133 pmol/L")`."""

    printed: Mapping[str, Decimal]

    def for_unit(self, unit: str) -> Decimal | None:
        """The number to compare a value of this family with, or None where none is printed."""
        return self.printed.get(unit)

    def __str__(self) -> str:
        forms = ((plain(number), "" if unit == "1" else unit) for unit, number in self.printed.items())
        return " / ".join(f"{number} {unit}".strip() for number, unit in forms)


def plain(number: Decimal) -> str:
    """A decimal as people write it: never with an exponent, nor with zeros that a calculation left behind."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text and number == number.to_integral_value() else text


def limit(*printed: str) -> Limit:
    """A limit from its printed forms, each a number, a space and a unit."""
    pairs = [form.partition(" ") for form in printed]
    return Limit({unit: Decimal(number) for number, _, unit in pairs})


def display(number: Decimal) -> str:
    """A number for people: three significant digits, no exponent, no trailing zeros."""
    if number == 0:
        return "0"
    rounded = number.quantize(Decimal(1).scaleb(number.adjusted() - 2)) if number.adjusted() < 2 else round(number)
    text = format(Decimal(rounded), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
