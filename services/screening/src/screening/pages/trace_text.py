"""Traces as plain text, for a terminal: `make demo ... WHY=1`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from screening.pages import trace_words

_Told = Mapping[str, Any]


def one(told: _Told) -> str:
    """The document of `trace.found` as text."""
    traces = told["traces"]
    lines = [f"Call {told['hookInstance']}. {trace_words.how_many(len(traces))}"]
    for trace in traces:
        lines += ["", *_call(trace)]
    return "\n".join(lines) + "\n"


def latest(told: _Told) -> str:
    """The document of `trace.latest` as text."""
    lines = [told["about"], ""]
    for call in told["calls"]:
        lines.append(f"{call['at']}  {call['client']}  {call['service']}  [{call['outcome']}]  {call['hookInstance']}")
        lines.append(f"    {call['sentence']}")
    return "\n".join([*lines, *([] if told["calls"] else [trace_words.NO_CALLS])]) + "\n"


def _call(trace: _Told) -> Iterator[str]:
    yield f"Why: {trace['sentence']}"
    for card in trace["answer"]["cards"]:
        yield f"  card {card['topic']} [{card['indicator']}] {card['uuid']}"
        yield f"    {card['because']}"
    if trace["tier"] is not None:
        yield from ("", f"The movement disorder: {trace['tier']['tier']}: {trace['tier']['because']}")
        yield from _facts(trace["tier"])
    if trace["modules"]:
        yield from ("", "Workups:")
    for module in trace["modules"]:
        asked = "asked for" if module["askedFor"] else "not asked for"
        yield f"  {module['module']:<5} {module['state']}: {module['because']} ({module['cameOfIt']})"
        yield f"        {asked}: {module['askedBecause']}"
        yield from _facts(module)
    if trace["orderRules"]:
        yield from ("", "Order rules:")
    for rule in trace["orderRules"]:
        yield f"  {rule['rule'] or 'selected orders'}: {rule['because']} ({rule['cameOfIt']})"
        yield from _facts(rule)
    if trace["heldBack"]:
        yield from ("", f"{trace_words.held_back(len(trace['heldBack']))}:")
    for held in trace["heldBack"]:
        yield f"  {held['what']}: {held['words']}"  # which say until when
    if trace["data"]:
        yield from ("", "Data:", *_data(trace["data"]))
    yield from ("", *trace_words.particulars(trace))


def _facts(told: _Told) -> Iterator[str]:
    for fact in told["facts"]:
        yield f"        fact: {trace_words.fact(fact)}"


def _data(data: Iterable[_Told]) -> Iterator[str]:
    for prefetch, fetched, names in trace_words.together(data):
        server = "" if fetched == trace_words.NOT_ASKED else f"; FHIR server: {fetched}"
        yield f"  prefetch {prefetch}{server}: {', '.join(names)}"
