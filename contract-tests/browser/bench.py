"""The workbench by its names: what a person looks for on it, and when it has come to rest."""

import re
from typing import Any, Final

from playwright.sync_api import expect

CAME: Final = re.compile(r"(\d+ cards?|No card) came in \d+ ms|Refused with \d+ in \d+ ms")


def settled(page: Any) -> Any:
    """Come back when the last call has been answered, shown and explained."""
    expect(page.locator("#bar [role=status]")).to_have_text(re.compile(rf".*({CAME.pattern})"))
    expect(page.locator("#panel-why")).not_to_contain_text("Asking why")
    return page


def said(page: Any) -> str:
    """What the page has said last about calls and feedback."""
    return str(page.locator("#bar [role=status]").inner_text())


def cards(page: Any) -> Any:
    """The cards that are shown."""
    return page.locator("#cards article.card")


def summaries(page: Any) -> list[str]:
    """The summaries of the cards, in their order."""
    return list(page.locator("#cards article.card header :is(h3, h4)").all_inner_texts())


def called_again(page: Any, act: Any) -> str:
    """Do something that makes a call, wait for its answer, and give back what was said."""
    page.locator("#bar [role=status]").evaluate("(node) => { node.textContent = ''; }")
    act()
    settled(page)
    return said(page)


def tab(page: Any, name: str) -> Any:
    """Open a part of the exchange; its panel."""
    page.get_by_role("tab", name=name, exact=True).click()
    return page.get_by_role("tabpanel", name=name, exact=True)


def key_handled(page: Any, key: str, how: str) -> str:
    """Let the EHR answer a prefetch key otherwise; what was said of the call that follows."""
    tab(page, "Prefetch")
    select = page.locator(f"#panel-prefetch [data-key={key}] select")
    return called_again(page, lambda: select.select_option(how))
