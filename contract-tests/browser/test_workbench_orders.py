"""The orders of the workbench: drafted, taken away, and carried from hook to hook."""

import json
import re
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from browser import bench, looking

CHART: Final = "**/cds-services/dystonia-patient-view"
REMOVE: Final = re.compile("^Remove")
SHOWN_WITHIN_MS: Final = 200
"""An answer that has come is shown long before."""


def sent(page: Any) -> dict[str, Any]:
    """The body of the call that is shown."""
    return dict(json.loads(bench.tab(page, "Request").locator("code.json").last.inner_text()))


def to_hook(page: Any, hook: str) -> None:
    page.get_by_role("navigation", name="Hook").get_by_role("link", name=hook).click()


def nothing_called(page: Any) -> None:
    expect(page.locator("#cards")).to_have_text("No draft order, so the service is not called.")
    assert bench.cards(page).count() == 0


def test_accepted_orders_are_shown_and_go_along_to_every_hook(opened: Any) -> None:
    page = bench.settled(opened("/workbench/nothing-done"))
    assert page.locator("#orders").inner_text() == ""
    bench.called_again(page, bench.cards(page).first.locator("button.suggestion").first.click)
    lines = page.locator("#orders .lines > li")
    names = lines.locator("code").all_inner_texts()
    assert names
    held = sent(page)["prefetch"]["orders"]["entry"]
    today = page.locator("#workbench").get_attribute("data-today")
    unsigned = [one["resource"] for one in held if one["resource"]["status"] == "draft"]
    assert [f"ServiceRequest/{one['id']}" for one in unsigned] == names
    assert {one["authoredOn"] for one in unsigned} == {today}
    looking.shot(page, "workbench-unsigned")
    looking.fine([*looking.violations(page), *looking.headings(page)], "with orders on patient-view")
    for hook in ("order-sign", "order-select"):
        bench.called_again(page, lambda hook=hook: to_hook(page, hook))
        assert lines.locator("code").all_inner_texts() == names
        drafts = sent(page)["context"]["draftOrders"]["entry"]
        assert [(one["resource"]["id"], one["resource"]["authoredOn"]) for one in drafts] == [
            (name.partition("/")[2], today) for name in names
        ]
    bench.called_again(page, lambda: to_hook(page, "patient-view"))
    for left in range(len(names) - 1, -1, -1):
        bench.called_again(page, page.get_by_role("button", name=REMOVE).first.click)
        assert lines.count() == left
    assert page.evaluate("() => document.activeElement.id") == "cards-title"


def test_order_that_says_no_day_is_of_today(opened: Any) -> None:
    page = bench.settled(opened("/workbench/metoclopramide-signed"))
    page.get_by_label("Add an order").select_option("An order of your own, as JSON")
    bench.called_again(page, page.get_by_role("button", name="Add", exact=True).click)
    today = page.locator("#workbench").get_attribute("data-today")
    assert [one["resource"]["authoredOn"] for one in sent(page)["context"]["draftOrders"]["entry"]] == [today, today]


def test_focus_stays_with_the_orders(opened: Any) -> None:
    page = bench.settled(opened("/workbench/edetate-signed"))
    for _ in range(2):
        bench.called_again(page, page.get_by_role("button", name="Add", exact=True).click)
    lines = page.locator("#orders .lines > li")
    assert lines.count() == 3
    lines.nth(1).get_by_text("Edit as JSON").click()
    bench.called_again(page, lines.nth(1).get_by_role("button", name="Use this").click)
    expect(lines.nth(1).locator("summary")).to_be_focused()
    for taken, then in ((0, 0), (1, 0)):
        bench.called_again(page, lines.nth(taken).get_by_role("button", name=REMOVE).click)
        expect(lines.nth(then).get_by_role("button", name=REMOVE)).to_be_focused()
    bench.called_again(page, lines.first.get_by_role("button", name=REMOVE).click)
    expect(page.get_by_label("Add an order")).to_be_focused()


def test_hook_without_drafts_shows_nothing_of_the_hook_before(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass"))
    assert bench.cards(page).count()
    under_way: list[Any] = []

    def hold(route: Any) -> None:
        under_way.append(route)

    page.route(CHART, hold)
    with page.expect_request(CHART):
        page.get_by_role("button", name="Call the service").click()
    to_hook(page, "order-sign")
    nothing_called(page)
    with page.expect_response(CHART) as answer:
        under_way[0].fulfill(response=under_way[0].fetch())
    answer.value.finished()
    page.wait_for_timeout(SHOWN_WITHIN_MS)
    nothing_called(page)
    assert page.locator("#held").inner_text() == ""
    panel = page.get_by_role("tabpanel", name="Why", exact=True)
    expect(panel).to_have_text("order-sign: not called yet.")
    looking.fine(looking.violations(page), "not called")
    page.unroute(CHART)
    page.get_by_label("Exchange", exact=True).select_option(index=0)
    expect(page.get_by_role("tab", name="Request", exact=True)).to_be_visible()
    bench.called_again(page, lambda: to_hook(page, "patient-view"))
    assert bench.cards(page).count()


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without scripts"])
def test_order_hook_without_an_order_is_not_called(opened: Any, watch: Any, script: bool) -> None:
    page = opened("/workbench/welder?hook=order-select", script=script)
    if script:
        expect(page.locator("#bar [role=status]")).to_have_text("Add a draft order, and the service is called.")
    nothing_called(page)
    assert not [one for one in watch.asked if one.endswith("/dystonia-order-select")]
