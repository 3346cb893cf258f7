"""The thresholds that a site has set itself: one versioned file, read and checked whole at start.

The file is TOML (docs/site-values.example.toml shows one). It names who approved it and when, and gives each value
with a reason. What it may not do: name a threshold that is not there or not open to sites, leave out a family of
units, contradict itself between families, leave half to double of the default (a wrong unit or a slip of the keyboard
does that), break the order of bands, or lower a limit on which minutes depend (`Threshold.floor`).
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from chassis.environment import listed
from screening.domain.thresholds import AnyThreshold, Ladder, SiteValue, SiteValues
from screening.domain.units import Limit
from screening.knowledge.threshold_index import Index, forms, index

APART: Final = Decimal("0.03")
"""How far the two families of a limit may be apart: laboratories round."""

_MOST_BYTES: Final = 1_000_000
_LONGEST: Final = 500
_VERSION: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,30}[0-9A-Za-z])?")
_FORM: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) (\S.*)")
_WHOLE: Final = re.compile(r"[0-9]{1,5}")
_HEAD: Final = frozenset({"version", "approver", "approved", "value"})
_ENTRY: Final = frozenset({"threshold", "value", "reason"})


class SiteValuesError(ValueError):
    """The file cannot be in force. `faults` lists every reason, each on one line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(listed(faults))
        self.faults = tuple(faults)


def load(path: Path, today: date | None = None) -> SiteValues:
    """The values of a file, by threshold id. `today` (UTC; default: now) is the day on which it comes into force.

    Raises:
        SiteValuesError: with all that is wrong with it at once.
    """
    try:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise SiteValuesError([f"the file is too large: {size} bytes, at most {_MOST_BYTES}"])
        document = tomllib.loads(path.read_bytes().decode())
    except OSError:
        raise SiteValuesError(["the file cannot be read"]) from None
    except (UnicodeDecodeError, RecursionError):
        raise SiteValuesError(["the file is not TOML in UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SiteValuesError([f"the file is not TOML: {_one_line(str(error))}"]) from None
    return read(document, today or datetime.now(UTC).date())


def read(document: Mapping[str, Any], today: date) -> SiteValues:
    """The values of a document that was read from TOML, by threshold id.

    Raises:
        SiteValuesError: with all that is wrong with it at once.
    """
    faults = [f"{_said(key)} is not a key of this file" for key in document if key not in _HEAD]
    version, approver = document.get("version"), _text(document.get("approver"))
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        faults.append("version is missing, or holds more than letters, digits, hyphens and full stops")
        version = ""
    if not approver:
        faults.append("approver is missing, empty or too long")
    approved = document.get("approved")
    if not isinstance(approved, date) or isinstance(approved, datetime):
        faults.append("approved is missing, or not a date such as 2026-01-31 (without quotation marks)")
        approved = today
    elif approved > today + timedelta(days=1):
        faults.append(f"approved lies in the future: {approved.isoformat()}")
    entries = document.get("value")
    if not isinstance(entries, list) or not entries:
        faults.append("there is no [[value]]: a file that sets nothing is a mistake")
        entries = []
    known, found = index(), dict[str, SiteValue]()
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            faults.append(f"value {number} is not a table: write [[value]]")
            continue
        threshold = _threshold(entry.get("threshold"), number, known, faults)
        if threshold is None:
            continue
        faults.extend(f"{threshold.id}: {_said(key)} is not a key of a value" for key in entry if key not in _ENTRY)
        reason = _text(entry.get("reason"))
        if not reason:
            faults.append(f"{threshold.id}: reason is missing, empty or too long")
        if threshold.id in found:
            faults.append(f"{threshold.id}: is set more than once")
        value = _value(threshold, entry.get("value"), faults)
        own = SiteValue(threshold, threshold.value if value is None else value, approver, approved, reason, version)
        found[threshold.id] = own
    faults.extend(_out_of_order(known.ladders, found))
    if faults:
        raise SiteValuesError(faults)
    return found


def _threshold(id_: Any, number: int, known: Index, faults: list[str]) -> AnyThreshold | None:
    """The threshold that an entry names, if it is there and open to sites."""
    if not isinstance(id_, str):
        faults.append(f"value {number} names no threshold")
        return None
    threshold = known.thresholds.get(id_)
    if threshold is None:
        near = difflib.get_close_matches(id_, known.thresholds, n=3)
        faults.append(f"{_said(id_)} is no threshold" + (f": is {' or '.join(near)} meant?" if near else ""))
        return None
    if threshold.fixed:
        faults.append(f"{id_}: is not open to sites")
        return None
    return threshold


def _value(threshold: AnyThreshold, given: Any, faults: list[str]) -> Limit | int | Decimal | None:
    """The value as a number of the threshold's own kind; None, with a fault noted, where it cannot be in force."""
    before = len(faults)
    wanted = forms(threshold.value, threshold.unit)
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(form, str) for form in listed):
        faults.append(f"{threshold.id}: value is missing or lacks its unit; the default is {_example(wanted)}")
        return None
    numbers: dict[str, Decimal] = {}
    units = {form.partition(" ")[2]: Decimal(form.partition(" ")[0]) for form in wanted}
    for form in listed:
        match = _FORM.fullmatch(form)
        if match is None or match[2] not in units:
            faults.append(f"{threshold.id}: {_said(form)} is not a number with one of the units {', '.join(units)}")
        elif match[2] in numbers:
            faults.append(f"{threshold.id}: {match[2]} is given more than once")
        else:
            numbers[match[2]] = Decimal(match[1])
    if len(faults) == before:
        faults.extend(
            f"{threshold.id}: the value in {unit} is missing; the default is {_example(wanted)}"
            for unit in units
            if unit not in numbers
        )
    for unit, number in numbers.items():
        faults.extend(f"{threshold.id}: {words}" for words in _off_limits(threshold, number, units[unit], unit))
    if len(faults) == before and len(units) > 1:
        shares = [numbers[unit] / units[unit] for unit in units]
        if max(shares) > min(shares) * (1 + APART):
            faults.append(f"{threshold.id}: {_example(tuple(listed))} are not the same amount")
    if len(faults) > before:
        return None
    if isinstance(threshold.value, Limit):
        return Limit({unit: numbers[unit] for unit in units})
    (number,) = numbers.values()
    return int(number) if isinstance(threshold.value, int) else number


def _off_limits(threshold: AnyThreshold, number: Decimal, default: Decimal, unit: str) -> list[str]:
    """What speaks against one number, whatever the other family says."""
    if isinstance(threshold.value, int) and not (_WHOLE.fullmatch(str(number)) and number > 0):
        return [f"{number} is not a whole, positive number of {unit}"]
    if not default / 2 <= number <= default * 2:
        return [f"{number} {unit} is less than half or more than double the default, {default} {unit}"]
    if threshold.floor and number < default:
        return [f"{number} {unit} is below the safety floor, {default} {unit}"]
    return []


def _out_of_order(ladders: tuple[Ladder, ...], found: Mapping[str, SiteValue]) -> list[str]:
    """Where the values, together with the defaults that stay, break the order of bands."""
    faults: list[str] = []
    for ladder in ladders:
        for low, high in zip(ladder.steps, ladder.steps[1:], strict=False):
            if low.id not in found and high.id not in found:
                continue
            lower = _numbers(found[low.id].value if low.id in found else low.value)
            upper = _numbers(found[high.id].value if high.id in found else high.value)
            if any(lower[unit] >= upper[unit] for unit in lower.keys() & upper.keys()):
                faults.append(f"{low.id} must stay below {high.id}")
    return faults


def _numbers(value: Limit | int | Decimal) -> Mapping[str, Decimal]:
    return value.printed if isinstance(value, Limit) else {"": Decimal(value)}


def _example(wanted: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{form}"' for form in wanted)
    return f"[{quoted}]" if len(wanted) > 1 else quoted


def _text(value: Any) -> str:
    """A text of one line, without the spaces around it; empty when it is none or too long to stand on a card."""
    words = _one_line(value) if isinstance(value, str) else ""
    return words if len(words) <= _LONGEST else ""


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _said(text: str) -> str:
    """What the file says, short enough for a line."""
    return f'"{_one_line(text)[:60]}"'
