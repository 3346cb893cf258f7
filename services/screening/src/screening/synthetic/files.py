"""Files of synthetic patients, as clinicians write them.

A YAML file holds `scenarios` (each with `id`, `desc`, the chart in the vocabulary of the shared scenario file, and
`expect.cards`) and `tables`. A table varies one entry: each row is merged into `with` and added to the list that
`vary` names (`patient`: merged into the scenario itself), and `is` names one of the file's `outcomes`.
`defaults` of the file, then `given` of the table, fill in what a scenario leaves out. `beside` (in the defaults, a
table or a scenario) names what was measured 20 days ago and is normal, so that a file about one workup need not speak
of the others: `b12`, `calcium`, `copper`, `iron`, `manganese`, `vitamin-e`.

`series` writes results of one test as they followed each other: what they share, and `at` with days ago and value; a
value may begin with a comparator (`<200`), and one that is no number is text (`see comment`).

`overrides` are cards of a first call that were overridden so many days `ago`, with a `reason` or none.

A card of `expect.cards` may also say `suggests` and `never_suggests` (codes), `says` (words of the summary) and
`mentions` (words of the detail).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

_COMPARED: Final = re.compile(r"(<=|>=|<|>)\s*([0-9.]+)")
_SAFE: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where libyaml is."""

_NOT_THE_CHART: Final = {"is", "desc", "differs", "beside"}
_NORMAL: Final = {
    "b12": ({"code": "2132-9", "v": 520, "u": "pg/mL", "ago": 20},),
    "calcium": (
        {"code": "17861-6", "v": 9.4, "u": "mg/dL", "ago": 20},
        {"code": "1751-7", "v": 4.2, "u": "g/dL", "ago": 20},
    ),
    "copper": (
        {"code": "2064-4", "v": 27, "u": "mg/dL", "ago": 20},
        {"code": "5633-3", "v": 20, "u": "ug/(24.h)", "ago": 20},
    ),
    "iron": ({"code": "2276-4", "v": 80, "u": "ng/mL", "ago": 20},),
    "manganese": ({"code": "5681-2", "v": 9, "u": "ug/L", "ago": 20},),
    "vitamin-e": ({"code": "1823-4", "v": 9.5, "u": "mg/L", "ago": 20},),
}


@dataclass(frozen=True)
class Case:
    """One scenario, complete. `differs` says why the domain does not do it yet; empty when it does."""

    scenario: dict[str, Any]
    differs: str = ""

    def __str__(self) -> str:
        return str(self.scenario["id"])


@cache
def read(path: Path) -> tuple[Case, ...]:
    """The scenarios of one file, its tables spelled out. Read once for all test modules, which change none."""
    document = yaml.load(path.read_text("utf-8"), _SAFE)  # noqa: S506 - it is the safe one
    defaults = document.get("defaults", {})
    cases = [_case({**defaults, **one}) for one in document.get("scenarios", ())]
    for table in document.get("tables", ()):
        cases.extend(_rows(table, defaults, document["outcomes"]))
    return tuple(cases)


def _rows(table: Mapping[str, Any], defaults: Mapping[str, Any], outcomes: Mapping[str, Any]) -> Iterator[Case]:
    given = {**defaults, **table.get("given", {})}
    for number, row in enumerate(table["rows"], start=1):
        entry = {**table.get("with", {}), **{k: v for k, v in row.items() if k not in _NOT_THE_CHART}}
        made = {**given, "id": f"{table['id']}-{number:02}", "desc": row.get("desc", table["desc"])}
        if table["vary"] == "patient":
            made.update(entry)
        else:
            made[table["vary"]] = [*given.get(table["vary"], ()), entry]
        made["expect"] = {"cards": outcomes[row["is"]]}
        made.update({key: row[key] for key in ("differs", "beside") if key in row})
        yield _case(made)


def _case(scenario: dict[str, Any]) -> Case:
    told = {k: v for k, v in scenario.items() if k not in ("differs", "beside", "series")}
    added = [result for one in scenario.get("series", ()) for result in _results(one)]
    added += [result for name in scenario.get("beside", ()) for result in _NORMAL[name]]
    if added:
        told["labs"] = [*told.get("labs", ()), *added]
    return Case(told, scenario.get("differs", ""))


def _results(series: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The results of a series, each as an entry of `labs`."""
    shared = {key: value for key, value in series.items() if key != "at"}
    for ago, value in series["at"].items():
        compared = _COMPARED.fullmatch(value) if isinstance(value, str) else None
        if compared is not None:
            yield {**shared, "ago": ago, "cmp": compared[1], "v": yaml.load(compared[2], _SAFE)}  # noqa: S506 - the safe one
        elif isinstance(value, str):
            yield {**shared, "ago": ago, "vs": value}
        else:
            yield {**shared, "ago": ago, "v": value}
