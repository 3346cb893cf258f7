"""The card studio: every card that can be emitted, found by filters without a script, and as a file by itself."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from browser import looking

SEEN = ["/studio", "/studio?module=B12", "/studio?indicator=critical&dialect=epic", "/studio?text=nothinglikethis"]
COUNT = re.compile(r"(\d+) of (\d+) cards")


def counted(page: Any) -> tuple[int, int]:
    """How many cards are shown, and how many there are."""
    found = COUNT.search(page.inner_text("main [role=status]"))
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("address", SEEN[1:])
def test_studio_is_seen(opened: Any, address: str) -> None:
    looking.seen_everywhere(opened(address), address)


def test_whole_studio_is_seen(opened: Any) -> None:
    page = opened(SEEN[0])
    shown, every = counted(page)
    assert shown == every == page.locator("article.card").count()
    assert shown >= 80
    looking.fine([*looking.violations(page), *looking.headings(page)], "all cards")
    for width in (*looking.WIDTHS, looking.REFLOW):
        looking.sized(page, width)
        looking.fine(looking.beyond(page), f"{width} px")
        looking.shot(page, f"studio-{width}", whole=False)


def test_studio_is_read_otherwise(opened: Any) -> None:
    page = opened(SEEN[1])
    assert page.locator("script").count() == 0
    looking.fine(looking.enlarged(page), "larger text")
    looking.fine([*looking.skips(page), *looking.keyboard(page)], "keyboard")
    words = page.inner_text("main")
    assert opened(SEEN[1], script=False).inner_text("main") == words


def test_filters_work_without_a_script(opened: Any) -> None:
    page = opened("/studio", script=False)
    _, every = counted(page)
    form = page.get_by_role("search", name="Cards")
    form.get_by_label("Indicator").select_option("critical")
    form.get_by_role("button", name="Show").click()
    shown, still = counted(page)
    assert 0 < shown < every == still
    assert {*page.locator("article.card").evaluate_all("(all) => all.map((one) => one.dataset.indicator)")} == {
        "critical"
    }
    page.get_by_role("search", name="Cards").get_by_label("Words").fill("edetate")
    page.get_by_role("search", name="Cards").get_by_role("button", name="Show").click()
    assert 0 < counted(page)[0] <= shown
    for text in page.locator("section.specimen").all_inner_texts():
        assert "edetate" in text.lower()


def test_each_card_has_an_address(opened: Any) -> None:
    page = opened("/studio?module=B12")
    anchors = page.locator("section.specimen").evaluate_all("(all) => all.map((one) => one.id)")
    assert anchors
    assert len(anchors) == len(set(anchors))
    page.goto(f"/studio?module=B12#{anchors[-1]}")
    expect(page.locator(f"[id='{anchors[-1]}']")).to_be_in_viewport()


def test_comparison_marks_what_came_and_went(opened: Any) -> None:
    page = opened("/studio?module=B12")
    against = page.get_by_role("search", name="Cards").locator("select[name=against] option")
    choices = against.evaluate_all("(all) => all.map((one) => one.value)")
    for choice in choices:
        page.goto(f"/studio?module=B12&against={choice}")
        assert page.locator("#changes").inner_text()
        looking.fine(looking.violations(page), choice)


def test_exported_file_can_be_saved(opened: Any) -> None:
    page = opened("/studio?module=B12")
    with page.expect_download() as told:
        page.get_by_role("link", name="save it").click()
    assert told.value.suggested_filename == "cards.html"
    assert Path(told.value.path()).read_text("utf-8").startswith("<!doctype html>")


def test_exported_file_opens_alone_and_asks_for_nothing(opened: Any, base: str, watch: Any, tmp_path: Path) -> None:
    page = opened("/studio")
    page.get_by_role("link", name="look at it").click()
    assert page.url == f"{base}/studio/export.html"
    page.wait_for_load_state()
    text = page.evaluate("() => document.documentElement.outerHTML")
    assert "<script" not in text
    looking.fine([*looking.violations(page), *looking.headings(page)], "export")
    for width in (*looking.WIDTHS, looking.REFLOW):
        looking.sized(page, width)
        looking.fine(looking.beyond(page), f"{width} px")
    file = tmp_path / "studio.html"
    file.write_text("<!doctype html>" + text, "utf-8")
    before = len(watch.asked)
    context = page.context.browser.new_context(offline=True)
    faults: list[str] = []
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: faults.append(message.text))
    alone = context.new_page()
    alone.goto(file.as_uri())
    assert alone.locator("article.card").count() == page.locator("article.card").count()
    styled = alone.locator("article.card").first.evaluate("(node) => getComputedStyle(node).borderLeftWidth")
    assert styled != "0px"
    looking.shot(alone, "studio-export", whole=False)
    alone.emulate_media(media="print")
    looking.sized(alone, 720)
    looking.fine(looking.beyond(alone), "on paper")
    looking.shot(alone, "studio-export-print", whole=False)
    context.close()
    assert asked == [file.as_uri()]
    assert faults == []
    assert len(watch.asked) == before
