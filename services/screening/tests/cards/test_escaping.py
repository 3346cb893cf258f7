"""Text from a chart on a card: a client that renders Markdown and HTML shows it as text, whole, and nothing else."""

import re
import sys
from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from screening.cards import markdown
from screening.cards.explanations import Snapshot
from screening.cards.identity import Identity
from screening.cards.markdown import LONGEST, escaped
from screening.cards.render import Renderer
from screening.domain import screen
from screening.knowledge import loading

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
JOINER = "\u200d"
# Literal autolinks as GitHub's extension and as remark-gfm find them: in the text, after character references are read.
AUTOLINK = re.compile(r"(?i)https?://|ftp://|www\.|[-.+\w]+@[-\w]+(\.[-\w]+)+|(mailto|xmpp):", re.ASCII)

HOSTILE = [
    "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "</li></ul><h1>x</h1>", "<!-- x", "<![CDATA[x]]>",
    "<?php x ?>", "<!DOCTYPE html>", "<b", "a<b>c", "<https://evil.example>", "<details open>",
    "<iframe srcdoc='<script>x</script>'>", "<svg/onload=x>", "&lt;b&gt;", "&#60;b&#62;", "&amp;lt;b", "&copy", "a & b",
    "[x](javascript:alert(1))", "[x](http://evil.example)", "[x][1]", "[1]: http://evil.example",
    "![x](//evil.example/p)",
    "[x]", "[^1]", "[^1]: note", "[ ] task", "[x] task",
    "*x*", "**x**", "***x***", "_x_", "__x__", "~x~", "~~x~~",
    "`x`", "``x``", "```", "~~~", "``` js", "5*3*2", "a_b_c", "\\", "\\*x\\*", "x\\", "**", "*", "_", "`", "|", "a|b|c",
    "| a | b |", "|---|---|", "# x", "## x", "###### x", "#", "x #", "> x", ">", ">> x", "- x", "-", "--", "---",
    "- - -",
    "+ x", "+", "* x", "***", "* * *", "___", "===", "=", "1. x", "1)", "1.", "0) x", "999999999. x", "10.5", "2.",
    "12)x",
    "    x", "\tx", "x\n# y", "x\n\n- y", "x\r\ny", "x\r\r> y", "x  \ny", "x\u2028y", "x\u2029y", "x\u0085y", "x\x00y",
    "x\x0by\x0cz", ":::",
    ":smile:", "$x$", "$$x$$", "{.x}", "{{x}}", "{% x %}", "%%x%%", "^x^", "==x==", "++x++", "<>", "<",
    ">", "< 30", "<30", "x > y", "a -> b", "'x'", '"x"', "“x”",
    "é漢字🧪", "١٢", "x" * 150, "http", "www", "a@b", "@",
    "http://evil.example", "https://evil.example/?a=b&c", "HTTPS://EVIL.example", "www.evil.example",
    "WWW.evil.example",
    "ftp://evil.example", "(http://evil.example)", "*http://evil.example*", "//evil.example",
    "javascript:alert(1)", "data:text/html,x", "tel:123",
]  # fmt: skip
LINKED = [
    "a@evil.example", "a.b+c@evil.example", "<a@b.example>", "mailto:a@b.example", "_https://evil.example",
    "_www.evil.example", "~_http://evil.example",
    "1https://evil.example", "xmpp:a@evil.example", "xhttps://evil.example", "_mailto:a@b.example",
]  # fmt: skip


def said(text: str) -> str:
    """What of a foreign text is to be seen: blanks folded, cut."""
    folded = re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()
    return folded if len(folded) <= LONGEST else folded[: LONGEST - 1] + "…"


def tokens(markdown: str) -> list[Token]:
    return [one for token in GFM.parse(markdown) for one in (token, *(token.children or ()))]


def text_of(markdown: str) -> str:
    return "".join(one.content for one in tokens(markdown) if one.type == "text").replace(JOINER, "")


FRAMES = ["- {}: a sentence.", "- x **{}** (y), z", "x {} y", "{}", "- **a**\n- {}\n- b"]


@pytest.mark.parametrize("frame", FRAMES)
def test_no_element_appears_and_the_text_survives(frame: str) -> None:
    for text in [*HOSTILE, *LINKED]:
        wanted = said(text)
        made = frame.format(escaped(text))
        plain = frame.format("plain" if wanted else "")
        assert [t.type for t in tokens(made)] == [t.type for t in tokens(plain)], (text, GFM.render(made))
        assert text_of(made) == text_of(plain).replace("plain", wanted, 1), text
        assert "<" not in escaped(text), text
        assert "\n" not in escaped(text), text


def test_nothing_becomes_a_link_by_itself() -> None:
    for text in [*HOSTILE, *LINKED]:
        seen = "".join(one.content for one in tokens(f"- {escaped(text)}") if one.type == "text")
        assert AUTOLINK.search(seen) is None, text


@pytest.mark.parametrize("text", ["x\u202ey", "x\u2066y", "\u202dx", "x\u2067", "a\u200fb"], ids=ascii)
def test_nothing_turns_our_words_around(text: str) -> None:
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f]", escaped(text))


ALPHABET = "".join(sorted(set("".join([*HOSTILE, *LINKED])))) + "abc 019\n\t"


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.text(ALPHABET, max_size=40))
@example("1.\n")
@example("\\&#x3c;b>")
def test_any_text_stays_text(text: str) -> None:
    wanted = said(text)
    for frame in FRAMES:
        made, plain = frame.format(escaped(text)), frame.format("plain" if wanted else "")
        assert [t.type for t in tokens(made)] == [t.type for t in tokens(plain)]
        assert text_of(made) == text_of(plain).replace("plain", wanted, 1)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\x00", "\u2028"])
def test_nothing_stays_nothing(text: str) -> None:
    assert escaped(text) == ""


def test_long_text_is_cut_before_it_is_escaped() -> None:
    assert text_of(escaped("*" * 1000)) == "*" * (LONGEST - 1) + "…"
    assert text_of(escaped("&" * 1000)) == "&" * (LONGEST - 1) + "…"


# --- on whole cards ---


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return s.application().test_client()


def poisoned(text: str) -> dict[str, Any]:
    """A chart whose every displayed text is hostile: an abnormal B12 and a SCREEN card come of it."""

    def with_text(code: dict[str, Any]) -> dict[str, Any]:
        return {"coding": [{**one, "display": text} for one in code["coding"]], "text": text}

    b12 = s.observation(interpretation=[s.concept("x", text)], id=text)
    drug = s.medication_request("5093", authoredOn="2026-01-10", id=text)  # a dopamine-receptor blocker
    drug["medicationCodeableConcept"] = with_text(drug["medicationCodeableConcept"])
    b12["code"] = with_text(b12["code"])
    stale = s.observation("1823-4", 20, "umol/L", effectiveDateTime="2020-01-01", id="stale")
    stale["valueQuantity"] = {"value": 20, "unit": text}
    problem = s.condition(id=text, onsetAge=s.quantity(12, "a"))
    problem["code"] = with_text(problem["code"])
    nutrition = s.procedure(code=with_text(s.concept(s.SNOMED, "225372007")), id=text)
    return s.prefetch(
        b12, conditions=s.bundle(problem), medications=s.bundle(drug), procedures=s.bundle(nutrition),
        labs_vitamin_e=s.bundle(stale),
    )  # fmt: skip


def shape(card: dict[str, Any]) -> list[str]:
    return [f"{t.type} {t.tag}" for t in tokens(card["detail"])]


def test_a_poisoned_chart_gives_the_cards_of_a_plain_one(client: FlaskClient) -> None:
    plain = client.post(s.PATIENT_VIEW, json=s.call(poisoned("Plain"))).get_json()["cards"]
    assert s.modules(plain) == ["B12 ABNORMAL", "SCREEN INCOMPLETE"]
    seen = " ".join(text_of(card["detail"]) for card in plain)
    assert seen.count("Plain") >= 4
    for text in HOSTILE:
        if not said(text):
            continue
        cards = client.post(s.PATIENT_VIEW, json=s.call(poisoned(text))).get_json()["cards"]
        assert [shape(card) for card in cards] == [shape(card) for card in plain], text
        for card in cards:
            assert not any(
                one.type in ("html_inline", "html_block", "image", "code_inline") for one in tokens(card["detail"])
            )
            assert said(text) in text_of(card["detail"]) or card["source"]["topic"]["code"] == "ScreenIncomplete"
            assert "<" not in card["summary"]
            targets = {str(one.attrs["href"]) for one in tokens(card["detail"]) if one.type == "link_open"}
            assert targets == {card["links"][0]["url"]}


def test_a_poisoned_order_gives_the_card_of_a_plain_one(client: FlaskClient) -> None:
    def cards(text: str) -> list[dict[str, Any]]:
        order = s.medication_request(
            id="d1", status="draft", medicationCodeableConcept={**s.concept(s.RXNORM, "4511", text), "text": text}
        )
        told: list[dict[str, Any]] = client.post(s.ORDER_SELECT, json=s.order_call(order)).get_json()["cards"]
        return told

    plain = cards("Plain")
    assert s.modules(plain) == ["ORD_FOLATE"]
    for text in HOSTILE:
        if said(text):
            assert [shape(card) for card in cards(text)] == [shape(card) for card in plain], text


def test_our_own_sentences_are_whole() -> None:
    """What the rules say stands on the card word for word: foreign text is cut, our own is not."""
    renderer = Renderer("https://cds.example", "https://dystonia-cds.example/fhir", loading.override_reasons())
    charts = [
        s.read(s.prefetch(s.observation(*told), s.observation("5681-2", 900, "nmol/L", id="mn")))[0]
        for told in (
            ("2132-9", 90, "pg/mL"),
            ("2132-9", 250, "pg/mL"),
            ("1823-4", 2, "umol/L"),
            ("1823-4", 13, "umol/L"),
        )
    ]
    for chart in charts:
        screening = screen.patient_view(chart, "Practitioner/x")
        cards = renderer.cards(screening, s.PATIENT_ID, Identity(b"k" * 32, ("s",)), Snapshot())
        for finding, card in zip(screening.findings, cards, strict=True):
            seen = text_of(card["detail"])
            for sentence in (*finding.statements, *(e.criterion for e in finding.evidence)):
                assert sentence in seen, f"{finding.module}: {sentence}"


def test_the_test_itself_sees_html() -> None:
    assert [t.type for t in tokens("- a <b>c")] != [t.type for t in tokens("- a")]
    assert AUTOLINK.search("a@b.example")
    assert sys.maxunicode == 0x10FFFF


@given(st.text(st.sampled_from("aZ09 ,;()/%'?!-.:@#+*_[]<&|~`\\\n\u200d"), max_size=30))
def test_words_that_are_let_through_are_words_that_need_nothing(text: str) -> None:
    """The short way gives what the long way gives."""
    short = escaped(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(markdown, "_PLAIN", re.compile(r"(?!)"))
        assert escaped(text) == short
