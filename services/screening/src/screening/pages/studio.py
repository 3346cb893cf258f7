"""GET /studio: every card that the service can emit, with what a review board wants to know; and the same as one file.

For the operator: the gateway asks who wants to know. The patients are synthetic.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, request
from markupsafe import Markup

from chassis.problems import Problem
from chassis.serving import turns
from screening.dialects.table import DIALECTS, STRICT
from screening.knowledge.topics import KINDS
from screening.pages import look, studio_export, studio_facts, studio_html, studio_query
from screening.pages.card_html import INDICATORS
from screening.pages.studio_cards import Shown
from screening.pages.studio_query import DELIVERED, HOOKS, NOTHING, Query
from screening.pages.studio_shown import Studio, View
from screening.preview import ANYBODY

_STYLES: Final = ("cards.css", "studio.css")
_MODULES: Final = tuple(dict.fromkeys(module for module, _ in KINDS))
_BODY: Final = Markup("""<p class="opening">Every card that the service can emit, of {specimens} synthetic patients,
made by the rules and the renderer that serve calls, as of {as_of}. {status}</p>
<p>Clinical rules {version}. {settings} No mode hides a rule here, and nothing is remembered.</p>
<p>All this as one file for a review board: <a href="{export}">look at it</a>, and print it to PDF, or
<a href="{export}" download="cards.html">save it</a> to send it.</p>
{filters}
<h2 id="changes">{compared}</h2>
{changes}
<h2 id="limits">Limits</h2>
<p>The longest texts of all cards; the worst cases have names, reasons and an approver that are as long as may be.</p>
{limits}
<h2 id="contents">Contents</h2>
<p role="status">{count}</p>
{index}
{cards}""")
_FILTERS: Final = Markup("""<form class="studio-filters" method="get" action="studio" role="search" aria-label="Cards">
{choices}
<label>Words<input type="search" name="text" value="{text}" maxlength="200"></label>
<label class="check"><input type="checkbox" name="changed" value="1"{changed}>Only what changed</label>
<button type="submit">Show</button>
</form>""")
_CHOICE: Final = Markup('<label>{}<select name="{}">\n{}\n</select></label>')
_OPTION: Final = Markup('<option value="{}"{}>{}</option>')
_NONE: Final = Markup('<p class="nothing">No card is like that. <a href="studio">Show all</a></p>')
_MOST: Final = 4
"""How many requests may be here at a time in one process: one whose page is made, and those that wait for theirs."""


def blueprint(studio: Studio, clock: Callable[[], datetime]) -> Blueprint:
    """The routes."""
    views = Blueprint("studio", __name__)
    alone = _one_at_a_time()

    def asked() -> Query:
        return studio_query.read(request.args, _MODULES, studio.clients, studio.versions)

    @views.get("/studio")
    def page() -> Response:
        """The page, or what is on it as JSON."""
        query = asked()
        with alone():
            view = studio.view(query)
            if look.preferred(look.HTML, look.JSON) == look.JSON:
                text = json.dumps(told(studio, view), ensure_ascii=False)
                return Response(text, mimetype=look.JSON, headers=look.GUARD)
            html = look.page("Card studio", _body(studio, view), styles=_STYLES, current=look.STUDIO)
            return Response(html, headers=look.GUARD)

    @views.get("/studio/export.html")
    def export() -> Response:
        """The file."""
        query = asked()
        guard = {**look.GUARD, "Content-Security-Policy": f"{studio_export.policy()}; frame-ancestors 'none'"}
        with alone():
            return Response(studio_export.html(studio, studio.view(query), clock().date()), headers=guard)

    return views


def _one_at_a_time() -> Callable[[], AbstractContextManager[None]]:
    """What is put around making a page. That takes a second and more of the interpreter, in which hooks are answered,
    too: pages made side by side would be no sooner there, and calls would be late."""
    room, making = threading.BoundedSemaphore(_MOST), threading.Lock()

    @contextmanager
    def alone() -> Iterator[None]:
        if not room.acquire(blocking=False):
            raise Problem(
                503, "The studio makes one page after the other, and several are asked for. Try again in some seconds.",
                headers={"Retry-After": "5"},
            )  # fmt: skip
        try:
            with turns.aside():
                making.acquire()
            try:
                yield
            finally:
                making.release()
        finally:
            room.release()

    return alone


def told(studio: Studio, view: View) -> dict[str, Any]:
    """What is on the page, for machines."""
    return {
        "rulesVersion": studio.rules_version,
        "asOf": studio_html.as_of(),
        "settings": list(studio.settings()),
        "against": view.against,
        "removed": view.removed,
        "cards": [_told(view, one) for one in view.shown],
    }


def _told(view: View, one: Shown) -> dict[str, Any]:
    change = view.changes.get(one.anchor)
    lengths = studio_facts.lengths(one.card, one.finding)
    return {
        "specimen": one.anchor,
        "story": one.specimen.story,
        "hook": one.specimen.hook,
        "card": one.card,
        "lengths": [{"what": each.what, "characters": each.characters, "limit": each.limit} for each in lengths],
        "citations": [
            {"text": source.text, "key": source.key, "status": source.status}
            for source in studio_facts.sources(one.finding, view.texts)
        ],
        "signOff": studio_facts.sign_off(one.finding, view.texts),
        "change": change.what if change is not None else "",
    }


def _body(studio: Studio, view: View) -> Markup:
    query = view.query
    return _BODY.format(
        specimens=len({one.specimen.id for one in view.every}),
        as_of=studio_html.as_of(),
        status=studio_html.status_badge(),
        version=studio.rules_version,
        settings=" ".join(studio.settings()),
        export=f"studio/export.html{query.address}",
        filters=_filters(studio, query),
        compared=studio_export.compared(view),
        changes=studio_export.changes(view),
        limits=studio_html.limits(view.every),
        count=f"{len(view.shown)} of {len(view.every)} cards.",
        index=studio_html.index(view.shown) if view.shown else _NONE,
        cards=studio_html.specimens(view, version=studio.rules_version, base=""),
    )


def _filters(studio: Studio, query: Query) -> Markup:
    choices = [
        _choice("Module or order rule", "module", query.module, _all(_MODULES)),
        _choice("Indicator", "indicator", query.indicator, {"": "all", **INDICATORS}),
        _choice("Hook", "hook", query.hook, _all(HOOKS)),
        _choice(
            "As it goes to", "dialect", query.dialect, {name: name for name in DIALECTS} | {STRICT.name: "standard"}
        ),
        _choice("Compared with", "against", query.against, _comparisons(studio)),
    ]
    if studio.clients:
        choices.insert(
            4, _choice("Order codes of", "client", query.client, {ANYBODY: "nobody", **_same(studio.clients)})
        )
    return _FILTERS.format(
        choices=look.LINES.join(choices), text=query.text, changed=Markup(" checked") if query.changed else ""
    )


def _comparisons(studio: Studio) -> Mapping[str, str]:
    return {
        "": "the release before",
        **_same(studio.versions),
        DELIVERED: "the rules as delivered",
        NOTHING: "nothing",
    }


def _all(names: Iterable[str]) -> dict[str, str]:
    return {"": "all", **_same(names)}


def _same(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def _choice(label: str, name: str, chosen: str, options: Mapping[str, str]) -> Markup:
    selected = Markup(" selected")
    listed = (_OPTION.format(value, selected if value == chosen else "", words) for value, words in options.items())
    return _CHOICE.format(label, name, look.LINES.join(listed))
