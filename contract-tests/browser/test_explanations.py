"""Every explanation, for both audiences, in every language: as it looks, and as it is read otherwise."""

from typing import Any

import pytest
import requests

from browser import looking

READING = ["/explanations", "/explanations?lang=de", "/bibliography", "/thresholds"]


def read_otherwise(opened: Any, address: str) -> None:
    """With larger text, with the keyboard, on paper and without scripts it says the same."""
    page = opened(address)
    looking.fine(looking.enlarged(page), "larger text")
    looking.fine([*looking.skips(page), *looking.keyboard(page)], "keyboard")
    words = page.inner_text("body")
    page.emulate_media(media="print")
    looking.sized(page, 720)
    looking.shot(page, f"{address}-print")
    looking.fine(looking.beyond(page), "on paper")
    assert opened(address, script=False).inner_text("body") == words


def test_explanation_is_seen(opened: Any, explanation: str) -> None:
    looking.seen_everywhere(opened(explanation), explanation)


def test_explanation_is_read_otherwise(opened: Any, explanation: str) -> None:
    read_otherwise(opened, explanation)


def test_words_of_drawn_bands_do_not_lie_over_each_other(opened: Any, explanation: str) -> None:
    page = opened(explanation)
    for width in (*looking.WIDTHS, looking.REFLOW):
        looking.sized(page, width)
        looking.fine(looking.overlaps(page, ".scale svg"), f"{width} px")


@pytest.mark.parametrize("address", READING)
def test_page_for_everybody_is_seen(opened: Any, address: str) -> None:
    looking.seen_everywhere(opened(address), address)


@pytest.mark.parametrize("address", READING)
def test_page_for_everybody_is_read_otherwise(opened: Any, address: str) -> None:
    read_otherwise(opened, address)


def test_every_language_says_which_one_it_is(opened: Any, explanation: str) -> None:
    page = opened(explanation)
    assert page.get_attribute("html", "lang") == explanation.rpartition("=")[2]


def test_every_link_leads_somewhere(opened: Any, base: str, explanation: str) -> None:
    page = opened(explanation)
    links = set(page.eval_on_selector_all("a[href]", "(links) => links.map((link) => link.href)"))
    own = {link for link in links if link.startswith(base)}
    assert own
    for link in sorted(own):
        address, _, anchor = link.partition("#")
        answer = requests.get(address, headers={"Accept": "text/html"}, timeout=10)
        assert answer.status_code == 200, link
        assert not anchor or f'id="{anchor}"' in answer.text, link
    assert all(link.startswith(("https://", "mailto:")) for link in links - own), links - own


def test_the_language_can_be_changed_and_the_audience(opened: Any) -> None:
    page = opened("/explanations/vitamin-b12")
    page.get_by_role("link", name="patient").first.click()
    assert "audience=patient" in page.url
    page.get_by_role("navigation", name="Language").get_by_role("link", name="Deutsch").click()
    assert page.get_attribute("html", "lang") == "de"
