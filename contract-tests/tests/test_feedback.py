"""What became of cards: every form that clients send is taken, item by item, and kept once."""

import json
from pathlib import Path
from typing import Any

import pytest
from contract import exchanges, judge, schemas
from contract.client import ORIGIN, Client
from contract.stack import Stack, served

DOCUMENT: dict[str, Any] = json.loads((exchanges.FOLDER / "feedback.json").read_text("utf-8"))
CASES: list[dict[str, Any]] = DOCUMENT["cases"]
REFUSED: list[dict[str, Any]] = DOCUMENT["refused"]
SERVICES = ("dystonia-patient-view", "dystonia-order-select", "dystonia-order-sign")
PATH = "/cds-services/dystonia-patient-view/feedback"
GOOD: dict[str, Any] = CASES[0]["body"]["feedback"][0]


def taken(client: Client, *items: Any, path: str = PATH) -> list[dict[str, Any]]:
    """What became of these items, in an answer that keeps its schema."""
    answer = client.post(path, {"feedback": list(items)})
    assert answer.status_code == 200, answer.text
    assert schemas.faults("feedback-answer", answer.json()) == []
    found: list[dict[str, Any]] = answer.json()["feedback"]
    return found


def refused(client: Client, *items: Any, status: int = 400) -> list[dict[str, Any]]:
    """The issues of a refusal, one for each item."""
    answer = client.post(PATH, {"feedback": list(items)})
    assert answer.status_code == status, answer.text
    assert judge.refusal_faults(answer) == []
    found: list[dict[str, Any]] = answer.json()["issue"]
    assert len(found) == len(items)
    return found


@pytest.mark.promise("R69", "R70", "T91")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_form_of_feedback_is_taken(door: Client, case: dict[str, Any]) -> None:
    items = case["body"]["feedback"]
    for service in SERVICES:
        told = taken(door, *items, path=f"/cds-services/{service}/feedback")
        assert [one["card"] for one in told] == [one["card"] for one in items]
        assert {one["status"] for one in told} == {"unknown-card"}


@pytest.mark.promise("T37", "T38", "T39", "T73")
@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
def test_an_item_wrong_in_one_place_is_refused_by_its_place(door: Client, case: dict[str, Any]) -> None:
    (issue,) = refused(door, case["item"])
    assert issue["expression"] == [f"feedback[0]{case['place']}"]


@pytest.mark.promise("T73")
@pytest.mark.parametrize("body", [{}, {"feedback": None}, {"feedback": {}}, {"feedback": "x"}, {"card": "x"}])
def test_without_a_list_it_is_no_feedback(door: Client, body: dict[str, Any]) -> None:
    answer = door.post(PATH, body)
    assert answer.status_code == 400
    assert judge.refusal_faults(answer) == []
    assert answer.json()["issue"][0]["expression"] == ["feedback"]


def test_the_bad_items_are_refused_and_the_good_ones_kept(door: Client) -> None:
    told = taken(door, REFUSED[0]["item"], GOOD, 5, REFUSED[3]["item"])
    assert [one["status"] for one in told] == ["refused", "unknown-card", "refused", "refused"]
    assert [one.get("expression") for one in told] == [
        "feedback[0].card", None, "feedback[2]", "feedback[3].outcome",
    ]  # fmt: skip


def test_nothing_is_a_right_answer_to_nothing(door: Client) -> None:
    assert taken(door) == []


@pytest.mark.promise("T74")
def test_what_cannot_be_kept_is_not_acknowledged(stack: Stack, tmp_path: Path) -> None:
    if not stack.ours:
        pytest.skip("CDS_BASE_URL is given: the store of that stack is not ours to break")
    from screening import app, settings  # noqa: PLC0415 - a stack elsewhere needs none of them here

    (tmp_path / "screening.sqlite").mkdir()
    environ = {
        "IDENTITY_KEY": "only-for-tests-only-for-tests-00",
        "INTERNAL_KEY": stack.internal_keys[0].decode(),
        "STATE_DIR": str(tmp_path),
        "CONTENT_URL": stack.content,
    }
    with served(app.create_app(settings.load(environ))) as server:
        client = Client(server.url, internal_keys=stack.internal_keys)
        answer = client.post(PATH, {"feedback": [GOOD]})
    assert answer.status_code == 503
    assert judge.refusal_faults(answer) == []
    assert int(answer.headers["Retry-After"]) > 0


def test_a_browser_may_read_the_answer(door: Client) -> None:
    for body in ({"feedback": [GOOD]}, {"feedback": [5]}):
        answer = door.post(PATH, body, headers={"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
