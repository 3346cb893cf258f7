"""The exchanges: calls with what they must be answered, as data.

A file of `exchanges/` holds one synthetic chart and several cases. The chart is answered into the prefetch
templates that discovery gives, as an EHR does; a case then says what goes wrong on the way:

* `deliver`: how keys arrive, by resource type, by a code that the template asks for (`code:1823-4`) or all (`*`):
  `absent`, `null`, `empty`, `outcome`, `text`, `list`
* `keys`: `renamed` puts every value under a key that nobody asked for
* `references`: a base URL; relative references become absolute ones
* `empties`: `epic` puts an OperationOutcome entry into every empty searchset
* `prefetch`: replaces the whole prefetch; `without` removes places (`context.userId`), `with` sets them

A file may name the `dialect` of the client that sends it. `expect` may then also say which orders are offered, in the
codes of the site (`offers`), which are only named, for want of a code (`by_hand`), and which drafts can be withdrawn.

A string `@today-20` is the date twenty days before the call.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from tryout.ehr import answer_prefetch

FOLDER: Final = Path(__file__).parents[1] / "exchanges"
_DATE: Final = re.compile(r"@today(?:-(\d+))?")
_NO_RESULT: Final = {
    "severity": "warning",
    "code": "not-found",
    "details": {"text": "Resource request returns no results."},
}
_FAILED: Final = {"severity": "error", "code": "exception", "details": {"text": "The search failed."}}


@dataclass(frozen=True)
class Exchange:
    """One call and what it must be answered.

    Attributes:
        name: file and case.
        hook: the hook it is sent to.
        case: the case as written.
        shared: what the file says for all its cases: `chart`, `call` and further options.
    """

    name: str
    hook: str
    case: Mapping[str, Any]
    shared: Mapping[str, Any]

    @property
    def expect(self) -> Mapping[str, Any]:
        """`status`, and for 200 the `cards`."""
        expect: Mapping[str, Any] = self.case["expect"]
        return expect

    @property
    def dialect(self) -> str:
        """The dialect of the client that sends it."""
        return str(self.shared.get("dialect", "strict"))

    def request(self, templates: Mapping[str, str], today: date) -> dict[str, Any]:
        """The body to send to a service with these prefetch templates."""
        options = {**self.shared, **self.case}
        body: dict[str, Any] = dated(copy.deepcopy(options["call"]), today)
        entries = [{"resource": resource} for resource in dated(options.get("chart", []), today)]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        prefetch = copy.deepcopy(answer_prefetch(bundle, templates, body["context"], today))
        prefetch = _delivered(prefetch, templates, options.get("deliver", {}))
        if options.get("empties") == "epic":
            _say_no_result(prefetch)
        if base := options.get("references"):
            _make_absolute(prefetch, base)
        if options.get("keys") == "renamed":
            prefetch = {f"site-{number}": value for number, value in enumerate(prefetch.values())}
        body["prefetch"] = options.get("prefetch", prefetch)
        for place in options.get("without", ()):
            holder, key = _place(body, place)
            holder.pop(key, None)
        for place, value in dated(options.get("with", {}), today).items():
            holder, key = _place(body, place)
            holder[key] = value
        return body


def load(*names: str) -> list[Exchange]:
    """The exchanges of these files (without `.json`), in order."""
    return [exchange for name in names for exchange in _read(FOLDER / f"{name}.json")]


def _read(path: Path) -> Iterator[Exchange]:
    shared = json.loads(path.read_text("utf-8"))
    for case in shared["cases"]:
        yield Exchange(f"{path.stem}: {case['name']}", case.get("hook", shared["hook"]), case, shared)


def dated(node: Any, today: date) -> Any:
    """A copy of JSON with `@today-N` replaced by that date."""
    if isinstance(node, dict):
        return {key: dated(value, today) for key, value in node.items()}
    if isinstance(node, list):
        return [dated(item, today) for item in node]
    if isinstance(node, str) and (match := _DATE.fullmatch(node)):
        return (today - timedelta(days=int(match[1] or 0))).isoformat()
    return node


def resource_type(template: str) -> str:
    """`Observation` of `Observation?patient=...`."""
    return re.split(r"[/?]", template)[0]


def _delivered(prefetch: dict[str, Any], templates: Mapping[str, str], how: Mapping[str, str]) -> dict[str, Any]:
    forms: dict[str, Any] = {
        "null": None,
        "empty": {"resourceType": "Bundle", "type": "searchset", "total": 0},
        "outcome": {"resourceType": "OperationOutcome", "issue": [_FAILED]},
        "text": '{"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resour',
        "list": [],
    }
    made = {}
    for key, value in prefetch.items():
        form = _form(templates[key], how)
        if form == "as answered":
            made[key] = value
        elif form != "absent":
            made[key] = copy.deepcopy(forms[form])
    return made


def _form(template: str, how: Mapping[str, str]) -> str:
    """How the key of this template arrives: what is said of a code it asks for, else of its type, else of all."""
    codes = [f"code:{code}" for code in re.findall(r"\|([^,&|]+)", template)]
    names = [*codes, resource_type(template), "*"]
    return next((how[name] for name in names if name in how), "as answered")


def _say_no_result(prefetch: Mapping[str, Any]) -> None:
    for value in prefetch.values():
        if isinstance(value, dict) and value.get("resourceType") == "Bundle" and not value.get("entry"):
            outcome = {"resourceType": "OperationOutcome", "issue": [_NO_RESULT]}
            value["entry"] = [{"resource": outcome, "search": {"mode": "outcome"}}]


def _make_absolute(node: Any, base: str) -> None:
    if isinstance(node, dict):
        reference = node.get("reference")
        if isinstance(reference, str) and re.fullmatch(r"[A-Z][A-Za-z]+/\S+", reference):
            node["reference"] = f"{base}/{reference}"
        for value in node.values():
            _make_absolute(value, base)
    elif isinstance(node, list):
        for item in node:
            _make_absolute(item, base)


def _place(body: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *parents, last = path.split(".")
    for name in parents:
        body = body[name]
    return body, last
