"""The pages for operators, with calls to show: one look and feel with the rest, and nothing runs on them."""

from typing import Any

import pytest
from playwright.sync_api import expect

from browser import looking
from browser.calling import Called, called

PAGES = ["/trace", "/report", "/prefetch-doctor", "/thresholds"]
STEPS = ["/", "/explanations", "/bibliography", *PAGES]


@pytest.fixture(scope="session")
def calls(base: str) -> list[Called]:
    """Calls that were made, with their answers."""
    return called(base)


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("address", PAGES)
def test_page_is_seen(opened: Any, address: str) -> None:
    looking.seen_everywhere(opened(address), address)


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("address", PAGES)
def test_page_is_read_otherwise(opened: Any, address: str) -> None:
    page = opened(address)
    assert page.locator("script").count() == 0
    looking.fine(looking.enlarged(page), "larger text")
    looking.fine([*looking.skips(page), *looking.keyboard(page)], "keyboard")
    page.emulate_media(media="print")
    looking.sized(page, 720)
    looking.shot(page, f"{address}-print")
    looking.fine(looking.beyond(page), "on paper")


def test_trace_of_each_call_is_seen(opened: Any, calls: list[Called]) -> None:
    for number, call in enumerate(calls):
        page = opened(f"/trace/{call.instance}")
        assert f"{len(call.cards)} card" in page.inner_text("main"), call.name
        if number % 4 == 0:
            looking.seen_everywhere(page, f"trace-{call.name}")
            looking.fine(looking.keyboard(page), call.name)
        looking.fine([*looking.violations(page), *looking.headings(page)], call.name)


def test_navigation_leads_from_each_page_to_each_other_and_marks_where_one_is(opened: Any) -> None:
    page = opened("/trace")
    names = page.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()
    assert {"Trace", "Report", "Prefetch doctor", "Thresholds", "Explanations"} <= {*names}
    for name in names:
        page.goto("/trace")
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_be_visible()
        if name != "Explanations":
            current = page.get_by_role("navigation", name="Pages").locator("[aria-current=page]")
            expect(current).to_have_text(name)


def test_latest_calls_lead_to_their_traces(opened: Any, calls: list[Called]) -> None:
    page = opened("/trace")
    link = page.locator(f"main a[href*='{calls[-1].instance}']").first
    link.click()
    assert page.url.endswith(calls[-1].instance)
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/explanations/nothing-of-this-name", 404),
        ("/explanations/vitamin-b12?audience=nobody", 400),
        ("/explanations/diet?lang=%3C", 400),
    ],
)
def test_refusal_is_a_page_for_a_browser(opened: Any, watch: Any, address: str, status: int) -> None:
    watch.expect(status)
    looking.seen_everywhere(opened(address), f"refusal-{address}")
