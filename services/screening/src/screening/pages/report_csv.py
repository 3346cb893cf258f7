"""The report as CSV (RFC 4180): one line for each count. docs/report.md documents the columns."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

HEADER: Final = ("from", "to", "client", "module", "cards", "by", "name", "measure", "count")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def written(told: Mapping[str, Any]) -> str:
    """The document of `report.build` as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    about = (told["from"], told["to"], told["client"], told["module"])
    for line in _lines(told):
        writer.writerow([defused(str(one)) for one in (*about, *line)])
    return out.getvalue()


def _lines(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, int | str]]:
    for measure, count in told["all"].items():
        yield "shown", "all", "", measure, count
    yield from _tables("shown", told["tables"])
    yield "held", "all", "", "shown", told["held"]["all"]
    yield from _tables("held", told["held"]["tables"])


def _tables(which: str, tables: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, int | str]]:
    for name, table in tables.items():
        for row in table["rows"]:
            for measure, count in row["counts"].items():
                yield which, name.removesuffix("s"), row["name"], measure, count


def defused(text: str) -> str:
    """The same, but nothing that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
