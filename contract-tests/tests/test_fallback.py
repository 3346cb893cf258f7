"""Through the public door: what the prefetch lacks is asked of the FHIR server that the call names.

The server is a stand-in on loopback that holds one synthetic patient, gives two entries a page and wants a token.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from contract import judge
from contract.client import Client
from contract.corpus import ONE_OF_EACH
from contract.stack import own_stack, served
from scenarios.expected import expected, shown

from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

TOKEN = "synthetic-token-of-one-call"
PAGE = 2
DELIVERED = [each for each in ONE_OF_EACH if not each.get("not_delivered")]
CASES = [each for n, each in enumerate(DELIVERED) if n % 3 == 0 or each["hook"] == "order-sign"]
"""Every third of one scenario for each card; `make engine` asks them all of an engine not written here."""


@dataclass
class Ehr:
    """A FHIR server of one patient.

    Attributes:
        resources: what it holds.
        token: the one that it wants; empty: it is open.
        broken: a resource type whose searches end with 500.
        asked: (method, path, Authorization) of every request.
    """

    today: date
    resources: list[dict[str, Any]] = field(default_factory=list)
    token: str = TOKEN
    broken: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        path, authorization = environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION", "")
        self.asked.append((environ["REQUEST_METHOD"], path, authorization))
        status, answer = self._answer(environ, path, body or unquote(environ["QUERY_STRING"]), authorization)
        start_response(status, [("Content-Type", "application/fhir+json")])
        return [json.dumps(answer).encode()]

    def _answer(self, environ: Mapping[str, Any], path: str, query: str, authorization: str) -> tuple[str, Any]:
        outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
        kind = path.removeprefix("/fhir/").partition("/")[0]
        if self.token and authorization != f"Bearer {self.token}":
            return "401 Unauthorized", outcome
        if kind == self.broken:
            return "500 Internal Server Error", outcome
        parameters = parse_qsl(query)
        offset = int(dict(parameters).get("_offset", 0))
        plain = "&".join(f"{name}={value}" for name, value in parameters if name != "_offset")
        asked = f"{path.removeprefix('/fhir/').removesuffix('/_search')}{'?' if plain else ''}{plain}"
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in self.resources]}
        found = answer_prefetch(bundle, {"it": asked}, {}, self.today)["it"]
        if found is None:
            return "404 Not Found", outcome
        if found["resourceType"] == "Bundle":
            found = copy.deepcopy(found)
            entries = found.get("entry", [])
            found["entry"] = entries[offset : offset + PAGE]
            if len(entries) > offset + PAGE:
                base = f"http://{environ['HTTP_HOST']}/fhir/{kind}"
                found["link"] = [{"relation": "next", "url": f"{base}?{plain}&_offset={offset + PAGE}"}]
        return "200 OK", found


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A stack that waits long for the EHR: what is held here is what is said, not how fast."""
    with own_stack(tmp_path_factory.mktemp("fallback"), {"ANSWER_WITHIN_MS": "20000"}) as stack:
        yield Client(stack.gateway)


@pytest.fixture
def ehr(today: date) -> Ehr:
    return Ehr(today)


@pytest.fixture
def base(ehr: Ehr) -> Iterator[str]:
    with served(ehr) as server:
        yield f"{server.url}/fhir"


def whole_call(client: Client, scenario: Mapping[str, Any], base: str, today: date) -> tuple[str, dict[str, Any]]:
    """The address and the call with everything in its prefetch."""
    service = client.services()[scenario["hook"]]
    call = wire.call(scenario, service["prefetch"], today, answer_prefetch)
    authorization = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read"}
    return f"/cds-services/{service['id']}", {**call, "fhirServer": base, "fhirAuthorization": authorization}


def without(call: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {**call, "prefetch": {key: value for key, value in call["prefetch"].items() if key not in keys}}


@pytest.mark.promise("R23", "R30", "R31", "R37", "T62", "T72")
@pytest.mark.parametrize("scenario", CASES, ids=[each["id"] for each in CASES])
@pytest.mark.parametrize(
    "token", [pytest.param(TOKEN, id="secured"), pytest.param("", id="open", marks=pytest.mark.wide)]
)
def test_fetched_is_as_good_as_prefetched(
    unhurried: Client, ehr: Ehr, base: str, today: date, scenario: dict[str, Any], token: str
) -> None:
    ehr.token, ehr.resources = token, wire.chart(scenario, today)
    address, call = whole_call(unhurried, scenario, base, today)
    if not token:
        del call["fhirAuthorization"]
    delivered = unhurried.post(address, call)
    assert shown(delivered.json()) == expected(scenario["expect"]["cards"])
    assert ehr.asked == [], "nothing is missing, so nothing is asked for"
    fetched = unhurried.post(address, {key: value for key, value in call.items() if key != "prefetch"})
    assert fetched.status_code == 200, fetched.text[:400]
    assert fetched.json() == delivered.json()
    assert ehr.asked
    assert {authorization for _, _, authorization in ehr.asked} == {f"Bearer {token}" if token else ""}
    assert judge.faults(fetched.json()) == []


@pytest.mark.promise("R30", "R39")
def test_only_what_is_missing_is_asked_for(unhurried: Client, ehr: Ehr, base: str, today: date) -> None:
    scenario = next(each for each in CASES if each["hook"] == "patient-view" and each["expect"]["cards"])
    ehr.resources = wire.chart(scenario, today)
    address, call = whole_call(unhurried, scenario, base, today)
    answer = unhurried.post(address, without(call, "procedures"))
    assert shown(answer.json()) == expected(scenario["expect"]["cards"])
    assert {path for _, path, _ in ehr.asked} <= {"/fhir/Procedure/_search", "/fhir/Procedure"}
    assert ehr.asked


@pytest.mark.promise("R33", "R37")
def test_a_server_that_refuses_the_token_is_named_in_the_412(
    unhurried: Client, ehr: Ehr, base: str, today: date
) -> None:
    ehr.token = "another"
    address, call = whole_call(unhurried, CASES[0], base, today)
    answer = unhurried.post(address, without(call, "patient"))
    assert answer.status_code == 412
    (issue,) = answer.json()["issue"]
    assert issue["expression"] == ["prefetch.patient"]
    assert "401" in issue["details"]["text"]
    assert TOKEN not in answer.text


@pytest.mark.promise("R23", "R30")
def test_what_could_not_be_had_is_never_called_absent(unhurried: Client, ehr: Ehr, base: str, today: date) -> None:
    scenario = next(each for each in ONE_OF_EACH if any(c["module"] == "SCREEN" for c in each["expect"]["cards"]))
    ehr.resources, ehr.broken = wire.chart(scenario, today), "Observation"
    address, call = whole_call(unhurried, scenario, base, today)
    labs = [key for key in call["prefetch"] if key.startswith("labs_")]
    (card,) = unhurried.post(address, without(call, *labs)).json()["cards"]
    decision = card["extension"]["example.dystonia-cds.decision"]
    assert (decision["module"], decision["state"]) == ("DATA", "NOT_ASSESSED")
    assert "No result" not in card["detail"]


def test_the_cases_stand_for_all_kinds_of_cards() -> None:
    assert {each["hook"] for each in CASES} == {each["hook"] for each in ONE_OF_EACH}
    assert len({card["module"] for each in CASES for card in each["expect"]["cards"]}) > 5
