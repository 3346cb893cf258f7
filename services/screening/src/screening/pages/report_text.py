"""The report as plain text, for a terminal: `make report`."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from screening.pages import report_words as words

_Told = Mapping[str, Any]


def page(told: _Told) -> str:
    """The document of `report.build` as text."""
    return "\n".join(_lines(told)).replace("\u00a0", " ") + "\n"


def _lines(told: _Told) -> Iterator[str]:
    yield fill(f"Report. {words.period(told)} {words.terms(told)}", 110)
    yield ""
    if about := words.part_of_whole(told):
        yield from (about, "")
    for part in told["all"]:
        yield f"  {words.PARTS[part]:<16} {words.cell(told['all'], part)}"
    yield from ("", "== What to look at", "")
    flagged = words.flags(told)
    yield from (fill(f"- {one}", 110, subsequent_indent="  ") for one in flagged or [words.no_flags(told)])
    yield from (fill(one, 110) for one in (words.unjudged(told), words.ADVICE if flagged else "") if one)
    for name, table in told["tables"].items():
        yield from ("", f"== By {words.BREAKDOWNS[name]}", "", *_table(table, told))
    yield from ("", "== Not shown: what silent and canary rules would have shown", "")
    yield fill(words.held(told["held"]["all"]) if told["held"]["all"] else words.NOTHING_HELD, 110)
    for name, table in told["held"]["tables"].items():
        yield from ("", f"Would have been shown, by {words.BREAKDOWNS[name]}:", *_table(table, told))
    yield from ("", fill(words.HOW_TO_READ, 110), "", fill(words.DIFFERENCES, 110))


def _table(table: _Told, told: _Told) -> Iterator[str]:
    if table["few"]:
        yield words.too_few(told)
        return
    plain, reasons = words.split(table["columns"])
    yield from _columns(table, plain)
    if reasons:
        yield from ("", "Overridden, by reason:", *_columns(table, reasons))
    yield from (fill(one, 110) for one in (words.others(table), words.rare(table)) if one)


def _columns(table: _Told, parts: Sequence[str]) -> Iterator[str]:
    rows = [("", *(words.head(part) for part in parts))]
    for row in table["rows"]:
        rows.append((words.row_name(row, table), *(words.cell(row["counts"], part) for part in parts)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield f"  {row[0]:<{widths[0]}}  " + "  ".join(
            f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)
        )
