"""Route 5: the same patient by prefetch, by fallback, by pages and by any mix gives the same answer, byte by byte."""

import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from chart_builder import NOW
from scenario_files import written

from chassis.testing import CALLER, KEYS, signed
from screening.app import create_app
from screening.domain import screen
from screening.knowledge import loading
from screening.services import BY_ID, prefetch_templates
from screening.settings import Settings
from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

sys.path.insert(0, str(Path(__file__).parents[1] / "fhir"))

import stub_ehr
from stub_ehr import Asked, Reply, Stub

BASE = "https://dystonia-cds.example/fhir"
TEMPLATES = prefetch_templates(loading.code_book(), BASE)
SERVICE = {service.hook: service.id for service in BY_ID.values()}
SAMPLE = 60


def _samples() -> list[dict[str, Any]]:
    """Scenarios that lead to cards, spread over all files, and a few that do not.

    Not those that are asked for all the same: a key that holds another patient's data only counts as not delivered.
    """
    told = [
        case.scenario
        for case in written()
        if not case.differs and "not_delivered" not in case.scenario and '"subj"' not in json.dumps(case.scenario)
    ]
    spoken = [one for one in told if one["expect"]["cards"] and not screen.silent_user(one.get("user", wire.USER))]
    silent = [one for one in told if not one["expect"]["cards"]]
    signed_ones = [one for one in told if one["hook"] == "order-sign"]
    return spoken[:: len(spoken) // SAMPLE] + silent[:: len(silent) // (SAMPLE // 5)] + signed_ones[-5:]


SAMPLES = list({one["id"]: one for one in _samples()}.values())


class Ehr:
    """Answers the queries of one scenario as its prefetch would, whole or in pages of one entry."""

    def __init__(self) -> None:
        self.values: Mapping[str, Any] = {}
        self.patient = ""
        self.paged = False

    def __call__(self, asked: Asked) -> Reply:
        value = self.values[self._key(asked)]
        if value is None:
            return Reply(404, body={"resourceType": "OperationOutcome"})
        entries = value.get("entry", [])
        if not self.paged or len(entries) < 2:
            return Reply(body=value)
        page = int(asked.param("_page") or 0)
        made = {**value, "entry": entries[page : page + 1]}
        if page + 1 < len(entries):
            rest = "&".join(f"{k}={v.replace('|', '%7C')}" for k, v in asked.params if k != "_page")
            kind = asked.path.removesuffix("/_search")
            made["link"] = [{"relation": "next", "url": f"{kind}?{rest}&_page={page + 1}"}]
        return Reply(body=made)

    def _key(self, asked: Asked) -> str:
        for key, template in TEMPLATES.items():
            path, _, search = template.partition("?")
            told = dict(part.split("=", 1) for part in search.split("&")) if search else {}
            same = all(asked.param(name) == told.get(name, "") for name in ("code", "status", "_include"))
            if same and path.replace("{{context.patientId}}", self.patient) == asked.path.removesuffix("/_search"):
                return key
        raise AssertionError(asked)


@pytest.fixture(scope="module")
def ehr() -> Ehr:
    return Ehr()


@pytest.fixture(scope="module")
def stub(ehr: Ehr) -> Iterator[Stub]:
    with stub_ehr.running(ehr) as made:
        yield made


Ask = Callable[[Mapping[str, Any]], bytes]


@pytest.fixture(scope="module")
def ask(stub: Stub) -> Ask:
    # More time than in use: this is about what is said, not about when.
    settings = Settings(identity_key=b"only-for-tests-only-for-tests-00", internal_keys=KEYS, answer_within=20.0)
    caller = {**CALLER, "fhir": {"base": stub.base, "public_only": False, "why": ""}}
    client = signed(create_app(settings, clock=lambda: NOW), caller).test_client()

    def post(call: Mapping[str, Any]) -> bytes:
        answer = client.post(f"/cds-services/{SERVICE[call['hook']]}", json={**call, "fhirServer": stub.base})
        assert answer.status_code == 200, answer.data
        return bytes(answer.data)

    return post


@pytest.mark.parametrize("scenario", SAMPLES, ids=[str(one["id"]) for one in SAMPLES])
def test_the_same_patient_gives_the_same_answer(scenario: dict[str, Any], ehr: Ehr, stub: Stub, ask: Ask) -> None:
    call = wire.call(scenario, TEMPLATES, NOW.date(), answer_prefetch)
    whole = call["prefetch"]
    ehr.values, ehr.patient, ehr.paged = whole, call["context"]["patientId"], False
    stub.asked.clear()
    expected = ask(call)
    assert not stub.asked
    assert bool(json.loads(expected)["cards"]) == bool(scenario["expect"]["cards"] or scenario.get("overrides"))
    assert ask({**call, "prefetch": {}}) == expected
    ehr.paged = True
    assert ask({key: value for key, value in call.items() if key != "prefetch"}) == expected
    chance = random.Random(str(scenario["id"]))  # noqa: S311 - a mix that is the same each time
    for _ in range(2):
        kept = {key: value for key, value in whole.items() if chance.random() < 0.5}
        assert ask({**call, "prefetch": kept}) == expected
    assert ask({**call, "prefetch": {key: _cut(value) for key, value in whole.items()}}) == expected


@pytest.mark.parametrize("scenario", SAMPLES[::4], ids=[str(one["id"]) for one in SAMPLES[::4]])
def test_a_server_that_searches_finds_the_same(scenario: dict[str, Any], stub: Stub, ehr: Ehr, ask: Ask) -> None:
    call = wire.call(scenario, TEMPLATES, NOW.date(), answer_prefetch)
    entries = [{"resource": one} for one in wire.chart(scenario, NOW.date())]
    record = {"resourceType": "Bundle", "type": "collection", "entry": entries}

    def search(asked: Asked) -> Reply:
        kind = asked.path.removesuffix("/_search")
        params = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.params)
        query = f"{kind}?{params}" if params else kind
        found = answer_prefetch(record, {"key": query}, {}, NOW.date())["key"]
        return Reply(404, body={}) if found is None else Reply(body=found)

    stub.answers = search
    try:
        assert ask({**call, "prefetch": {}}) == ask(call)
    finally:
        stub.answers = ehr


def _cut(value: Any) -> Any:
    """A search result that holds only its first entry and says that there are more, without saying where."""
    entries = value.get("entry", []) if isinstance(value, dict) else []
    return value if len(entries) < 2 else {**value, "entry": entries[:1], "total": len(entries)}


def test_the_samples_are_of_every_hook() -> None:
    assert {one["hook"] for one in SAMPLES} == set(SERVICE)
    assert len(SAMPLES) >= SAMPLE
