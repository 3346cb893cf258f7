"""The plots of the report: SVG inside the page, drawn here, light and dark; nothing in them runs.

They show what the tables beside them tell, and leave out what those leave out. Colors and type stand in the style sheet
of all pages.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element

from markupsafe import Markup

from screening.pages import report_words
from screening.report_tables import ACCEPTED, ANSWERED, NO_FEEDBACK, OVERRIDDEN, SHOWN, UNANSWERED, WAITING

MOST_BARS: Final = 12
_UNTOLD: Final = "untold"
_FIGURE: Final = Markup('<figure class="plot">\n{}\n<figcaption>{}</figcaption>\n</figure>')
_KEY: Final = Markup(
    '<span class="key"><svg class="swatch" viewBox="0 0 1 1" aria-hidden="true"><rect class="plot-{}" width="1"'
    ' height="1"></rect></svg> {}</span>'
)
_SVG: Final = "{http://www.w3.org/2000/svg}"


def weeks(table: Mapping[str, Any]) -> Markup | None:
    """Cards per week by what became of them; None where nothing can be told."""
    return _stacked("weeks", "Cards per week, by what became of them", table, table["rows"], flat=False)


def rules(table: Mapping[str, Any]) -> Markup | None:
    """The rules with most cards, by how they were answered; None where nothing can be told."""
    rows = [
        row for row in table["rows"] if isinstance(row["counts"][SHOWN], int) and row["name"] not in table["others"]
    ]
    rows = sorted(rows, key=lambda row: -row["counts"][SHOWN])[:MOST_BARS]
    return _stacked("rules", "Cards by rule and what became of them", table, rows[::-1], flat=True)


def _stacked(
    name: str, title: str, table: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, flat: bool
) -> Markup | None:
    parts = _divided(table["columns"])
    if not any(isinstance(row["counts"][part], int) and row["counts"][part] for row in rows for part in parts):
        return None
    import pygal  # noqa: PLC0415 - 9 MB that only the workers that draw need

    chart = (pygal.HorizontalStackedBar if flat else pygal.StackedBar)(
        title=title, css=(), js=(), explicit_size=False, width=560, height=90 + 30 * len(rows) if flat else 350,
        margin=8, margin_right=34, spacing=14, show_legend=False, x_label_rotation=0 if flat else 45,
        truncate_label=-1, min_scale=3, max_scale=6, show_y_guides=not flat, show_x_guides=flat, style=_sizes(),
        value_formatter=lambda number: f"{number:.0f}", disable_xml_declaration=True,
    )  # fmt: skip
    chart.uuid = name
    chart.x_labels = [report_words.row_name(row, table) for row in rows]
    for part in parts:
        numbers = [row["counts"][part] for row in rows]
        chart.add(part, [one if isinstance(one, int) else None for one in numbers])
    chart.add(_UNTOLD, [_untold(row["counts"], parts) for row in rows])
    chart.add_xml_filter(lambda root: _plain(root, title, (*parts, _UNTOLD)))
    drawing = Markup(chart.render(is_unicode=True))  # noqa: S704 - escaped by its maker
    return _FIGURE.format(drawing, _legend(parts))


def _sizes() -> Any:
    """The sizes of type for which the library leaves room: those of the style sheet."""
    from pygal.style import Style  # noqa: PLC0415

    return Style(title_font_size=19, label_font_size=16, major_label_font_size=16)


def _legend(parts: Sequence[str]) -> Markup:
    """What each color stands for."""
    named = [*((part, report_words.head(part)) for part in parts), (_UNTOLD, "not told apart")]
    return Markup(" ").join(_KEY.format(part, words) for part, words in named)


def _untold(counts: Mapping[str, int | str], parts: Sequence[str]) -> int:
    """How many of the cards of a row are in none of the parts that are told; 0 where its total is not told either."""
    total = counts[SHOWN]
    return total - sum(told for part in parts if isinstance(told := counts[part], int)) if isinstance(total, int) else 0


def _divided(columns: Sequence[str]) -> list[str]:
    """The parts that make up the bars: as far divided as the table is."""
    for parts in (
        (ACCEPTED, OVERRIDDEN, NO_FEEDBACK, WAITING),
        (ACCEPTED, OVERRIDDEN, UNANSWERED),
        (ANSWERED, NO_FEEDBACK, WAITING),
        (ANSWERED, UNANSWERED),
    ):
        if set(parts) <= set(columns):
            return list(parts)
    return [SHOWN]


def _plain(root: Element, title: str, parts: Sequence[str]) -> Element:
    """The drawing without its scripts and its style, and with our names for what has a color."""
    root.set("role", "img")
    root.set("aria-label", f"{title}. The numbers are in the table below.")
    for parent in list(root.iter()):
        for child in list(parent):
            of_scripts = child.tag == "desc" or "tooltip-overlay" in child.get("class", "")
            if of_scripts or child.tag == "defs" or callable(child.tag):  # a comment has a function for a tag
                parent.remove(child)
            elif "color-" in child.get("class", ""):
                number = child.get("class", "").rpartition("color-")[2]
                child.set("class", f"plot-{parts[int(number)]}")
    return root
