"""How operators sign in: a production stack behind an edge with TLS, as a browser meets it."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attack.signing import ec_signer
from contract.deployed import PUBLIC_URL, deployed
from playwright.sync_api import Browser, Playwright, expect

from browser import looking, tools
from browser.conftest import QUIET
from browser.edge import edge
from browser.watching import Watch

pytestmark = pytest.mark.xdist_group("production")
HOST = PUBLIC_URL.removeprefix("https://")
PAGES = ["/trace", "/report", "/prefetch-doctor", "/studio"]


@dataclass(frozen=True)
class Production:
    """A browser that finds the production stack under its public name, and what operators type in."""

    browser: Browser
    token: str


@pytest.fixture(scope="module")
def production(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    folder: Path = tmp_path_factory.mktemp("production")
    signer = ec_signer("ehr-1")
    entry = {"client": "ehr", "issuer": "https://ehr.example/fhir", "jwks": {"keys": [signer.public_jwk()]}}
    clients = folder / "clients.yaml"
    clients.write_text(json.dumps([entry]), "utf-8")
    with ExitStack() as block:
        stack_folder = folder / "stack"
        stack_folder.mkdir()
        gateways = {"gateway": {"DEPLOYMENT": "production", "CLIENTS_FILE": str(clients)}}
        stack = block.enter_context(deployed(stack_folder, gateways))
        port = block.enter_context(edge(folder, HOST, stack.ports["gateway"]))
        there = f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{port} , MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=os.environ[tools.CHROMIUM], args=[*QUIET, there])
        yield Production(browser, (stack_folder / "operator.token").read_text("utf-8").strip())
        browser.close()


@pytest.fixture
def visitor(production: Production) -> Iterator[Any]:
    """A page in a browser that knows nothing yet."""
    watch = Watch(PUBLIC_URL)
    watch.expect(401, 404)
    context = production.browser.new_context(base_url=PUBLIC_URL, ignore_https_errors=True, reduced_motion="reduce")
    context.set_default_navigation_timeout(60_000)
    watch.follow(context)
    yield context.new_page()
    context.close()
    assert watch.faults == []


def signed_in(page: Any, production: Production, address: str = "/trace") -> None:
    """Type the token in at the page that asks for it."""
    page.goto(address)
    page.get_by_label("Operators' token").fill(production.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.parametrize("address", PAGES)
def test_each_page_for_operators_asks_who_one_is_and_then_opens(
    visitor: Any, production: Production, address: str
) -> None:
    answer = visitor.goto(address)
    assert answer.status == 401
    signed_in(visitor, production, address)
    assert visitor.url == f"{PUBLIC_URL}{address}"
    assert production.token not in visitor.content()
    looking.fine([*looking.violations(visitor), *looking.headings(visitor)], address)


def test_sign_in_is_seen(visitor: Any) -> None:
    visitor.goto("/trace")
    looking.seen_everywhere(visitor, "sign-in")
    looking.fine([*looking.skips(visitor), *looking.keyboard(visitor)], "keyboard")


def test_wrong_token_is_said_and_gives_nothing(visitor: Any) -> None:
    visitor.goto("/report")
    visitor.get_by_label("Operators' token").fill("0" * 64)
    visitor.get_by_role("button", name="Sign in").click()
    expect(visitor.get_by_role("alert")).to_be_visible()
    assert visitor.context.cookies() == []
    assert visitor.get_by_label("Operators' token").input_value() == ""
    looking.seen_everywhere(visitor, "sign-in-refused")


def test_cookie_is_for_this_service_and_no_script(visitor: Any, production: Production) -> None:
    signed_in(visitor, production)
    (cookie,) = visitor.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Strict", "/")
    assert cookie["domain"] == HOST
    assert cookie["name"].startswith("__Host-")
    assert production.token not in cookie["value"]
    assert visitor.evaluate("() => document.cookie") == ""


def test_sign_out_closes_all_pages(visitor: Any, production: Production) -> None:
    signed_in(visitor, production)
    visitor.goto("/report")
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_label("Operators' token")).to_be_visible()
    assert visitor.context.cookies() == []
    assert visitor.goto("/trace").status == 401


def test_pages_for_operators_look_the_same_in_production(visitor: Any, production: Production) -> None:
    signed_in(visitor, production)
    names = visitor.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()
    assert "Workbench" not in names
    assert {"Trace", "Report", "Prefetch doctor", "Studio"} <= {*names}
    looking.seen_everywhere(visitor, "trace-in-production")


def test_there_is_no_workbench_in_production(visitor: Any) -> None:
    for address in ("/", "/workbench/nitrous-oxide", "/workbench/cases.json"):
        assert visitor.goto(address).status == 404, address
        assert "nitrous" not in visitor.inner_text("body")
