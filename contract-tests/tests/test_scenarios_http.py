"""The clinical scenarios over HTTP: through screening alone, and through the gateway.

The scenario file stands beside the project and not with users: without it these tests are skipped, and
the specimens of the card studio still hold every card. Times count back from the real today.
"""

import copy
import importlib.util
import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from contract import judge
from contract.client import Client
from contract.corpus import ONE_OF_EACH
from scenarios.expected import EXTENSION, expected, shown

from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

FILE = Path(__file__).parents[3] / "shared" / "clinical" / "scenarios.json"
SCENARIOS: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))["scenarios"] if FILE.is_file() else []
OWN = Path(__file__).parents[2] / "services" / "screening" / "tests" / "routes" / "scenario_files.py"
VIEWED = [each for each in ONE_OF_EACH if each["hook"] == "patient-view"]
DAYS = [date(2026, 11, 22), date(2028, 2, 29), date(2027, 1, 1), date(2026, 8, 29), date(2028, 8, 29)]


def written_by_the_project() -> list[Any]:
    """The scenarios that stand beside the rules, read as their own tests read them."""
    spec = importlib.util.spec_from_file_location("contract_scenario_files", OWN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: list[Any] = module.written()
    return found


WRITTEN = written_by_the_project() if OWN.is_file() else []
ASKED = pytest.mark.parametrize("written", SCENARIOS, ids=[each["id"] for each in SCENARIOS])
TREATED = [each for each in SCENARIOS if each.get("meds")]


@pytest.fixture
def scenario(written: dict[str, Any]) -> dict[str, Any]:
    """A scenario as written."""
    return answered_for(written)


def answered_for(written: dict[str, Any]) -> dict[str, Any]:
    """A scenario with answers is about a patient for whom no other test has answered."""
    return {**written, "id": f"{written['id']}-{uuid4().hex[:8]}"} if written.get("overrides") else written


def cards(client: Client, service: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    answer = client.post(f"/cds-services/{service['id']}", request)
    assert answer.status_code == 200, answer.text[:600]
    assert judge.faults(answer.json()) == []
    found: dict[str, Any] = answer.json()
    return found


def outcome(
    client: Client, service: Mapping[str, Any], request: Mapping[str, Any], scenario: Mapping[str, Any]
) -> list[Any]:
    """The cards of a call; of a second one after the cards of the first were overridden, if the scenario says so."""
    given = scenario.get("overrides", ())
    if given:
        first = cards(client, service, request)["cards"]
        uuids = {card["extension"][EXTENSION]["module"]: card["uuid"] for card in first}
        items = [_overridden(uuids[one["module"]], one) for one in given]
        kept = client.post(f"/cds-services/{service['id']}/feedback", {"feedback": items})
        assert [item["status"] for item in kept.json()["feedback"]] == ["kept"] * len(items)
    return shown(cards(client, service, request))


def _overridden(card: str, override: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(days=override["ago"])
    item = {"card": card, "outcome": "overridden", "outcomeTimestamp": at.isoformat()}
    return {**item, "overrideReason": {"reason": {"code": override["reason"]}}} if "reason" in override else item


def test_the_scenario_file_is_there() -> None:
    if not SCENARIOS:
        pytest.skip("shared/clinical/scenarios.json is not beside this checkout")
    assert len(SCENARIOS) >= 80


@ASKED
def test_through_the_gateway(door: Client, services: dict[str, Any], today: date, scenario: dict[str, Any]) -> None:
    service = services[scenario["hook"]]
    request = wire.call(scenario, service["prefetch"], today, answer_prefetch)
    assert outcome(door, service, request, scenario) == expected(scenario["expect"]["cards"])


@ASKED
def test_through_screening_alone(
    screening: Client, services: dict[str, Any], today: date, scenario: dict[str, Any]
) -> None:
    service = services[scenario["hook"]]
    request = wire.call(scenario, service["prefetch"], today, answer_prefetch)
    assert outcome(screening, service, request, scenario) == expected(scenario["expect"]["cards"])


@ASKED
def test_from_an_ehr_that_ignores_search_parameters(
    screening: Client, services: dict[str, Any], today: date, scenario: dict[str, Any]
) -> None:
    service = services[scenario["hook"]]
    request = wire.call(scenario, service["prefetch"], today, wire.answer_by_type)
    assert outcome(screening, service, request, scenario) == expected(scenario["expect"]["cards"])


@pytest.mark.parametrize("written", TREATED, ids=[each["id"] for each in TREATED])
def test_medications_may_be_statements(
    screening: Client, services: dict[str, Any], today: date, scenario: dict[str, Any]
) -> None:
    service = services[scenario["hook"]]
    request = wire.call(scenario, service["prefetch"], today, answer_prefetch, medications_as="MedicationStatement")
    assert outcome(screening, service, request, scenario) == expected(scenario["expect"]["cards"])


@ASKED
def test_the_order_of_resources_does_not_matter(
    screening: Client, services: dict[str, Any], today: date, scenario: dict[str, Any]
) -> None:
    service = services[scenario["hook"]]
    request = wire.call(scenario, service["prefetch"], today, answer_prefetch)
    for value in request["prefetch"].values():
        if isinstance(value, dict) and "entry" in value:
            value["entry"].reverse()
    request["prefetch"] = dict(reversed(request["prefetch"].items()))
    assert outcome(screening, service, request, scenario) == expected(scenario["expect"]["cards"])


@pytest.mark.parametrize("written", VIEWED, ids=[each["id"] for each in VIEWED])
def test_the_dead_get_no_card(
    screening: Client, services: dict[str, Any], today: date, scenario: dict[str, Any]
) -> None:
    service = services[scenario["hook"]]
    request = wire.call({**scenario, "deceased": True}, service["prefetch"], today, answer_prefetch)
    assert outcome(screening, service, request, scenario) == []


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=str(c), marks=[pytest.mark.wide] if n % 16 else []) for n, c in enumerate(WRITTEN)]
)
def test_the_scenarios_of_the_project_through_the_gateway(
    door: Client, services: dict[str, Any], today: date, case: Any
) -> None:
    scenario = answered_for(case.scenario)
    if case.differs:
        pytest.skip(case.differs)
    service = services[scenario["hook"]]
    request = wire.call(scenario, service["prefetch"], today, answer_prefetch)
    assert outcome(door, service, request, scenario) == expected(scenario["expect"]["cards"])


def test_wire_is_pure(today: date) -> None:
    for scenario in ONE_OF_EACH:
        before = copy.deepcopy(scenario)
        templates = {"patient": "Patient/{{context.patientId}}", "labs": "Observation?patient={{context.patientId}}"}
        first, second = (wire.call(scenario, templates, today, answer_prefetch) for _ in range(2))
        assert first == second
        assert scenario == before


def test_wire_puts_somebody_elses_result_where_it_would_stand(today: date) -> None:
    scenario = {
        "id": "w1", "hook": "patient-view", "age": 50, "sex": "female",
        "labs": [{"code": "2132-9", "v": 500, "u": "pg/mL", "ago": 3, "subj": "Patient/other"}],
    }  # fmt: skip
    call = wire.call(scenario, {"labs": "Observation?patient={{context.patientId}}"}, today, answer_prefetch)
    (entry,) = call["prefetch"]["labs"]["entry"]
    assert entry["resource"]["subject"] == {"reference": "Patient/other"}
    assert wire.chart(scenario, today)[1]["subject"] == {"reference": "Patient/other"}


@pytest.mark.parametrize("day", DAYS)
def test_wire_ages_are_completed_years_on_any_day(day: date) -> None:
    for age in (0, 9, 18, 40, 62):
        born = date.fromisoformat(wire.chart({"id": "w2", "age": age, "sex": "male"}, day)[0]["birthDate"])
        assert day.year - born.year - ((day.month, day.day) < (born.month, born.day)) == age
