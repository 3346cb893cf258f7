"""Marked strings in every place of a call, well formed and bent: none reaches a log or the body of a refusal."""

import io
import json
from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient

from chassis import logs

MARK = "zzmarkzz"
KEPT = {"resourceType", "system", "hook", "status", "intent", "reference", "code", "hookInstance"}
RESOURCES = [
    s.condition(note=[{"text": MARK}], onsetString=MARK), s.observation(comment=MARK, interpretation=[{"text": MARK}]),
    s.observation(valueQuantity=s.DROP, valueString=f"90 {MARK}", id="text"),
    s.medication_request(note=[{"text": MARK}]),
    s.procedure(), s.service_request(), s.relative(name=MARK), s.site_fact(),
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": MARK}]},
    {"resourceType": MARK, "id": MARK}, MARK,
]  # fmt: skip


def marked(node: Any, key: str = "") -> Any:
    """A copy with the mark in every text that does not decide whether the resource is read at all."""
    if isinstance(node, dict):
        return {name: marked(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [marked(item, key) for item in node]
    return f"{node}{MARK}" if isinstance(node, str) and key not in KEPT and not node[:4].isdigit() else node


def whole(hook: str) -> Any:
    """A call with marks wherever text may stand, that gets cards all the same."""
    own = s.patient(name=[{"family": MARK}], telecom=[{"value": MARK}], identifier=[{"value": MARK}])
    values = marked(s.prefetch()) | {
        "patient": own,
        "conditions": s.bundle(s.condition()),
        MARK: s.bundle(*marked(RESOURCES)),
        f"x{MARK}": MARK,
    }
    context = {"userId": f"Practitioner/{MARK}", "encounterId": MARK, MARK: MARK}
    if hook == "patient-view":
        body = s.call(values, **context)
    else:
        order = marked(s.draft("5683-8"))
        body = s.order_call(order, values=values, **context)
    return {**body, "fhirServer": f"https://ehr.example/{MARK}", "extension": {MARK: MARK},
            "fhirAuthorization": {"access_token": MARK, "scope": MARK, "subject": MARK}}  # fmt: skip


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return s.application(max_body=200_000).test_client()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    logs.configure("screening", "DEBUG", stream)
    return stream


def path_of(hook: str) -> str:
    return s.PATIENT_VIEW if hook == "patient-view" else s.ORDER_SELECT


@pytest.mark.parametrize("hook", ["patient-view", "order-select"])
def test_a_call_with_cards_leaves_no_mark(client: FlaskClient, log: io.StringIO, hook: str) -> None:
    answer = client.post(path_of(hook), json=whole(hook), headers={"X-Request-Id": MARK + "!", MARK: MARK})
    assert answer.get_json()["cards"]
    (line,) = [line for line in log.getvalue().splitlines() if '"cds.access"' in line]
    assert json.loads(line)["cards"] >= 1
    assert MARK not in log.getvalue()
    assert MARK not in str(answer.headers)


@pytest.mark.parametrize("hook", ["patient-view", "order-select"])
@pytest.mark.parametrize(
    "bent",
    [
        MARK,
        {MARK: MARK},
        f"\n{MARK} x",
        *(pytest.param(one, marks=pytest.mark.wide) for one in ([MARK], {"resourceType": MARK}, f"Patient/{MARK}")),
    ],
    ids=ascii,
)
def test_a_mark_in_any_place_is_neither_logged_nor_quoted(
    client: FlaskClient, log: io.StringIO, hook: str, bent: Any
) -> None:
    body = whole(hook)
    chosen = [path for path in s.places(body) if len(path) <= 3 or len(str(path)) % 3 == 0]
    refused, ids = 0, []
    for path in chosen:
        answer = client.post(path_of(hook), json=s.replaced(body, path, bent))
        ids.append(answer.headers["X-Request-Id"])
        assert answer.status_code in (200, 400, 412), (path, answer.data)
        if answer.status_code != 200:
            refused += 1
            assert MARK not in answer.get_data(as_text=True), path
        assert MARK not in str(answer.headers), path
    assert refused >= 5
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    told = [line["request_id"] for line in lines if line["logger"] == "cds.access" and line["request_id"] in ids]
    assert sorted(told) == sorted(ids), "one access line for each call; other threads of the process have their own"
    assert MARK not in log.getvalue()


@pytest.mark.parametrize("cut", [1, 20, 300, 900, 2000])
def test_a_torn_body_is_not_quoted(client: FlaskClient, log: io.StringIO, cut: int) -> None:
    text = json.dumps(whole("patient-view")).replace('"', f'"{MARK}', 3)
    for data in (text[:cut], text[cut:], MARK, f'{{"hook": {MARK}}}', f'"{MARK}"', f'{{"{MARK}": 1}}'):
        answer = client.post(s.PATIENT_VIEW, data=data)
        assert answer.status_code == 400
        assert MARK not in answer.get_data(as_text=True)
    assert MARK not in log.getvalue()


def test_addresses_and_sizes_are_not_quoted(client: FlaskClient, log: io.StringIO) -> None:
    for path in (f"/{MARK}", f"/cds-services/{MARK}", f"/cds-services/{MARK}/feedback", f"{s.PATIENT_VIEW}?x={MARK}"):
        for answer in (client.get(path), client.post(path, data=MARK), client.delete(path)):
            assert answer.status_code in (400, 404, 405), path
            assert MARK not in answer.get_data(as_text=True), path
    answer = client.post(s.PATIENT_VIEW, data=MARK * 100_000)
    assert answer.status_code == 413
    assert MARK not in answer.get_data(as_text=True)
    assert MARK not in log.getvalue()


def test_a_failure_of_ours_names_its_place_and_no_data(
    client: FlaskClient, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any, **named: Any) -> None:
        raise ValueError(f"could not read {MARK}")

    monkeypatch.setattr("screening.domain.screen.patient_view", fails)
    answer = client.post(s.PATIENT_VIEW, json=whole("patient-view"))
    assert answer.status_code == 500
    assert MARK not in answer.get_data(as_text=True)
    assert "Traceback" not in answer.get_data(as_text=True)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    failure = next(line for line in lines if line["level"] == "error")
    assert failure["error_type"] == "ValueError"
    assert "test_sentinel.py:" in failure["error_place"]
    assert failure["request_id"] == answer.headers["X-Request-Id"]
    assert MARK not in log.getvalue()
