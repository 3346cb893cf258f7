"""Traces as pages: one call or several of one hookInstance, and the list of the latest; no script, all escaped."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from screening.pages import filters, look, trace_words
from screening.pages.look import LINES, table

_Told = Mapping[str, Any]

_HEADING: Final = Markup("<h2>{}</h2>")
_SUBHEADING: Final = Markup("<h3>{}</h3>")
_PARAGRAPH: Final = Markup("<p>{}</p>")
_SENTENCE: Final = Markup("<p><strong>{}</strong></p>")
_CODE: Final = Markup("<code>{}</code>")
_ITEM: Final = Markup("<li>{}</li>")
_LIST: Final = Markup("<ul>\n{}\n</ul>")
_LINK: Final = Markup('<a href="{}">{}</a>')
_BADGE: Final = Markup('<span class="badge {}">{}</span>')
_HEAD: Final = Markup("""<p>Call <code>{}</code>. {}</p>
<p class="note">{}</p>
<p><a href="../trace">The latest calls</a></p>""")
_OUTCOMES: Final = {"": "all", **{name: name for name in trace_words.OUTCOMES}}
_BADGES: Final = {"cards": "signed", "silent": "", "refused": "overdue", "failed": "overdue"}
_FACTS: Final = Markup('<span class="meta">{}</span>')


def one(told: _Told) -> str:
    """The document of `trace.found` as HTML."""
    traces = told["traces"]
    head = _HEAD.format(told["hookInstance"], trace_words.how_many(len(traces)), told["about"])
    body = LINES.join([head, *(_call(trace) for trace in traces)])
    return look.page("Why this answer", body, depth=1, current=look.TRACE)


def latest(told: _Told) -> str:
    """The document of `trace.latest` as HTML."""
    parts = [_PARAGRAPH.format(told["about"]), _filters(told)]
    if told["calls"]:
        parts.append(
            table(("When (UTC)", "Client", "Service", "What came of it", "Why"), map(_row, told["calls"]), stacks=True)
        )
    else:
        parts.append(_PARAGRAPH.format(trace_words.NO_CALLS))
    return look.page("The latest calls", LINES.join(parts), current=look.TRACE)


def _filters(told: _Told) -> Markup:
    return filters.form(
        "trace",
        "Calls",
        filters.choice("What came of it", "outcome", _OUTCOMES, told["outcome"]),
        filters.text("Client", "client", told["client"]),
    )


def _row(call: _Told) -> Sequence[str | Markup]:
    at = look.moment(call["at"])
    return (
        _LINK.format(f"trace/{call['hookInstance']}", at) if call["hookInstance"] else at,
        _LINK.format(f"trace?client={call['client']}", call["client"]),
        call["service"],
        _badge(call["outcome"]),
        call["sentence"],
    )


def _badge(outcome: str) -> Markup:
    return _BADGE.format(_BADGES.get(outcome, ""), outcome)


def _call(trace: _Told) -> Markup:
    parts = [
        _HEADING.format(Markup("{}, {} UTC").format(trace["service"], look.moment(trace["at"]))),
        Markup("{}{}").format(_badge(trace["outcome"]), _SENTENCE.format(trace["sentence"])),
    ]
    if trace["answer"]["cards"]:
        parts += [_SUBHEADING.format("Cards"), _cards(trace["answer"]["cards"])]
    if trace["tier"] is not None:
        tier = trace["tier"]
        parts += [
            _SUBHEADING.format("The movement disorder"),
            _PARAGRAPH.format(Markup("<strong>{}</strong>: {}{}").format(tier["tier"], tier["because"], _facts(tier))),
        ]
    if trace["modules"]:
        parts += [_SUBHEADING.format("Workups"), _modules(trace["modules"])]
    if trace["orderRules"]:
        parts += [_SUBHEADING.format("Order rules"), _rules(trace["orderRules"])]
    if trace["heldBack"]:
        parts += [_SUBHEADING.format(trace_words.held_back(len(trace["heldBack"]))), _held(trace["heldBack"])]
    if trace["data"]:
        parts += [_SUBHEADING.format("Data"), _data(trace["data"])]
    parts += [_SUBHEADING.format("The call"), _list(trace_words.particulars(trace))]
    return LINES.join(parts)


def _cards(cards: Iterable[_Told]) -> Markup:
    rows = ((card["topic"], card["indicator"], card["because"], _CODE.format(card["uuid"])) for card in cards)
    return table(("Card", "Indicator", "Because", "uuid"), rows, stacks=True)


def _modules(modules: Iterable[_Told]) -> Markup:
    rows = (
        (
            Markup("{} ({})").format(one["label"], one["module"]),
            _CODE.format(one["state"]),
            Markup("{}{}").format(one["because"], _facts(one)),
            one["cameOfIt"],
            f"{'yes' if one['askedFor'] else 'no'}: {one['askedBecause']}",
        )
        for one in modules
    )
    return table(("Workup", "State", "What decided", "Card", "Asked for"), rows, stacks=True)


def _rules(rules: Iterable[_Told]) -> Markup:
    rows = (
        (_CODE.format(one["rule"] or "-"), one["cameOfIt"], Markup("{}{}").format(one["because"], _facts(one)))
        for one in rules
    )
    return table(("Rule", "Came to", "What decided"), rows, stacks=True)


def _held(held: Iterable[_Told]) -> Markup:
    rows = (
        (_CODE.format(one["what"]), one["words"], trace_words.HELD_BY.get(one["by"], one["by"]), one["until"] or "-")
        for one in held
    )
    return table(("Finding", "Held back because", "By", "Until"), rows, stacks=True)


def _data(data: Iterable[_Told]) -> Markup:
    rows = (
        (prefetch, fetched, Markup(", ").join(_CODE.format(name) for name in names))
        for prefetch, fetched, names in trace_words.together(data)
    )
    return table(("Prefetch", "FHIR server", "Keys"), rows, stacks=True)


def _facts(told: _Told) -> Markup:
    facts = told["facts"]
    return _FACTS.format("; ".join(trace_words.fact(one) for one in facts)) if facts else Markup("")


def _list(lines: Iterable[str]) -> Markup:
    return _LIST.format(LINES.join(_ITEM.format(line) for line in lines))
