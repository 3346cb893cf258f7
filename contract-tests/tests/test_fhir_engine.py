"""One patient, however the data come: by prefetch, by search on a FHIR server, or by any mix of both.

The server's search engine was not written here. Where Node or its packages are missing these tests are skipped;
`make engine` installs what they need and fails without them.
"""

import json
import os
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from contract import engine, judge
from contract.client import Client
from contract.corpus import ONE_OF_EACH
from contract.engine import TOKEN, CannotStart, Engine
from scenarios.expected import expected, shown

from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

FILE = Path(__file__).parents[3] / "shared" / "clinical" / "scenarios.json"
SHARED: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))["scenarios"] if FILE.is_file() else []
ASKED = [each for each in (*ONE_OF_EACH, *SHARED) if not each.get("overrides") and not each.get("not_delivered")]
PROMPT = {"ANSWER_WITHIN_MS": "20000"}
"""What is held here is what is said, not how fast: a busy machine must not make a patient's data late."""


@pytest.fixture(scope="module")
def server() -> Iterator[Engine]:
    if os.environ.get("CDS_BASE_URL"):
        pytest.skip("CDS_BASE_URL is given: that stack need not reach a server on this machine")
    try:
        with engine.running() as started:
            yield started
    except CannotStart as error:
        if os.environ.get("REQUIRE_ENGINE"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory, server: Engine) -> Iterator[Client]:
    from contract.stack import own_stack  # noqa: PLC0415 - only when there is a server

    with own_stack(tmp_path_factory.mktemp("engine"), PROMPT) as stack:
        yield Client(stack.gateway)


@pytest.mark.parametrize("scenario", ASKED, ids=[f"{n}-{each['id']}" for n, each in enumerate(ASKED)])
def test_prefetch_fallback_and_any_mix_say_the_same(
    unhurried: Client, server: Engine, today: date, scenario: dict[str, Any]
) -> None:
    server.load([each for each in wire.chart(scenario, today) if is_about(each, wire.patient_id(scenario))])
    service = unhurried.services()[scenario["hook"]]
    whole = as_javascript_writes(wire.call(scenario, service["prefetch"], today, answer_prefetch))
    whole["fhirServer"] = server.url
    whole["fhirAuthorization"] = {"access_token": TOKEN, "token_type": "Bearer", "scope": "patient/*.read"}

    def cards(prefetch: dict[str, Any]) -> Any:
        sent = {**whole, "prefetch": prefetch}
        if not prefetch:
            del sent["prefetch"]
        answer = unhurried.post(f"/cds-services/{service['id']}", sent)
        assert answer.status_code == 200, answer.text[:600]
        assert judge.faults(answer.json()) == []
        return answer.json()

    delivered = cards(whole["prefetch"])
    assert shown(delivered) == expected(scenario["expect"]["cards"])
    assert cards({}) == delivered
    draw = random.Random(scenario["id"])  # noqa: S311 - the same mixes in every run
    for _ in range(2):
        kept = {key: value for key, value in whole["prefetch"].items() if draw.random() < 0.5}
        assert cards(kept) == delivered, sorted(kept)


def as_javascript_writes(value: Any) -> Any:
    """The engine reads 4.0 and writes 4, and cards show values as sent: what is delivered is written so, too."""
    if isinstance(value, dict):
        return {key: as_javascript_writes(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_javascript_writes(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_about(resource: dict[str, Any], patient: str) -> bool:
    """A server gives what is the patient's; what is somebody else's it would not find."""
    subject = resource.get("subject") or resource.get("patient") or {"reference": f"Patient/{resource['id']}"}
    return bool(subject["reference"] == f"Patient/{patient}")
