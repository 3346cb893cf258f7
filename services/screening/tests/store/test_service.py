"""The service without its store: it starts, is ready, shows cards and says what is missing; feedback is not taken."""

import json
from pathlib import Path
from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient

from screening.store.lanes import PAGES

CALL = s.call(s.prefetch(s.observation("2132-9", 90)))


@pytest.fixture(params=["off", "down"])
def without(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[FlaskClient, str]:
    """A client of it, and what its audit line says: no place was set, or the place cannot be used."""
    (tmp_path / "file").touch()
    where = None if request.param == "off" else tmp_path / "file" / "state"
    return s.application(state_dir=where).test_client(), request.param


def test_cards_go_out_and_feedback_is_not_acknowledged(without: tuple[FlaskClient, str]) -> None:
    client, said = without
    answer = client.post(s.PATIENT_VIEW, json=CALL)
    cards = answer.get_json()["cards"]
    assert cards
    assert json.loads(answer.headers["Cds-Audit"])["store"] == said
    assert client.get("/readyz").status_code == 200
    item = {"card": cards[0]["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-22T11:00:00Z"}
    refused = client.post(f"{s.PATIENT_VIEW}/feedback", json={"feedback": [item]})
    assert refused.status_code in (501, 503)
    assert refused.get_json(force=True)["resourceType"] == "OperationOutcome"
    assert client.post(s.PATIENT_VIEW, json=CALL).get_json()["cards"] == cards


def test_a_card_that_nobody_answers_is_one_card_however_often_it_comes(tmp_path: Path, on_file: Any) -> None:
    """Also by another worker, and in another encounter it is another."""
    workers = [s.application(state_dir=tmp_path).test_client() for _ in range(2)]
    sent = [worker.post(s.PATIENT_VIEW, json=CALL).get_json()["cards"] for worker in (*workers, *workers)]
    assert [[card["uuid"] for card in cards] for cards in sent] == [[card["uuid"] for card in sent[0]]] * 4
    query = "SELECT uuid, times FROM screening_card"
    rows = on_file().run(PAGES, lambda connection: connection.exec_driver_sql(query).all())
    assert {row.uuid for row in rows} == {card["uuid"] for card in sent[0]}
    assert {row.times for row in rows} == {2}, "written once by each; what is repeated is written in the background"
