"""The report as a page: plots as SVG inside it, no script, all escaped."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup

from screening import report
from screening.knowledge import topics
from screening.pages import filters, look, report_plots
from screening.pages import report_words as words
from screening.pages.look import LINES, table

MODULES: Final = tuple(dict.fromkeys(module for module, _ in topics.KINDS))

_Told = Mapping[str, Any]

_PARAGRAPH: Final = Markup("<p>{}</p>")
_OPENING: Final = Markup('<p class="opening">{}</p>')
_NOTE: Final = Markup('<p class="note">{}</p>')
_HEADING: Final = Markup("<h2>{}</h2>")
_SUBHEADING: Final = Markup("<h3>{}</h3>")
_LIST: Final = Markup("<ul>\n{}\n</ul>")
_ITEM: Final = Markup("<li>{}</li>")
_LINK: Final = Markup('<a href="{}">{}</a>')
_BADGE: Final = Markup('{} <span class="badge awaiting">look</span>')
_DOT: Final = Markup(" · ")
_ORDER: Final = ("weeks", "rules", "hooks", "clients")
_PERIODS: Final = (4, 13, 52)
"""Weeks of the periods that the page offers."""


def page(told: _Told) -> str:
    """The document of `report.build` as HTML."""
    plots = {"weeks": report_plots.weeks, "rules": report_plots.rules}
    drawn = {name: plots[name](of) for name, of in told["tables"].items() if name in plots}
    parts = [
        _OPENING.format(words.period(told)),
        _NOTE.format(words.terms(told)),
        _filters(told),
        _links(told),
        *([_NOTE.format(about)] if (about := words.part_of_whole(told)) else ()),
        *([_summary(told["all"])] if told["all"] else ()),
        _HEADING.format("What to look at"),
        *_flags(told),
        *(_section(name, told, drawn.get(name)) for name in _ORDER if name in told["tables"]),
        *_held(told),
        _HEADING.format("How to read this"),
        _PARAGRAPH.format(words.HOW_TO_READ),
        _PARAGRAPH.format(words.DIFFERENCES),
    ]
    return look.page("Report", LINES.join(parts), current=look.REPORT)


def _filters(told: _Told) -> Markup:
    return filters.form(
        "report",
        "Report",
        filters.day("From", "from", told["from"]),
        filters.day("To", "to", told["to"]),
        filters.text("Client", "client", told["client"]),
        filters.choice(
            "Module or order rule", "module", {"": "all", **{name: name for name in MODULES}}, told["module"]
        ),
    )


def _links(told: _Told) -> Markup:
    chosen = {name: told[name] for name in ("client", "module") if told[name]}
    last = date.fromisoformat(told["to"])
    periods = []
    for weeks in _PERIODS:
        query = {"from": last - timedelta(days=7 * weeks - 1), "to": last, **chosen}
        periods.append(_LINK.format(_address("report", query), f"{weeks} weeks"))
    same = {"from": told["from"], "to": told["to"], **chosen}
    csv = _LINK.format(_address("report.csv", same), "this report as CSV")
    return _PARAGRAPH.format(_DOT.join([*periods, csv]))


def _address(path: str, query: Mapping[str, Any]) -> str:
    return f"{path}?{urlencode(query)}"


def _summary(line: _Told) -> Markup:
    return table([words.PARTS[part] for part in line], [[words.cell(line, part) for part in line]], narrow=True)


def _flags(told: _Told) -> Iterable[Markup]:
    flagged = words.flags(told)
    if flagged:
        yield _LIST.format(LINES.join(_ITEM.format(one) for one in flagged))
        yield _NOTE.format(words.ADVICE)
    else:
        yield _PARAGRAPH.format(words.no_flags(told))
    if unjudged := words.unjudged(told):
        yield _NOTE.format(unjudged)


def _section(name: str, told: _Told, plot: Markup | None) -> Markup:
    parts = [_HEADING.format(f"By {words.BREAKDOWNS[name]}")]
    if plot is not None:
        parts += [plot]
    return LINES.join([*parts, *_table(name, told["tables"][name], told)])


def _table(name: str, of: _Told, told: _Told) -> Iterable[Markup]:
    if of["few"]:
        yield _PARAGRAPH.format(words.too_few(told))
        return
    plain, reasons = words.split(of["columns"])
    yield _columns(name, of, plain, told)
    if reasons:
        yield _SUBHEADING.format("Overridden, by reason")
        yield _columns(name, of, reasons, told)
    yield from (_NOTE.format(one) for one in (words.others(of), words.rare(of)) if one)


def _columns(name: str, of: _Told, parts: Sequence[str], told: _Told) -> Markup:
    rows = [
        [_named(name, row, of, told), *(words.cell(row["counts"], part) for part in parts)]
        for row in of["rows"]
        if parts[0] == "shown" or any(row["counts"][part] for part in parts)
    ]
    return table([words.BREAKDOWNS[name].capitalize(), *(words.head(part) for part in parts)], rows, narrow=True)


def _named(name: str, row: _Told, of: _Told, told: _Told) -> Markup | str:
    """The name of a row; that of a client leads to its own report."""
    said = words.row_name(row, of)
    if name == "clients" and row["name"] == said and not told["client"]:
        query = {"from": told["from"], "to": told["to"], "client": said}
        return _LINK.format(_address("report", query | ({"module": told["module"]} if told["module"] else {})), said)
    if name == "weeks":
        return said.replace("-", "\u2011")  # a hyphen at which no line breaks
    return _BADGE.format(said) if row.get("judged") == report.FLAGGED else said


def _held(told: _Told) -> Iterable[Markup]:
    held = told["held"]
    yield _HEADING.format("Not shown")
    if not held["all"]:
        yield _PARAGRAPH.format(words.NOTHING_HELD)
        return
    yield _PARAGRAPH.format(words.held(held["all"]))
    for name, of in held["tables"].items():
        yield _SUBHEADING.format(f"By {words.BREAKDOWNS[name]}")
        yield from _table(name, of, told)
