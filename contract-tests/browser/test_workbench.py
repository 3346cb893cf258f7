"""The workbench: from a patient to cards, why, an answer, and what is held back after it."""

import json
import re
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from browser import bench, looking

LOOKED_AT = ["nitrous-oxide", "nothing-done", "laboratory-did-not-answer", "palliative-care", "edetate-signed"]
PRESSED_TWICE = """(button) => {
  button.click();
  button.click();
  const all = [...button.closest("article").querySelectorAll("button, select, textarea")];
  if (!all.every((one) => one.disabled)) throw new Error("the card can still be used");
}"""


def test_each_case_says_what_it_expects(opened: Any, case: dict[str, Any]) -> None:
    page = bench.settled(opened(f"/workbench/{case['id']}"))
    expect(page.get_by_role("heading", level=2, name=case["title"])).to_be_visible()
    assert case["story"] in page.inner_text("#case")
    shown = bench.cards(page).evaluate_all("(all) => all.map((one) => `${one.dataset.indicator} ${one.dataset.topic}`)")
    expected = [f"{card['indicator']} {card['topic']}" for card in case["cards"]]
    assert shown == expected
    assert page.locator("#held .sentence").count() == (0 if expected else 1)
    if "Results, newest first" in page.inner_text("#record"):
        assert page.locator("#timeline svg.tl-plot").count() > 0
    looking.fine([*looking.violations(page), *looking.headings(page)], case["id"])
    for width in looking.WIDTHS:
        looking.sized(page, width)
        looking.shot(page, f"workbench-{case['id']}-{width}")
        looking.fine(looking.beyond(page), f"{width} px")


def test_each_case_reads_the_same_without_scripts(opened: Any, case: dict[str, Any]) -> None:
    parts = ("#record", "#timeline")
    page = opened(f"/workbench/{case['id']}", script=False)
    plain = [bench.summaries(page), *map(page.inner_text, parts)]
    assert page.locator("noscript").inner_text()
    assert page.locator("button, input:not([type=radio]), textarea").count() == 0
    looking.fine([*looking.headings(page), *looking.beyond(page)], "without scripts")
    run = bench.settled(opened(f"/workbench/{case['id']}"))
    assert [bench.summaries(run), *map(run.inner_text, parts)] == plain


@pytest.mark.parametrize("name", LOOKED_AT)
def test_case_is_seen(opened: Any, name: str) -> None:
    page = bench.settled(opened(f"/workbench/{name}"))
    looking.seen_everywhere(page, f"workbench-{name}")
    looking.fine(looking.enlarged(page), "larger text")
    looking.fine([*looking.skips(page), *looking.keyboard(page)], "keyboard")


def test_front_page_before_any_script_has_run(opened: Any) -> None:
    """As without scripts; these are empty and not off, since axe needs some of its own."""
    page = opened("about:blank")
    page.route("**/*.js*", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.goto("/")
    looking.seen_everywhere(page, "front-without-scripts")
    looking.fine([*looking.skips(page), *looking.keyboard(page)], "keyboard")


def test_from_pick_to_override_and_what_is_held_back(opened: Any, base: str) -> None:
    page = bench.settled(opened("/"))
    page.get_by_label("Find a patient").fill("stomach")
    page.get_by_role("link", name="Five years after a stomach bypass").click()
    bench.settled(page)
    assert page.url.endswith("/workbench/stomach-bypass")
    card = bench.cards(page).first
    expect(card).to_have_attribute("data-indicator", "warning")
    summary = bench.summaries(page)[0]

    why = bench.tab(page, "Why")
    why.get_by_text("B12", exact=True).first.click()
    expect(why.locator("li[class], li").filter(has_text="ABNORMAL").first).to_be_visible()

    card.get_by_text("Override this card").click()
    reason = card.get_by_label("Reason")
    chosen = reason.locator("option").nth(1).inner_text()
    reason.select_option(chosen)
    card.get_by_label("Comment").fill("Synthetic comment")
    looking.shot(page, "workbench-override-open")
    looking.fine(looking.violations(page), "with the menu open")
    told = bench.called_again(page, lambda: card.get_by_role("button", name="Send the override").click())
    assert told.startswith("Feedback arrived: overridden, kept. Called again:")
    assert summary not in bench.summaries(page)
    held = page.locator("#held")
    expect(held).to_contain_text("Held back: 1 card")
    until = re.findall(r"\d{4}-\d{2}-\d{2}", held.inner_text())
    assert until
    assert max(until) > datetime.now(UTC).date().isoformat()
    looking.shot(page, "workbench-held-back")
    looking.fine(looking.violations(page), "with a card held back")

    page.get_by_label("Exchange", exact=True).select_option(index=1)
    sent = json.loads(bench.tab(page, "Request").locator("code.json").last.inner_text())
    (item,) = sent["feedback"]
    assert item["outcome"] == "overridden"
    assert item["overrideReason"]["reason"]["display"] == chosen
    assert item["overrideReason"]["userComment"] == "Synthetic comment"
    listed = requests.get(f"{base}/report", headers={"Accept": "application/json"}, timeout=10).json()
    assert listed

    bench.called_again(page, lambda: page.get_by_role("button", name="Start over").click())
    assert summary in bench.summaries(page)


def test_suggestion_that_is_accepted_is_drafted_and_arrives(opened: Any) -> None:
    page = bench.settled(opened("/workbench/nothing-done"))
    before = bench.summaries(page)
    button = bench.cards(page).first.locator("button.suggestion").first
    assert "vitamin B12" in button.inner_text()
    told = bench.called_again(page, button.click)
    assert told.startswith("Feedback arrived: accepted, kept.")
    assert "drafted" in told
    assert bench.summaries(page) != before
    states = bench.tab(page, "Why").locator("details[data-state]")
    expect(states.filter(has_text="B12").first).to_have_attribute("data-state", "ORDER_PENDING")
    page.get_by_label("Exchange", exact=True).select_option(index=1)
    sent = json.loads(bench.tab(page, "Request").locator("code.json").last.inner_text())
    assert sent["feedback"][0]["acceptedSuggestions"][0]["id"]


def test_each_case_has_its_title_on_the_tab(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass"))
    expect(page).to_have_title("Five years after a stomach bypass · Workbench · Dystonia CDS")
    expect(page.get_by_role("heading", level=1)).to_have_text("Workbench")


@pytest.mark.parametrize("how", ["suggestion", "override"])
def test_card_is_answered_once(opened: Any, watch: Any, how: str) -> None:
    page = bench.settled(opened("/workbench/nothing-done"))
    card = bench.cards(page).first
    if how == "override":
        card.get_by_text("Override this card").click()
    button = card.locator("button.suggestion" if how == "suggestion" else "button.primary").first
    told = bench.called_again(page, lambda: button.evaluate(PRESSED_TWICE))
    assert told.startswith("Feedback arrived")
    assert len([one for one in watch.asked if one.endswith("/feedback")]) == 1


def test_all_suggestions_are_accepted_at_once(opened: Any) -> None:
    page = bench.settled(opened("/workbench/nothing-done"))
    card = bench.cards(page).first
    offered = card.locator("details.actions").count()
    assert offered > 1
    told = bench.called_again(page, card.get_by_role("button", name=f"All {offered} of these").click)
    assert told.startswith("Feedback arrived: accepted, kept.")
    page.get_by_label("Exchange", exact=True).select_option(index=1)
    sent = json.loads(bench.tab(page, "Request").locator("code.json").last.inner_text())
    assert len({one["id"] for one in sent["feedback"][0]["acceptedSuggestions"]}) == offered


def test_draft_orders_are_added_edited_and_taken_away(opened: Any) -> None:
    page = bench.settled(opened("/workbench/all-normal"))
    page.get_by_role("navigation", name="Hook").get_by_role("link", name="order-select").click()
    assert page.url.endswith("/workbench/all-normal?hook=order-select")
    page.get_by_label("Add an order").select_option("Edetate, salt not stated")
    add = page.get_by_role("button", name="Add", exact=True)
    bench.called_again(page, add.click)
    assert bench.cards(page).first.get_attribute("data-indicator") == "critical"
    looking.seen_everywhere(page, "workbench-drafts")

    area = page.get_by_role("textbox", name=re.compile("as JSON$"))
    page.get_by_text("Edit as JSON").click()
    area.fill("{ this is no JSON")
    page.get_by_role("button", name="Use this").click()
    expect(page.get_by_role("alert").filter(has_text="This is not JSON")).to_be_visible()
    expect(area).to_have_attribute("aria-invalid", "true")
    looking.fine(looking.violations(page), "with a fault")
    page.keyboard.press("Escape")
    expect(area).to_be_hidden()

    bench.called_again(page, lambda: page.get_by_role("checkbox").uncheck())
    assert bench.cards(page).count() == 0
    page.get_by_role("navigation", name="Hook").get_by_role("link", name="order-sign").click()
    bench.settled(page)
    assert bench.cards(page).first.get_attribute("data-indicator") == "critical"
    bench.called_again(page, lambda: page.get_by_role("button", name=re.compile("^Remove")).click())
    assert bench.cards(page).count() == 0


def test_prefetch_that_is_not_delivered_is_said(opened: Any) -> None:
    page = bench.settled(opened("/workbench/all-normal"))
    assert bench.cards(page).count() == 0
    for how in ("leave-out", "outcome"):
        told = bench.key_handled(page, "labs_vitamin_b12", how)
        assert "1 card came" in told, how
        expect(bench.cards(page).first).to_contain_text(re.compile("could not be assessed|not assess", re.IGNORECASE))
    looking.shot(page, "workbench-not-delivered")
    looking.fine(looking.violations(page), "with a key left out")
    bench.key_handled(page, "labs_vitamin_b12", "send")
    assert bench.cards(page).count() == 0


def test_refusal_is_shown_in_its_words(opened: Any, watch: Any) -> None:
    watch.expect(412)
    page = bench.settled(opened("/workbench/all-normal"))
    told = bench.key_handled(page, "conditions", "leave-out")
    assert "Refused with 412" in told
    refusal = page.locator("#cards")
    expect(refusal).to_contain_text("OperationOutcome")
    expect(refusal).to_contain_text("conditions")
    looking.shot(page, "workbench-refused")
    looking.fine(looking.violations(page), "refused")


def test_command_to_copy_makes_the_same_call(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass", permissions=["clipboard-read", "clipboard-write"]))
    panel = bench.tab(page, "curl")
    panel.get_by_role("button", name="Copy the command").click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("() => navigator.clipboard.readText()")
    assert command == panel.locator("pre code").inner_text()
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603, S607
    answer = json.loads(done.stdout)
    assert [card["summary"] for card in answer["cards"]] == bench.summaries(page)


@pytest.mark.parametrize(("part", "words"), [("Request", "Copy the request"), ("Response", "Copy the response")])
def test_what_went_over_the_wire_can_be_copied(opened: Any, part: str, words: str) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass", permissions=["clipboard-read", "clipboard-write"]))
    bench.tab(page, part).get_by_role("button", name=words).click()
    copied = json.loads(page.evaluate("() => navigator.clipboard.readText()"))
    assert copied["hook" if part == "Request" else "cards"]


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without scripts"])
def test_units_can_be_switched(opened: Any, script: bool) -> None:
    page = opened("/workbench/nitrous-oxide", script=script)
    if script:
        bench.settled(page)
    drawn = page.locator("#timeline svg.tl-plot:visible")
    for words, unit in (("mass units", "ng/L"), ("molar units", "pmol/L"), ("mass units", "ng/L")):
        page.get_by_role("radio", name=re.compile(words)).check()
        assert unit in drawn.first.text_content()
        looking.fine(looking.beyond(page), words)
    if script:
        looking.fine(looking.violations(page), "after switching")


def test_override_with_the_keyboard_alone(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass"))

    def tab_to(words: str, most: int = 150) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if words in page.evaluate("() => document.activeElement.ariaLabel ?? document.activeElement.textContent"):
                return
        raise AssertionError(f"Tab does not lead to {words}")

    tab_to("Override this card")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("By keyboard")
    tab_to("Send the override", 2)
    told = bench.called_again(page, lambda: page.keyboard.press("Enter"))
    assert told.startswith("Feedback arrived: overridden, kept.")
    assert page.evaluate("() => document.activeElement.id") == "cards-title"


def test_escape_closes_the_menu_and_gives_the_focus_back(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass"))
    summary = bench.cards(page).first.get_by_text("Override this card")
    summary.click()
    page.get_by_label("Reason").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Reason")).to_be_hidden()
    assert page.evaluate("() => document.activeElement.textContent") == "Override this card"


def test_tabs_are_gone_through_with_arrow_keys(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass"))
    page.get_by_role("tab", name="Why").focus()
    for name in ("Prefetch", "Request", "Response", "curl", "Why"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=name, exact=True)).to_be_focused()
        expect(page.get_by_role("tabpanel", name=name, exact=True)).to_be_visible()
        looking.shot(page, f"workbench-tab-{name}")
        looking.fine(looking.violations(page), name)
        looking.sized(page, looking.WIDTHS[1])
        looking.fine(looking.beyond(page), f"{name} on a phone")
        looking.sized(page, looking.WIDTHS[0])


def test_trace_of_the_call_opens(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass"))
    bench.tab(page, "Why").get_by_role("link", name="This trace as a page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Why this answer"))


def test_links_of_a_card_open_elsewhere_and_take_nothing_along(opened: Any) -> None:
    page = bench.settled(opened("/workbench/stomach-bypass"))
    links = bench.cards(page).first.locator("a").all()
    assert links
    for link in links:
        assert link.get_attribute("target") == "_blank"
        assert "noopener" in link.get_attribute("rel")
        assert link.get_attribute("href").startswith("http://localhost")
