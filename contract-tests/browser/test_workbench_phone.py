"""The workbench as it is opened on a phone, or where the patients stand above the case, with scripts and without."""

import re
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from browser import bench, looking

PHONE: Final = looking.WIDTHS[1]
TABLET: Final = 1100
"""Wide enough for two columns, and not for the list of the patients beside the case."""

SCREEN: Final = 900
"""How high its window is, in CSS pixels; part of that is under the controls of a browser."""


def test_case_is_seen_on_a_phone(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass", width=PHONE))
    expect(page.get_by_label("Find a patient")).to_be_hidden()
    begins_on_the_first_screen(page)
    looking.seen_everywhere(page, "workbench-phone")


def test_from_pick_to_override_on_a_phone(opened: Any) -> None:
    page = bench.settled(opened("/", width=PHONE))
    page.locator("#chooser > summary").click()
    page.get_by_label("Find a patient").fill("stomach")
    looking.fine([*looking.violations(page), *looking.beyond(page)], "with the patients open")
    page.get_by_role("link", name="Five years after a stomach bypass").click()
    page.wait_for_url(re.compile("/workbench/stomach-bypass$"))
    bench.settled(page)
    expect(page.get_by_label("Find a patient")).to_be_hidden()
    card = bench.cards(page).first
    card.get_by_text("Override this card").click()
    card.get_by_label("Reason").select_option(index=1)
    looking.fine([*looking.violations(page), *looking.beyond(page)], "with the override open")
    told = bench.called_again(page, card.get_by_role("button", name="Send the override").click)
    assert told.startswith("Feedback arrived: overridden, kept.")
    expect(page.locator("#held")).to_contain_text("Held back: 1 card")
    looking.fine([*looking.violations(page), *looking.beyond(page)], "with a card held back")


@pytest.mark.parametrize("width", [PHONE, TABLET])
def test_case_comes_first_without_scripts(opened: Any, width: int) -> None:
    page = opened("/workbench/stomach-bypass", width=width, script=False)
    begins_on_the_first_screen(page)
    looking.shot(page, f"workbench-{width}-without-scripts")
    looking.fine([*looking.headings(page), *looking.beyond(page)], "without scripts")
    page.get_by_role("link", name="To the patients").click()
    expect(page.get_by_role("link", name="Five years after a stomach bypass")).to_be_in_viewport()


def begins_on_the_first_screen(page: Any) -> None:
    """The title of the case can be seen without scrolling."""
    title = page.locator("#case-title").bounding_box()
    assert title["y"] + title["height"] < SCREEN
