"""Fixtures of the browser suite. `python -m browser` has started the try-out and says where it is."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from browser import stacks, tools
from browser.watching import Watch

QUIET: Final = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip
_NOWHERE: Final = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost"
"""Whatever a page asks for elsewhere has no address."""

_PATIENCE_MS: Final = 20_000
_OPENS_WITHIN_MS: Final = 60_000
"""The studio makes all its cards when it is opened for the first time."""

expect.set_options(timeout=_PATIENCE_MS)

Launch = Callable[..., Browser]
Opening = Callable[..., Any]


@pytest.fixture(scope="session")
def base() -> str:
    """The try-out's base URL, without a trailing slash."""
    if stacks.BASE not in os.environ:
        pytest.exit("these tests are started by make browser", returncode=2)
    return os.environ[stacks.BASE]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A browser that knows this machine and nothing else."""
    browser = playwright.chromium.launch(executable_path=tools.chromium(), args=[*QUIET, _NOWHERE])
    yield browser
    browser.close()


@pytest.fixture
def watch(base: str) -> Iterator[Watch]:
    """Fails the test at its end when a page has done what no page of ours may do."""
    watching = Watch(base)
    yield watching
    if folder := os.environ.get(stacks.VISITED):
        with Path(folder, str(os.getpid())).open("a", encoding="utf-8") as file:
            file.writelines(f"{path}\n" for path in sorted(watching.visited))
    assert watching.faults == []


@pytest.fixture
def opened(chromium: Browser, base: str, watch: Watch) -> Iterator[Opening]:
    """Opens a page in a context of its own: `opened("/explanations", width=390, scheme="dark", script=False)`."""
    contexts: list[BrowserContext] = []

    def open_page(path: str, *, width: int = 1280, scheme: str = "light", script: bool = True, **more: Any) -> Page:
        context = chromium.new_context(
            base_url=base,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=script,
            reduced_motion="reduce",
            locale="en-US",
            **more,
        )
        contexts.append(context)
        context.set_default_timeout(_PATIENCE_MS)
        context.set_default_navigation_timeout(_OPENS_WITHIN_MS)
        watch.follow(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _explanations(base: str) -> list[str]:
    listed = requests.get(f"{base}/explanations", headers={"Accept": "application/json"}, timeout=10).json()
    return [
        f"{one['path']}?audience={audience}&lang={language}"
        for one in listed["explanations"]
        for audience, languages in one["languages"].items()
        for language in languages
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test about an `explanation` or a `case` runs for each of them."""
    if "explanation" in metafunc.fixturenames:
        metafunc.parametrize("explanation", _explanations(os.environ[stacks.BASE]))
    if "case" in metafunc.fixturenames:
        listed = requests.get(f"{os.environ[stacks.BASE]}/workbench/cases.json", timeout=10).json()["cases"]
        metafunc.parametrize("case", listed, ids=[one["id"] for one in listed])
