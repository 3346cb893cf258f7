"""Cards for the terminal: plain text, with color only when asked for, and nothing that could steer the terminal."""

import html
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_COLORS: Final[Mapping[str, str]] = {
    "info": "\x1b[36m", "warning": "\x1b[33m", "critical": "\x1b[31m", "bold": "\x1b[1m", "dim": "\x1b[2m",
}  # fmt: skip
_RESET: Final = "\x1b[0m"
_KEEP_TOGETHER: Final = ("|", "```", "    ")
_LIST_ITEM: Final = re.compile(r"(\s*)([-*+]|\d+\.)\s+")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK: Final = re.compile(r"(?<!\\)\[([^\]]+)\]\((https?://[^()\s]+)\)")
_BOLD: Final = "\x02"
_PLAIN: Final = "\x03"
_STRONG: Final = re.compile(r"(?<!\\)\*\*(.+?)(?<!\\)\*\*")


def width_of_terminal() -> int:
    """Columns to write in: the terminal's, at most 100; 100 where there is no terminal."""
    return max(40, min(100, shutil.get_terminal_size((100, 24)).columns))


def paint(text: str, style: str, *, color: bool) -> str:
    """`text` in a style (info, warning, critical, bold, dim) if color is wanted."""
    return f"{_COLORS[style]}{text}{_RESET}" if color and style in _COLORS else text


def clean(text: object) -> str:
    """Text without control and format characters other than line breaks: it may come from anybody's record."""
    return "".join(
        character for character in str(text) if character == "\n" or unicodedata.category(character)[0] != "C"
    )


def line(text: object) -> str:
    """Cleaned text on one line."""
    return " ".join(clean(text).split())


def card_lines(card: Mapping[str, Any], *, color: bool = False, width: int = 100) -> list[str]:
    """One card as lines: indicator, summary, detail, suggestions with their orders, links, override reasons."""
    indicator = line(card.get("indicator", "no indicator"))
    head = f"[{indicator.upper()}] {line(card.get('summary', '(no summary)'))}"
    lines = [paint(part, indicator, color=color) for part in textwrap.wrap(head, width)]
    if detail := card.get("detail"):
        lines += ["", *(f"  {part}".rstrip() for part in _markdown(str(detail), width - 2, color=color))]
    for suggestion in _mappings(card.get("suggestions")):
        lines += ["", *_suggestion(suggestion, color=color, width=width)]
    if links := list(_mappings(card.get("links"))):
        lines += ["", *(f"  {line(link.get('label', 'Link'))}: {line(link.get('url', ''))}" for link in links)]
    if reasons := list(_mappings(card.get("overrideReasons"))):
        told = "; ".join(line(reason.get("display") or reason.get("code", "")) for reason in reasons)
        lines += [
            "",
            *textwrap.wrap(f"Override reasons: {told}", width - 2, initial_indent="  ", subsequent_indent="    "),
        ]
    source = card.get("source")
    if isinstance(source, Mapping):
        told = " ".join(line(source[key]) for key in ("label", "url") if source.get(key))
        lines += ["", paint(f"  Source: {told}", "dim", color=color)]
    return lines


def _suggestion(suggestion: Mapping[str, Any], *, color: bool, width: int) -> Iterator[str]:
    recommended = " (recommended)" if suggestion.get("isRecommended") else ""
    head = f"Suggestion: {line(suggestion.get('label', ''))}{recommended}"
    for part in textwrap.wrap(head, width, initial_indent="  ", subsequent_indent="    "):
        yield paint(part, "bold", color=color)
    for action in _mappings(suggestion.get("actions")):
        told = f"{line(action.get('type', '?'))}: {line(action.get('description', ''))}"
        if order := _order(action.get("resource")):
            told += f" [{order}]"
        yield from textwrap.wrap(told, width - 4, initial_indent="    - ", subsequent_indent="      ")


def _order(resource: object) -> str:
    """A draft order in short: type, status, text or display, and its codes."""
    if not isinstance(resource, Mapping):
        return ""
    concept = resource.get("code") or resource.get("medicationCodeableConcept") or {}
    codings = list(_mappings(concept.get("coding") if isinstance(concept, Mapping) else None))
    codes = ", ".join(f"{line(coding.get('system', ''))}|{line(coding.get('code', ''))}" for coding in codings)
    return " ".join(
        part for part in (line(resource.get("status", "")), line(resource.get("resourceType", "")), codes) if part
    )


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def _markdown(text: str, width: int, *, color: bool) -> Iterator[str]:
    """GFM as it reads on paper: paragraphs wrapped, escapes taken off, strong text bold or plain."""
    for raw in clean(text).splitlines():
        plain = _inline(raw)
        item = _LIST_ITEM.match(raw)
        hanging = " " * (item.end() if item else len(raw) - len(raw.lstrip()))
        kept = raw.startswith(_KEEP_TOGETHER) or not plain
        for part in [plain] if kept else _wrapped(plain, width, hanging):
            yield part.replace(_BOLD, _COLORS["bold"] if color else "").replace(_PLAIN, _RESET if color else "")


def _wrapped(text: str, width: int, hanging: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)


def _inline(raw: str) -> str:
    """A line without Markdown's marks: strong text stands between `_BOLD` and `_PLAIN`, links are spelled out.

    Entities may bring a control character in, so the text is cleaned once more before the two are put in.
    """
    parts = [clean(html.unescape(_ESCAPED.sub(r"\1", _LINK.sub(r"\1: \2", part)))) for part in _STRONG.split(raw)]
    return "".join(f"{_BOLD}{part}{_PLAIN}" if index % 2 else part for index, part in enumerate(parts))


def outcome_lines(outcome: object) -> list[str]:
    """What an OperationOutcome says, one line an issue; empty when it is none."""
    if not isinstance(outcome, Mapping) or outcome.get("resourceType") != "OperationOutcome":
        return []
    told = []
    for issue in _mappings(outcome.get("issue")):
        details = issue.get("details")
        words = details.get("text", "") if isinstance(details, Mapping) else ""
        where = issue.get("expression") or []
        at = f" (at {', '.join(map(line, where))})" if isinstance(where, list) and where else ""
        diagnostics = f" {line(issue['diagnostics'])}." if issue.get("diagnostics") else ""
        told.append(f"{line(words or issue.get('code', 'error'))}{at}{diagnostics}")
    return told


def prefetch_line(templates: Iterable[str], prefetch: Mapping[str, Any]) -> str:
    """What was sent for each prefetch key: a count, nothing, a failure or no key at all."""
    told = []
    for key in templates:
        if key not in prefetch:
            told.append(f"{line(key)} not sent")
            continue
        value = prefetch[key]
        if value is None:
            told.append(f"{line(key)} none")
        elif value.get("resourceType") == "OperationOutcome":
            told.append(f"{line(key)} failed ({'; '.join(outcome_lines(value))})")
        else:
            told.append(f"{line(key)} {value.get('total', 1)}")
    return "Sent: " + (", ".join(told) if told else "no prefetch")
