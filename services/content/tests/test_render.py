"""Markdown to HTML."""

import pytest

from content import render


def test_raw_html_is_printed_as_text_never_executed() -> None:
    html = render.to_html("A <script>alert(1)</script> & <b>bold</b>").html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in html


@pytest.mark.parametrize("markdown", ["[x](javascript:alert(1))", "[x](data:text/html;base64,AA)", "[x](vbscript:x)"])
def test_dangerous_links_do_not_become_links(markdown: str) -> None:
    assert "href" not in render.to_html(markdown).html


def test_headings_get_stable_anchors() -> None:
    rendered = render.to_html("## How it is read\n\n### Lipids\n\n## How it is read\n\n## 25 (OH) D\n")
    assert [(heading.anchor, heading.text) for heading in rendered.headings] == [
        ("how-it-is-read", "How it is read"),
        ("how-it-is-read-2", "How it is read"),
        ("25-oh-d", "25 (OH) D"),
    ]
    assert '<h3 id="lipids">' in rendered.html


def test_tables_scroll_by_keyboard_and_are_named_after_their_heading() -> None:
    html = render.to_html('## Bands & "limits"\n\n| A | B |\n|---|---|\n| < 1 | 2 |\n').html
    assert '<div class="table" role="region" tabindex="0" aria-label="Table: Bands &amp; &#34;limits&#34;">' in html
    assert '<th scope="col">A</th>' in html
    assert "<td>&lt; 1</td>" in html
    assert html.count("<div") == html.count("</div>")
    twice = render.to_html("## A\n\n| A |\n|---|\n| 1 |\n\nand\n\n| B |\n|---|\n| 2 |\n", table="Tabelle").html
    assert [name.split('"')[0] for name in twice.split('aria-label="')[1:]] == ["Tabelle: A", "Tabelle: A (2)"]


def test_links_to_elsewhere_send_no_referrer_and_no_opener() -> None:
    html = render.to_html("[out](https://example.org) and [in](vitamin-e)").html
    assert html.count('rel="noopener noreferrer"') == 1


def test_citations() -> None:
    text = "First [@b-2] then [@a-1] and [@b-2] again."
    assert render.cited(text) == ("b-2", "a-1")
    assert render.cite(text, lambda key: f"<{key}>") == "First <b-2> then <a-1> and <b-2> again."


@pytest.mark.parametrize(
    ("markdown", "found"),
    [
        ("a <b>x</b>", True),
        ("<div>\nx\n</div>", True),
        ("<!-- x -->", True),
        ("a < 133 and > 2", False),
        ("`<b>`", False),
    ],
)
def test_raw_html_is_found(markdown: str, found: bool) -> None:
    assert render.has_raw_html(markdown) is found


@pytest.mark.parametrize(
    ("markdown", "one"),
    [("Some *words*.", True), ("Two\n\nparagraphs.", False), ("- a list", False), ("[a](b)", False), ("# Head", False)],
)
def test_one_paragraph(markdown: str, one: bool) -> None:
    assert render.is_one_paragraph(markdown) is one
