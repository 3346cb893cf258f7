"""Cards as text: color only when asked for, and nothing that steers the terminal."""

from typing import Any

import pytest

from tryout import terminal


def test_color_marks_the_indicator_and_strong_text() -> None:
    card = {"indicator": "critical", "summary": "Now", "detail": "a **b** c"}
    assert terminal.card_lines(card, color=True) == ["\x1b[31m[CRITICAL] Now\x1b[0m", "", "  a \x1b[1mb\x1b[0m c"]
    assert terminal.card_lines(card) == ["[CRITICAL] Now", "", "  a b c"]


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("attack", ["\x1b[2J", "\x9b2J", "&#27;[2J", "&#x1b;]0;x&#7;", "\u202egnp", "\b\b"])
def test_nothing_from_a_card_steers_the_terminal(attack: str, color: bool) -> None:
    card: dict[str, Any] = {
        "indicator": attack,
        "summary": attack,
        "detail": attack,
        "source": {"label": attack},
        "links": [{"label": attack, "url": attack}],
        "suggestions": [{"label": attack, "actions": [{"type": attack, "description": attack}]}],
        "overrideReasons": [{"display": attack}],
    }
    printed = "\n".join(terminal.card_lines(card, color=color))
    for style in ("\x1b[0m", "\x1b[1m", "\x1b[2m"):
        printed = printed.replace(style, "")
    assert not set(printed) & set("\x1b\x9b\x07\b\u202e")


def test_detail_keeps_tables_and_wraps_paragraphs_and_lists() -> None:
    table = "| test | value of the last result that could be read |\n|---|---|"
    detail = f"{'word ' * 20}\n\n- {'item ' * 20}\n\n{table}"
    lines = terminal.card_lines({"summary": "s", "detail": detail}, width=50)
    assert "  | test | value of the last result that could be read |" in lines
    assert "  |---|---|" in lines
    assert sum(line.startswith("  - item") for line in lines) == 1
    assert sum(line.startswith("    item") for line in lines) == 2
    assert all(len(line) <= 50 for line in lines if "|" not in line)


def test_escapes_are_taken_off_and_escaped_stars_stay_stars() -> None:
    lines = terminal.card_lines({"summary": "s", "detail": "5\\*3\\_2 \\<b\\> &amp; \\*\\*x\\*\\*"})
    assert lines[-1] == "  5*3_2 <b> & **x**"


def test_links_are_spelled_out_and_strong_text_may_be_wrapped() -> None:
    card = {"summary": "s", "detail": "[Read](https://cds.example/x) \\[a\\](b)\n\n" + f"**{'strong ' * 12}end** rest"}
    assert terminal.card_lines(card, width=50)[2] == "  Read: https://cds.example/x [a](b)"
    assert not any("*" in line for line in terminal.card_lines(card, width=50))
    colored = "\n".join(terminal.card_lines(card, width=50, color=True))
    assert colored.count("\x1b[1m") == colored.count("\x1b[0m") == 1


def test_a_card_with_nothing_or_nonsense_in_it_is_printed_all_the_same() -> None:
    assert terminal.card_lines({}) == ["[NO INDICATOR] (no summary)"]
    odd = {"summary": 5, "suggestions": "x", "links": [1], "overrideReasons": {}, "source": []}
    assert terminal.card_lines(odd) == ["[NO INDICATOR] 5"]


def test_prefetch_is_told_key_by_key() -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"details": {"text": "Search refused"}}]}
    sent = {"a": None, "b": {"resourceType": "Bundle", "total": 4}, "c": failed, "e": {"resourceType": "Patient"}}
    told = terminal.prefetch_line("abcde", sent)
    assert told == "Sent: a none, b 4, c failed (Search refused), d not sent, e 1"
    assert terminal.prefetch_line([], {}) == "Sent: no prefetch"
