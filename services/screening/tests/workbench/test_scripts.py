"""The scripts of the workbench: what they import is there, and what came from outside becomes no markup and no code."""

import re
from pathlib import Path

import pytest

from screening.pages import assets, workbench_page

SCRIPTS = sorted(assets.FOLDER.glob("*.js"))
_IMPORT = re.compile(r'^(?:import|export) .*?from "(.+?)";$', re.MULTILINE | re.DOTALL)
_MARKUP = re.compile(
    r"\.(?:innerHTML|outerHTML)\b|insertAdjacentHTML|document\.write|\beval\(|new Function|\.srcdoc|\.style\b"
)
_RENDERED = "made.innerHTML = markdown.render(source); // raw HTML is off, links are those of the web: see above"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_what_is_served_and_writes_text(script: Path) -> None:
    text = script.read_text("utf-8")
    for found in _IMPORT.findall(text):
        assert found.startswith("./"), "modules lie beside each other"
        assert assets.address(found.removeprefix("./"), 0)
    assert not _MARKUP.search(text.replace(_RENDERED, "")), "text is set as text; one place renders Markdown"
    assert len(text.splitlines()) < 400


def test_every_script_is_reached_from_the_page() -> None:
    reached, todo = set(), list(workbench_page.SCRIPTS)
    while todo:
        name = todo.pop()
        reached.add(name)
        found = _IMPORT.findall((assets.FOLDER / name).read_text("utf-8"))
        todo += [one.removeprefix("./") for one in found if "vendored" not in one and one[2:] not in reached]
    assert reached == {path.name for path in SCRIPTS}


def test_markdown_of_cards_lets_no_html_through() -> None:
    cards = (assets.FOLDER / "workbench-cards.js").read_text("utf-8")
    assert cards.count(_RENDERED) == 1
    assert 'new MarkdownIt("commonmark", { html: false })' in cards
    assert '.disable("image")' in cards
