"""The suite itself: pages that do what none of ours may do are found out, each for its own fault."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import pytest

from browser import looking
from browser.watching import Watch

_POLICY: Final = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src *; img-src *"
_FRAME: Final = '<!doctype html><html lang="en"><title>x</title><main id="main"><h1>x</h1>{}</main>'
SCRIPTS: Final = {
    "elsewhere": 'fetch("http://elsewhere.example/").catch(() => {})',
    "missing": 'fetch("/nowhere")',
    "complains": 'console.error("trouble")',
    "throws": 'throw new Error("trouble")',
    "box": "alert(1)",
}


class _Bad(BaseHTTPRequestHandler):
    """Serves a page for each fault; what is in its script is in `SCRIPTS`."""

    def do_GET(self) -> None:
        name = self.path.strip("/")
        pages = {"inline": "<script>document.title = 'ran'</script>", "wide": '<img alt="" width="2000" height="9">'}
        if name.endswith(".js"):
            self._send("text/javascript", SCRIPTS[name.removesuffix(".js")])
        elif name in SCRIPTS:
            self._send("text/html", _FRAME.format(f'<script src="/{name}.js"></script>'))
        elif name in (*pages, "fine"):
            self._send("text/html", _FRAME.format(pages.get(name, "")))
        else:
            self.send_error(404)

    def _send(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bad)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def seen(chromium: Any, address: str) -> list[str]:
    """What is said against a page after it has come to rest."""
    context = chromium.new_context()
    watch = Watch(address.rpartition("/")[0])
    watch.follow(context)
    page = context.new_page()
    page.goto(address)
    page.wait_for_timeout(300)
    context.close()
    return [fault for fault in watch.faults if "favicon" not in fault]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("elsewhere", "asked elsewhere: http://elsewhere.example/"),
        ("missing", "answered with 404"),
        ("complains", "error on the console: trouble"),
        ("throws", "error in a script: trouble"),
        ("box", "opened a box: alert"),
        ("inline", "security policy: script-src"),
    ],
)
def test_fault_is_found(chromium: Any, bad: str, name: str, words: str) -> None:
    assert any(words in fault for fault in seen(chromium, f"{bad}/{name}")), seen(chromium, f"{bad}/{name}")


def test_page_without_fault_passes(chromium: Any, bad: str) -> None:
    assert [one for one in seen(chromium, f"{bad}/fine") if "404" not in one] == []


def test_bad_looks_are_found(chromium: Any) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 700})
    page.set_content(
        """<html lang="en"><title>x</title><h1>One</h1><h3>Three</h3><img src="data:,">
        <div style="width: 900px">wide</div><button style="outline: none">no focus seen</button>
        <p style="height: 1em; overflow: hidden">Much more text than there is room for in this place, in two lines</p>
        <p style="color: #ccc; background: #fff">faint</p>"""
    )
    rules = {one.partition(":")[0] for one in looking.violations(page)}
    assert {"image-alt", "color-contrast", "heading-order"} <= rules
    assert "900" in looking.beyond(page)[0] or "908" in looking.beyond(page)[0]
    assert looking.headings(page) == ["h3 after h1: Three"]
    assert any("cut off" in one for one in looking.enlarged(page))
    assert looking.keyboard(page) == ['button "no focus seen" has no visible focus']
    assert looking.skips(page) == ['the first Tab leads to button "no focus seen", not to a link past the navigation']
    page.close()
