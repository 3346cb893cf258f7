"""The prefetch doctor as plain text, for a terminal: `make doctor`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from textwrap import indent
from typing import Any

from screening.pages.doctor_html import fetched, listed, time_taken

_Told = Mapping[str, Any]


def page(told: _Told) -> str:
    """The document of `doctor_told.told` as text."""
    return "\n".join(_lines(told)) + "\n"


def _lines(told: _Told) -> Iterator[str]:
    yield f"Prefetch doctor, since {told['since']}. {told['about']}"
    for one in told["clients"]:
        yield from ("", *_client(one))
    if not told["clients"]:
        yield from ("", "No call has been counted yet, or none of a client of this name.")
    yield from ("", "== Copy-paste sheet (keys and queries, character by character)")
    for group in told["sheet"]:
        yield from ("", group["title"])
        for row in group["keys"]:
            yield from _row(row)
    yield from ("", "== SMART scopes", "", "SMART 1: " + " ".join(told["scopes"]["v1"]))
    yield "SMART 2: " + " ".join(told["scopes"]["v2"])


def _client(one: _Told) -> Iterator[str]:
    yield f"== Client {one['client']}: calls {one['calls']}, looked into {one['lookedInto']}"
    yield "In order: every key came, none was renamed." if one["inOrder"] else "Not in order: see the departures."
    yield ""
    yield from _columns(one["keys"])
    for key in one["keys"]:
        if key["prefetch"]["errors"]:
            yield f"{key['key']}: errors were {listed(key['prefetch']['errors'])}"
        if key["ehr"]["latency"]:
            yield f"{key['key']}: fetched from the EHR: {fetched(key['ehr'])}; {time_taken(key['ehr']['latency'])}"
    if one["drift"]:
        yield from ("", "Departures from the templates:")
    for departure in one["drift"]:
        about = f"{departure['key']}: " if departure["key"] else ""
        yield f"  [{departure['weight']}] {about}{departure['words']}"
        if departure["change"]:
            yield indent(departure["change"], "      ")
    yield from _not_understood(one)


def _columns(keys: Iterable[_Told]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("key", "hit", "null", "absent", "partial", "error", "with data")]
    for key in keys:
        name = key["key"] if key["key"] == key["siteKey"] else f"{key['key']} as {key['siteKey']}"
        numbers = key["prefetch"]
        rows.append((name, *(str(numbers[outcome]) for outcome in rows[0][1:-1]), str(key["withData"])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield f"{row[0]:<{widths[0]}}  " + "  ".join(
            f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)
        )


def _not_understood(one: _Told) -> Iterator[str]:
    for title, codes in (
        ("Result codes that are not understood", one["localCodes"]),
        ("LOINC and SNOMED CT codes that no rule reads", one["standardCodes"]),
    ):
        if codes:
            yield from ("", f"{title}:")
        for code in codes:
            yield f"  {code['results']:>6}  {code['system']}|{code['code']}  (first under {code['key']})"
    if one["codesWithoutSystem"] or one["codesNotShown"]:
        yield ""
        yield f"Codes without a code system: {one['codesWithoutSystem']}; not shown: {one['codesNotShown']}"
    if one["units"]:
        yield from ("", "Units that could not be read:")
    for unit in one["units"]:
        yield f"  {unit['results']:>6}  {unit['analyte']}: {unit['unit'] or '(none)'}: {unit['reason']}"
    if one["conceptMap"]:
        yield from ("", "A ConceptMap to be filled in, for LOCAL_CODE_MAPS (docs/local-codes.md):")
        yield json.dumps(one["conceptMap"], indent=2)


def _row(row: _Told) -> Iterator[str]:
    yield f"  {row['key']}  ({row['resource']}: {row['why']}; {' '.join(row['scopes']['v2'])})"
    yield f"      {row['query']}"
    if row["withoutDates"]:
        yield f"      where today() cannot be filled in: {row['withoutDates']}"
