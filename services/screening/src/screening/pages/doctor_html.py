"""The prefetch doctor as a page: no script, and everything that a client sent is escaped."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from screening.pages import filters, look
from screening.pages.look import LINES, table

_Told = Mapping[str, Any]

_BODY: Final = Markup("""<p>What came of the data that we ask for, since {since}. {about} Names, codes and counts only:
nothing of a patient is kept here.</p>
{clients}
<h2>Copy-paste sheet</h2>
<p>For an EHR that does not read discovery: type in each key with its query, character by character. Tokens in double
braces are filled in by the EHR. Where it cannot fill in <code>today()</code>, take the query without dates: it brings
more and decides the same. Each group can be granted by itself; what is left out is fetched from the FHIR server where
that is agreed, and called not available otherwise.</p>
{sheet}
<h2>SMART scopes</h2>
<p>What the token of a call must allow, so that what did not come with the prefetch can be fetched. Take the narrowest
only where every laboratory result has that category: what the server keeps back looks as if it did not exist.</p>
{scopes}""")
_KEY: Final = Markup("""<h4><code>{key}</code>: {resource}</h4>
<p>For {why}. Without it: {without}.</p>
<pre>{query}</pre>""")
_UNDATED: Final = Markup("<p>Without dates:</p>\n<pre>{}</pre>")
_CODE: Final = Markup("<code>{}</code>")
_PRE: Final = Markup("<pre>{}</pre>")
_PARAGRAPH: Final = Markup("<p>{}</p>")
_HEADING: Final = Markup("<h3>{}</h3>")
_CLIENT: Final = Markup("""<h2>Client <code>{}</code></h2>
<p>Calls: {}, of which {} were looked into. With data: of these, how often something stood under the key.</p>""")
_COLUMNS: Final = (
    "Key", "Hit", "Null", "Absent", "Partial", "Error", "With data", "Fetched from the EHR", "Time it took",
)  # fmt: skip
_NOBODY: Final = Markup("<h2>Clients</h2>\n<p>No call has been counted yet, or none of a client of this name.</p>")
_IN_ORDER: Final = Markup("<p>In order: every key came, none was renamed.</p>")
_OUTCOMES: Final = ("hit", "null", "absent", "partial", "error")


def page(told: _Told) -> str:
    """The document of `doctor_told.told` as HTML."""
    clients = LINES.join(_client(one) for one in told["clients"]) if told["clients"] else _NOBODY
    body = _BODY.format(
        since=told["since"],
        about=told["about"],
        clients=LINES.join([_filters(told), clients]),
        sheet=LINES.join(_group(group) for group in told["sheet"]),
        scopes=_scopes(told),
    )
    return look.page("Prefetch doctor", body, current=look.DOCTOR)


def _filters(told: _Told) -> Markup:
    return filters.form("prefetch-doctor", "Clients", filters.text("Client", "client", told["client"]))


def _client(one: _Told) -> Markup:
    parts = [
        _CLIENT.format(one["client"], one["calls"], one["lookedInto"]),
        _IN_ORDER if one["inOrder"] else Markup(""),
        table(_COLUMNS, _keys(one), narrow=True),
    ]
    if one["drift"]:
        parts += [_HEADING.format("Departures from the templates"), _drift(one["drift"])]
    parts += [_not_understood(one)]
    return LINES.join(parts)


def _keys(one: _Told) -> Iterable[Sequence[str | Markup]]:
    for key in one["keys"]:
        name = _CODE.format(key["key"])
        if key["siteKey"] != key["key"]:
            name = Markup("{} as <code>{}</code>").format(name, key["siteKey"])
        ehr = key["ehr"]
        yield (name, *_numbers(key["prefetch"]), str(key["withData"]), fetched(ehr), time_taken(ehr["latency"]))


def _numbers(outcomes: _Told) -> list[str]:
    numbers = [str(outcomes[name]) for name in _OUTCOMES]
    if outcomes["errors"]:
        numbers[-1] += f" ({listed(outcomes['errors'])})"
    return numbers


def fetched(ehr: _Told) -> str:
    """What came of fetching a key, in words; a dash for a key that was never fetched."""
    said = [f"{name} {ehr[name]}" for name in _OUTCOMES[:-1] if ehr[name]]
    said += [listed(ehr["errors"])] if ehr["errors"] else []
    return ", ".join(said) or "-"


def time_taken(latency: _Told | None) -> str:
    """How long fetching took, in words."""
    if latency is None:
        return "-"
    longest = latency["longestBoundMs"]
    half, most = (
        f"up to {latency[name]} ms" if latency[name] is not None else f"over {longest} ms"
        for name in ("p50Ms", "p95Ms")
    )
    return f"mean {latency['meanMs']} ms, half {half}, 95 % {most}"


def listed(numbers: Mapping[str, int]) -> str:
    """Names with their numbers, the largest first."""
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items(), key=lambda one: -one[1]))


def _drift(drift: Iterable[_Told]) -> Markup:
    rows = (
        (
            one["weight"],
            _CODE.format(one["key"]) if one["key"] else "",
            Markup("{}{}").format(one["words"], _PRE.format(one["change"]) if one["change"] else ""),
        )
        for one in drift
    )
    return table(("Weight", "Key", "What, and what to do"), rows, stacks=True)


def _not_understood(one: _Told) -> Markup:
    parts: list[Markup] = []
    if one["localCodes"]:
        parts += [
            _HEADING.format("Result codes that are not understood"),
            _PARAGRAPH.format(
                "Map those that mean something to a rule with a FHIR ConceptMap (LOCAL_CODE_MAPS). This one is ready to"
                " be filled in: put the LOINC code and the equivalence equivalent for each code that you know; the"
                " others may stay or be deleted."
            ),
            _codes(one["localCodes"]),
            _PRE.format(json.dumps(one["conceptMap"], indent=2)),
        ]
    if one["standardCodes"]:
        parts += [
            _HEADING.format("LOINC and SNOMED CT codes that no rule reads"),
            _PARAGRAPH.format("Usually right: the EHR sends more results than it was asked for."),
            _codes(one["standardCodes"]),
        ]
    unnamed = [
        f"{one['codesWithoutSystem']} results had codes without a code system, which cannot be mapped."
        if one["codesWithoutSystem"]
        else "",
        f"{one['codesNotShown']} codes cannot be shown here: too many, or of a form that codes do not have."
        if one["codesNotShown"]
        else "",
    ]
    parts += [_PARAGRAPH.format(words) for words in unnamed if words]
    if one["units"]:
        parts += [
            _HEADING.format("Units that could not be read"),
            table(
                ("Analyte", "Unit", "Why", "Results"),
                (
                    (u["analyte"], _CODE.format(u["unit"] or "none"), u["reason"], str(u["results"]))
                    for u in one["units"]
                ),
                stacks=True,
            ),
        ]
    return LINES.join(parts)


def _codes(codes: Iterable[_Told]) -> Markup:
    return table(
        ("System", "Code", "Results", "First under"),
        (
            (_CODE.format(c["system"]), _CODE.format(c["code"]), str(c["results"]), _CODE.format(c["key"]))
            for c in codes
        ),
        stacks=True,
    )


def _group(group: _Told) -> Markup:
    parts = [_HEADING.format(group["title"])]
    for row in group["keys"]:
        parts += [_KEY.format_map(row)]
        parts += [_UNDATED.format(row["withoutDates"])] if row["withoutDates"] else []
    return LINES.join(parts)


def _scopes(told: _Told) -> Markup:
    together = told["scopes"]
    rows = (
        (
            _CODE.format(row["key"]),
            _CODE.format(" ".join(row["scopes"]["v1"])),
            _CODE.format(" ".join(row["scopes"]["v2"])),
            _CODE.format(" ".join(row["scopes"]["narrow"])),
        )
        for group in told["sheet"]
        for row in group["keys"]
    )
    return LINES.join(
        [
            _PARAGRAPH.format("SMART 1, all together:"),
            _PRE.format(" ".join(together["v1"])),
            _PARAGRAPH.format("SMART 2, all together:"),
            _PRE.format(" ".join(together["v2"])),
            table(("Key", "SMART 1", "SMART 2", "SMART 2, narrowest"), rows, stacks=True),
        ]
    )
