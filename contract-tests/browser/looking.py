"""What one can ask of a page in the browser, each answered with a list of what is wrong (empty: all is well)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from browser import SHOTS, tools

WIDTHS: Final = (1280, 390)
"""A laptop and a phone, in CSS pixels."""

SCHEMES: Final = ("light", "dark")

REFLOW: Final = 320
"""WCAG 1.4.10: nothing needs sideways scrolling at this width."""

_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_HEIGHT: Final = 900
_SHOT_MS: Final = 60_000
"""Some pages are very long."""

_SCRIPT: Final = (Path(__file__).parent / "looking.js").read_text("utf-8")


def _ask(page: Any, what: str, about: object = None) -> Any:
    """What this function of looking.js says."""
    return page.evaluate(f"(about) => ({_SCRIPT.rstrip().rstrip(';')}).{what}(about)", about)


def violations(page: Any) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA, and against its own best practice. It waits for timers of the
    page, so it never ends on one whose scripts are switched off."""
    if page.evaluate("() => !window.axe"):
        page.evaluate(tools.axe())
    options = {"runOnly": {"type": "tag", "values": _RULES}, "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [
        f"{one['id']}: {one['help']}: " + "; ".join(_node(node) for node in one["nodes"][:4])
        + (f" and {len(one['nodes']) - 4} more" if len(one["nodes"]) > 4 else "")
        for one in found
    ]  # fmt: skip


def _node(node: dict[str, Any]) -> str:
    told = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return f"{' '.join(map(str, node['target']))} ({told[0][:160] if told else ''}) {node['html'][:120]}"


def beyond(page: Any) -> list[str]:
    """What makes the page wider than its window."""
    return list(_ask(page, "beyond"))


def headings(page: Any) -> list[str]:
    """What is wrong with the order of the headings that are shown."""
    return list(_ask(page, "headings"))


def overlaps(page: Any, drawings: str) -> list[str]:
    """Words that lie over each other in drawings of this sort, a CSS selector."""
    return list(_ask(page, "overlaps", drawings))


def sized(page: Any, width: int, height: int = _HEIGHT) -> None:
    """Give the window this size."""
    page.set_viewport_size({"width": width, "height": height})


def fine(faults: Sequence[str], where: str) -> None:
    """Fail with all of the faults, when there are any."""
    assert not faults, "\n".join([where, *faults])


def seen_everywhere(page: Any, name: str) -> None:
    """Hold a page to everything that can be seen, at each width, light and dark, and keep screenshots.

    Raises:
        AssertionError: something is wrong with it.
    """
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            sized(page, width)
            shot(page, f"{name}-{width}-{scheme}")
            if (width, scheme) != (WIDTHS[1], SCHEMES[1]):  # its colors and its layout have been judged by then
                fine(violations(page), f"{width} px, {scheme}")
            fine(beyond(page), f"{width} px")
    fine(headings(page), "headings")
    sized(page, REFLOW)
    fine(beyond(page), f"{REFLOW} px")
    page.emulate_media(color_scheme=SCHEMES[0])
    sized(page, WIDTHS[0])


def enlarged(page: Any) -> list[str]:
    """What does not fit when text is set wider apart (WCAG 1.4.12), or has twice its size (1.4.4)."""
    _ask(page, "spaced")
    found = [f"spaced text: {one}" for one in (*beyond(page), *_ask(page, "cut"))]
    _ask(page, "spaced", about=True)
    _ask(page, "zoomed", "200%")
    found += [f"text of 200 %: {one}" for one in (*beyond(page), *_ask(page, "cut"))]
    _ask(page, "zoomed", "")
    return found


def keyboard(page: Any, most: int = 150) -> list[str]:
    """Go through the page with Tab: what cannot be seen when it has the focus."""
    wrong: list[str] = []
    _ask(page, "rewind")
    for reached in range(most):
        page.keyboard.press("Tab")
        at = _ask(page, "focused")
        if at is None or at["met"]:
            return wrong if reached else ["nothing can be reached with Tab"]
        wrong += [f"{at['what']} has no visible focus"] if not at["marked"] else []
        wrong += [f"{at['what']} is outside the window"] if not at["inside"] else []
        wrong += [f"{at['what']} is covered"] if at["covered"] else []
    return wrong


def skips(page: Any) -> list[str]:
    """What is wrong with the first link, which leads past the navigation."""
    _ask(page, "rewind")
    page.keyboard.press("Tab")
    at = _ask(page, "focused")
    if at is None or not at["skip"]:
        return [f"the first Tab leads to {at and at['what']}, not to a link past the navigation"]
    wrong = [] if at["inside"] and not at["covered"] else ["the skip link cannot be seen when it has the focus"]
    page.keyboard.press("Enter")
    there = _ask(page, "focused")
    return wrong if there and there["id"] == "main" else [*wrong, f"the skip link leads to {there and there['what']}"]


def shot(page: Any, name: str, *, whole: bool = True) -> None:
    """Keep a screenshot."""
    page.screenshot(path=str(SHOTS / f"{named(name)}.png"), full_page=whole, animations="disabled", timeout=_SHOT_MS)


def named(text: str) -> str:
    """A text as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")
