"""A marked chart through every endpoint: no mark reaches a log, an error or an output stream of ours."""

import copy
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from contract.client import ORIGIN, Client
from contract.exchanges import load
from contract.marking import MARK, marked

from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

SCENARIO = {
    "id": "sentinel", "hook": "patient-view", "age": 57, "sex": "male",
    "conditions": [{"code": "G24.9", "onsetAge": 56}, {"code": "K74.60"}, {"text": "x"}],
    "fhx": [{"code": "88518009", "rel": "NSIB"}],
    "procs": [{"code": "225372007", "status": "in-progress"}],
    "meds": [{"code": "6809", "name": "metformin", "start": 2000}],
    "labs": [{"code": "2132-9", "v": 90, "u": "pg/mL", "ago": 15}, {"code": "5681-2", "vs": "see note", "ago": 9}],
    "orders": [{"code": "2064-4", "ago": 5}],
    "draft": [{"id": "d1", "type": "MedicationRequest", "code": "4511", "text": "folic acid"}],
}  # fmt: skip
SERVICES = {"patient-view": "dystonia-patient-view", "order-select": "dystonia-order-select"}


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a JSON document, the document itself left out."""
    if path:
        yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from places(value, (*path, key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from places(value, (*path, position))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return changed


@pytest.fixture(params=["patient-view", "order-select"])
def call(request: pytest.FixtureRequest, services: dict[str, Any], today: date) -> dict[str, Any]:
    """A call whose chart and envelope are marked wherever free text may stand."""
    hook = request.param
    body = wire.call({**SCENARIO, "hook": hook}, services[hook]["prefetch"], today, answer_prefetch)
    patient = body["context"]["patientId"]
    prefetch = json.loads(json.dumps(marked(body["prefetch"])).replace(patient + MARK, patient))
    prefetch["patient-name"] = {
        "resourceType": "Patient", "id": patient, "birthDate": "1969-03-02",
        "name": [{"family": MARK, "given": [MARK]}], "identifier": [{"system": "urn:x", "value": MARK}],
        "telecom": [{"value": MARK}], "address": [{"line": [MARK]}],
    }  # fmt: skip
    return {
        **body,
        "prefetch": prefetch,
        "fhirServer": f"https://ehr.example/{MARK}",
        "fhirAuthorization": {"access_token": MARK, "token_type": "Bearer", "scope": MARK, "subject": MARK},
        "extension": {"com.example.site": MARK},
        MARK: MARK,
    }


def quiet(logged: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    lines = logged.getvalue()
    assert lines.count("\n") > 0, "nothing was logged, so nothing is proven"
    assert MARK not in lines
    out, err = capfd.readouterr()
    assert MARK not in out + err


@pytest.mark.promise("R38", "R73", "T96")
def test_a_good_call_leaves_no_trace_of_the_patient(
    door: Client, screening: Client, logged: io.StringIO, capfd: pytest.CaptureFixture[str], call: dict[str, Any]
) -> None:
    for client in (door, screening):
        answer = client.post(f"/cds-services/{SERVICES[call['hook']]}", call, headers={"X-Secret": MARK})
        assert answer.status_code == 200, answer.text
        assert answer.json()["cards"]
        assert MARK not in str(answer.headers)
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    patient = call["context"]["patientId"]
    assert not any(patient in json.dumps(line) or "1969-03-02" in json.dumps(line) for line in lines)
    quiet(logged, capfd)


@pytest.mark.promise("R38", "R73", "T96")
def test_no_place_of_a_call_can_make_an_error_or_a_log_speak(
    door: Client, screening: Client, logged: io.StringIO, capfd: pytest.CaptureFixture[str], call: dict[str, Any]
) -> None:
    """Every place in turn holds something of another kind, marked: a string, a list, an object, a number."""
    everything = list(places(call))
    assert len(everything) > 150
    values: list[Any] = [MARK, [MARK], {MARK: MARK}, 7, None]
    for number, path in enumerate(everything):
        body = replaced(call, path, values[number % len(values)])
        for client in (door, screening) if number % 3 == 0 else (door,):
            answer = client.post(f"/cds-services/{SERVICES[call['hook']]}", body)
            assert answer.status_code < 500, f"{path}: {answer.status_code} {answer.text[:300]}"
            if answer.status_code != 200:
                assert MARK not in answer.text, path
    quiet(logged, capfd)


@pytest.mark.promise("R42", "T96")
def test_no_malformed_request_can_make_an_error_or_a_log_speak(
    door: Client, screening: Client, content: Client, logged: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    service = "/cds-services/dystonia-patient-view"
    good = json.dumps(load("patient-view-prefetch")[0].shared["call"])
    for client in (door, screening):
        answers = [
            client.post(service, f'{{"hook": "{MARK}'.encode()),
            client.post(service, f'["{MARK}"]'.encode()),
            client.post(service, f'{{"{MARK}": NaN}}'.encode()),
            client.post(service, good.replace("patient-view", MARK).encode()),
            client.post(service, good.encode(), headers={"Content-Type": f"text/{MARK}"}),
            client.post(f"{service}?name={MARK}", good.encode()),
            client.post(f"/cds-services/{MARK}", good.encode()),
            client.post(f"{service}/feedback", {"feedback": [{"card": MARK, "overrideReason": {"userComment": MARK}}]}),
            client.post(f"{service}/feedback", f'{{"feedback": "{MARK}'.encode()),
            client.get(f"/{MARK}?{MARK}={MARK}"),
            client.get("/cds-services", headers={"Origin": f"https://{MARK}.example", "Cookie": MARK}),
            client.send("OPTIONS", service, headers={"Origin": ORIGIN, "Access-Control-Request-Headers": MARK}),
            client.send("DELETE", f"{service}?{MARK}"),
            client.get("/cds-services", headers={"X-Request-Id": f"{MARK} {MARK}", "Referer": f"https://x/{MARK}"}),
        ]
        assert all(answer.status_code < 500 for answer in answers)
        for answer in answers:
            assert MARK not in answer.text
            assert MARK not in str(answer.headers)
    token = door.get("/cds-services", headers={"Authorization": f"Bearer {MARK}.{MARK}.{MARK}"})
    assert token.status_code == 401
    assert MARK not in token.text
    for client in (door, content):
        for path in (f"/explanations/{MARK}", f"/explanations/vitamin-b12?audience={MARK}", f"/explanations?{MARK}"):
            assert MARK not in client.get(path, headers={"Accept": "text/html", "Cookie": MARK}).text, path
    quiet(logged, capfd)
