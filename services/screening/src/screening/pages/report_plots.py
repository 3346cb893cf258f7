"""The plots of the report: SVG inside the page, drawn here, light and dark; nothing in them runs.

They show what the tables beside them tell, and leave out what those leave out.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

from markupsafe import Markup

from screening.pages import report_words
from screening.report_tables import ACCEPTED, ANSWERED, NO_FEEDBACK, OVERRIDDEN, SHOWN, UNANSWERED, WAITING

MOST_BARS: Final = 12
_SERIES: Final = (ACCEPTED, OVERRIDDEN, NO_FEEDBACK, WAITING, ANSWERED, UNANSWERED, SHOWN)
"""In the order of their colors."""
_LIGHT: Final = ("#0b6e7d", "#c4620a", "#8a9aa1", "#c3ced3", "#0b6e7d", "#8a9aa1", "#0b6e7d")
_DARK: Final = ("#5fc3d4", "#f0a35a", "#7d9098", "#46565d", "#5fc3d4", "#7d9098", "#5fc3d4")
_UNTOLD: Final = "untold"
_FIGURE: Final = Markup('<figure class="plot">\n{}\n<figcaption>{}</figcaption>\n</figure>')
_KEY: Final = Markup(
    '<span class="key"><svg class="swatch" viewBox="0 0 1 1" aria-hidden="true"><rect class="plot-{}" width="1"'
    ' height="1"></rect></svg> {}</span>'
)
_SVG: Final = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing.

    Attributes:
        svg: as it stands in a page.
        style_hash: of the style in it, as a Content-Security-Policy names it.
    """

    svg: Markup
    style_hash: str


def weeks(table: Mapping[str, Any]) -> Plot | None:
    """Cards per week by what became of them; None where nothing can be told."""
    return _stacked("weeks", "Cards per week, by what became of them", table, table["rows"], flat=False)


def rules(table: Mapping[str, Any]) -> Plot | None:
    """The rules with most cards, by how they were answered; None where nothing can be told."""
    rows = [
        row for row in table["rows"] if isinstance(row["counts"][SHOWN], int) and row["name"] not in table["others"]
    ]
    rows = sorted(rows, key=lambda row: -row["counts"][SHOWN])[:MOST_BARS]
    return _stacked("rules", "Cards by rule and what became of them", table, rows[::-1], flat=True)


def _stacked(
    name: str, title: str, table: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, flat: bool
) -> Plot | None:
    parts = _divided(table["columns"])
    if not any(isinstance(row["counts"][part], int) and row["counts"][part] for row in rows for part in parts):
        return None
    import pygal  # noqa: PLC0415 - 9 MB that only the workers that draw need

    chart = (pygal.HorizontalStackedBar if flat else pygal.StackedBar)(
        title=title, style=_style(parts), css=("file://style.css", "file://graph.css", f"inline:{_own(name, parts)}"),
        js=(), explicit_size=False, width=560, height=90 + 30 * len(rows) if flat else 350, show_legend=False,
        margin_right=34, x_label_rotation=0 if flat else 45,
        max_scale=6, truncate_label=-1,
        disable_xml_declaration=True, print_values=False, show_y_guides=not flat,
        show_x_guides=flat, spacing=14, margin=8, value_formatter=lambda number: f"{number:.0f}", min_scale=3,
        include_x_axis=True,
    )  # fmt: skip
    chart.uuid = name
    chart.x_labels = [report_words.row_name(row, table) for row in rows]
    for part in parts:
        numbers = [row["counts"][part] for row in rows]
        chart.add(report_words.head(part), [one if isinstance(one, int) else None for one in numbers])
    chart.add(_UNTOLD, [_untold(row["counts"], parts) for row in rows])
    styles: list[str] = []
    chart.add_xml_filter(lambda root: _still(root, styles, title))
    svg = chart.render(is_unicode=True)
    drawing = _FIGURE.format(Markup(svg), _legend(parts))  # noqa: S704 - escaped by its maker
    return Plot(drawing, " ".join(_hash(text) for text in styles))


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


def _style(parts: Sequence[str]) -> Any:
    from pygal.style import Style  # noqa: PLC0415

    colors = [f"var(--plot-{part})" for part in (*parts, _UNTOLD)]
    return Style(
        background="transparent", plot_background="transparent", foreground="var(--ink)",
        foreground_strong="var(--ink)", foreground_subtle="var(--line)", guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)", opacity="1", opacity_hover="1", transition="0s",
        font_family="system-ui, sans-serif", title_font_size=19, legend_font_size=17, label_font_size=16,
        major_label_font_size=16, colors=colors, value_colors=["var(--ink)"] * len(colors),
    )  # fmt: skip


def _own(name: str, parts: Sequence[str]) -> str:
    """The colors, light and dark, and the size."""
    light, dark = (
        ";".join(f"--plot-{part}:{colors[_SERIES.index(part)]}" for part in parts) for colors in (_LIGHT, _DARK)
    )
    keys = "".join(f".plot-{part}{{fill:var(--plot-{part})}}" for part in (*parts, _UNTOLD))
    return (
        f":root{{{light};--plot-{_UNTOLD}:var(--wash)}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"@media print{{:root{{{light}}}}}"
        f"#chart-{name}{{display:block;width:100%;max-width:36rem;height:auto}}"
        f"#chart-{name} rect.rect.reactive{{stroke:var(--line)}}"
        ".plot{margin:1rem 0}.key{display:inline-block;margin-right:1rem;white-space:nowrap}"
        f".swatch{{width:.85em;height:.85em;border:1px solid var(--line)}}{keys}"
    )


def _still(root: Element, styles: list[str], title: str) -> Element:
    """The drawing without its scripts and what only they use; its styles go to `styles`."""
    root.set("role", "img")
    root.set("aria-label", f"{title}. The numbers are in the table below.")
    for parent in list(root.iter()):
        for child in list(parent):
            scripted = child.tag in ("script", f"{_SVG}script", "desc") or "tooltip-overlay" in child.get("class", "")
            if scripted or callable(child.tag):  # a comment has a function for a tag
                parent.remove(child)
            elif child.tag == "style":
                styles.append(child.text or "")
    return root


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
