"""What is sent: requests that keep the OpenAPI document, requests that break it, and real calls bent here and there."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import schemathesis
from contract.exchanges import FOLDER, load
from hypothesis import strategies as st
from schemathesis import GenerationMode

NAMES: Final = ("order-select-epic", "order-select-sandbox", "order-sign", "patient-view-epic", "patient-view-mixed")
"""Recorded and made exchanges that are bent; each fits the services of its own hook."""

_HEADERS: Final = (
    "Accept", "Accept-Encoding", "Accept-Language", "Cookie", "If-None-Match", "Origin", "Prefer", "Range", "Referer",
    "User-Agent", "X-Forwarded-For", "X-Request-Id",
)  # fmt: skip
_PRINTABLE: Final = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc", "Zs"]), max_size=60
)
_KEYS: Final = st.one_of(
    st.sampled_from(["resourceType", "id", "code", "entry", "link", "value", "status"]), st.text(max_size=8)
)
_LEAVES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            "Patient",
            "Bundle",
            "Observation",
            "OperationOutcome",
            "2026-02-30",
            "http://loinc.org",
            "2132-9",
            "1e999",
        ]
    ),
)
_JSON: Final = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)

_BENT_SHARE: Final = 6
"""Bent bodies reach further than made ones, and cost a tenth: so many of them for one right and one wrong one."""

_REAL_PATHS: Final = {
    "/explanations/{rest}": ("vitamin-b12", "copper-wilson", "iron-nbia"),
    "/explanations-assets/{rest}": ("site.css", "icon.svg"),
    "/fhir/{rest}": (
        "metadata",
        "ValueSet",
        "CodeSystem",
        "PlanDefinition",
        "Library",
        "ValueSet/x",
        "CodeSystem/topics",
    ),
}
"""What there is at addresses with a part that varies; a made one hardly ever hits it."""

Case = Any
"""A `schemathesis.Case`."""


def of(operation: Any, services: Mapping[str, Mapping[str, Any]]) -> st.SearchStrategy[Case]:
    """All requests to try on one operation.

    Args:
        operation: a `schemathesis` operation.
        services: path -> service as discovery describes it, for the paths of calls.
    """
    kinds = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE)]
    if _can_be_wrong(operation):
        kinds.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    if real := _real_bodies(operation, services):
        kinds += [_bent_bodies(operation, real)] * _BENT_SHARE
    if values := _REAL_PATHS.get(operation.path):
        kinds.append(st.sampled_from(values).map(lambda value: operation.Case(path_parameters={"rest": value})))
    chosen = st.integers(0, len(kinds) - 1).flatmap(lambda number: kinds[number])
    return st.builds(_surrounded, chosen, _surroundings(), _queries())


def _can_be_wrong(operation: Any) -> bool:
    """Whether the document says anything of this operation's requests that could be broken."""
    raw = operation.definition.raw
    return bool(raw.get("requestBody") or raw.get("parameters"))


def _surroundings() -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(_HEADERS), _PRINTABLE, max_size=3)


def _queries() -> st.SearchStrategy[dict[str, str]]:
    some = st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=20), min_size=1, max_size=3)
    return st.one_of(st.just({}), st.just({}), some)


def _surrounded(case: Case, headers: Mapping[str, str], query: Mapping[str, str]) -> Case:
    """The request with further headers and a query, of which the document says nothing."""
    for name, value in headers.items():
        case.headers.setdefault(name, value)
    case.query = {**(case.query or {}), **query}
    return case


def _real_bodies(operation: Any, services: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Bodies as EHRs send them to this operation; none if it takes none."""
    if operation.path in services:
        return [json.loads(json.dumps(call)) for call in _calls(services[operation.path])]
    if operation.path.endswith("/feedback"):
        return [case["body"] for case in json.loads((FOLDER / "feedback.json").read_text("utf-8"))["cases"]]
    return []


def _bent_bodies(operation: Any, real: list[dict[str, Any]]) -> st.SearchStrategy[Case]:
    changes = st.lists(st.tuples(st.integers(0, 2**31), st.one_of(_JSON, st.just(_GONE))), min_size=1, max_size=4)
    bodies = st.builds(lambda number, bent: _bent(real[number], bent), st.integers(0, len(real) - 1), changes)
    return bodies.map(lambda body: operation.Case(body=body, media_type="application/json"))


def _calls(service: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    today = datetime.now(UTC).date()
    for name in NAMES:
        for exchange in load(name):
            if exchange.hook == service["hook"]:
                yield exchange.request(service.get("prefetch") or {}, today)


_GONE: Final = object()
"""Stands for a member or an entry that is taken out."""


def _bent(call: Mapping[str, Any], changes: list[tuple[int, Any]]) -> dict[str, Any]:
    """The call with a few of its places replaced or gone."""
    body = copy.deepcopy(dict(call))
    for number, value in changes:
        places = list(_places(body))
        if not places:
            break
        holder, key = places[number % len(places)]
        if value is _GONE:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(value)
    return body


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (holder, key) of every value in a JSON document."""
    items: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        items = list(node.items())
    elif isinstance(node, list):
        items = list(enumerate(node))
    for key, value in items:
        yield node, key
        yield from _places(value)


def operations(document: Mapping[str, Any]) -> list[tuple[Any, bool]]:
    """The operations of an OpenAPI document, each with whether it asks who calls.

    They are made without their security: else the tool spends a third of its requests on leaving the token out.
    """
    open_to_all = copy.deepcopy(dict(document))
    guarded = set()
    for path, methods in open_to_all["paths"].items():
        for method, operation in methods.items():
            if operation.pop("security", None):
                guarded.add((path, method.upper()))
    schema = schemathesis.openapi.from_dict(open_to_all)
    found = [each.ok() for each in schema.get_all_operations()]
    return [(operation, (operation.path, operation.method.upper()) in guarded) for operation in found]


Sender = Callable[[Case], Any]
"""Sends a request; the answer as `requests` has it."""
