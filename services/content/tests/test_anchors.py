"""The anchors of the pages, to which cards, letters and other pages link: none changes by accident."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaged_texts import TEXTS

from content import bands, pages, render
from content.library import Explanation

PINNED: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "anchors.yaml").read_text("utf-8"))
CLINICIANS = sorted(TEXTS.scales)
DAY = date(2026, 11, 23)


@cache
def html_of(page: Explanation) -> str:
    return pages.explanation(TEXTS, page, "site.css", "the team", DAY)[pages.HTML].body.decode()


def anchors(page: Explanation) -> list[str]:
    """The anchors of the headings of a page, in order."""
    return [section.anchor for section in render.outline(pages.whole(TEXTS, page)) if section.anchor]


def test_an_anchor_changes_only_together_with_the_list_of_anchors() -> None:
    assert {f"{page.slug}.{page.audience}": anchors(page) for page in TEXTS.explanations.values()} == PINNED


@pytest.mark.parametrize("page", [page for page in TEXTS.pages if page.translates], ids=lambda page: page.file)
def test_a_translation_is_linked_to_by_the_same_anchors(page: Explanation) -> None:
    html = html_of(page)
    for anchor in PINNED[f"{page.slug}.{page.audience}"]:
        assert f'id="{anchor}"' in html
        assert f'href="#{anchor}"' in html or f'<h3 id="{anchor}"' in html
    assert html.count("<h1>") == 1
    assert f'<html lang="{page.language}">' in html


@pytest.mark.parametrize("slug", CLINICIANS)
def test_the_text_names_every_limit_that_is_drawn(slug: str) -> None:
    """Limits that a text gives in words are typed there; here they are held to those of the rules."""
    text = TEXTS.explanations[slug, "clinician"].body
    for scale in TEXTS.scales[slug]:
        if scale.id == "manganese.blood":
            continue  # multiples of the upper limit, which the text rounds
        limits = [number for band in scale.bands for number in band.upper]
        assert [number for number in limits if number not in text] == [], scale.id


def scale(*limits: tuple[str, ...], **known: Any) -> bands.Scale:
    named = [bands.Band(f"b{place}", reassuring=False, upper=upper, **known) for place, upper in enumerate(limits)]
    return bands.Scale("x.y", "x", "thing", ("mg/L", "µmol/L"), (*named, bands.Band("top", reassuring=True)), "Source")


def test_a_scale_is_drawn_true_to_its_limits() -> None:
    parts, ticks = bands.drawn(scale(("100", "74"), ("350", "258")))
    assert [tick.numbers for tick in ticks] == [("100", "74"), ("350", "258")]
    left, right = (float(tick.at.rstrip("%")) for tick in ticks)
    assert abs(right / left - 3.5) < 0.01
    assert [part.tone for part in parts] == ["stop", "warn", "good"]
    close, _ = bands.drawn(scale(("1.90", "7.6"), ("2.10", "8.4"), ("2.15", "8.6")))
    assert min(float(part.width.rstrip("%")) for part in close) > 10, "close limits stay apart"


def test_a_scale_is_said_with_the_side_on_which_a_limit_lies() -> None:
    one = scale(("100", "74"), ("350", "258"), inclusive=True)
    assert [bands.said(one, number, 1) for number in range(3)] == ["up to 74", "above 74, up to 258", "above 258"]
    assert bands.in_words(scale(("5", "9"))) == "Scale in mg/L: b0 below 5; top from 5."


def test_a_page_shows_scale_and_table_of_the_rules_numbers() -> None:
    page = TEXTS.explanations["vitamin-b12", "clinician"]
    html = html_of(page)
    assert html.count('<figure class="scale"') == html.count('<svg role="img" aria-label="Scale in ') == 5
    assert "deficient below 180; indeterminate from 180, up to 350; unlikely above 350." in html
    assert "<td>from 180, up to 350</td><td>from 133, up to 258</td>" in html
    assert "{bands}" not in html
    markdown = pages.explanation(TEXTS, page, "site.css", "the team", DAY)[pages.MARKDOWN].body.decode()
    assert "| indeterminate | from 180, up to 350 | from 133, up to 258 |" in markdown


@pytest.mark.parametrize(
    ("old", "new"),
    [('"350"', '"35"'), ('"258"', '"n"'), ('"inclusive"', '"inclusiv"'), ('"name": "deficient",', ""), ("{", "[")],
)
def test_bands_that_cannot_be_right_are_refused(old: str, new: str) -> None:
    text = (Path(bands.__file__).parent / "bands.json").read_text("utf-8")
    with pytest.raises(ValueError, match=r"rules write it|Expecting|delimiter"):
        bands.read(text.replace(old, new, 1))
