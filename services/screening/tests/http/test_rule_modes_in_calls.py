"""Rule modes in calls: what is shown, what is written down, and that a change needs no restart."""

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import edge_samples as s
import pytest
from flask import Flask
from flask.testing import FlaskClient

from chassis.testing import CALLER, signed
from screening.knowledge import rule_modes_file
from screening.modes import Modes

HEAD = "version: '2026-1'\napprover: Example Approver\ndate: 2026-11-01\nreason: Example.\n"
LOW_B12 = s.prefetch(s.observation("2132-9", 110, "pg/mL"))


MODES = """clients:
  new-ehr: {"*": silent, SCREEN: off}
  less: {B12.ABNORMAL: off}
  few: {"*": off, SCREEN: {canary: 50}}
"""


def application(path: Path, modes: str) -> Flask:
    path.write_text(HEAD + modes)
    return s.application(rule_modes=rule_modes_file.read(str(path)), state_dir=path.parent / "state")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modes") / "rule-modes.yaml"


@pytest.fixture(scope="module")
def app(path: Path) -> Flask:
    return application(path, MODES)


def client(app: Flask, name: str = "tests") -> FlaskClient:
    return signed(app, {**CALLER, "client": name}).test_client()


def shown(asking: FlaskClient, **changes: Any) -> list[str]:
    answer = asking.post(s.PATIENT_VIEW, json={**s.call(LOW_B12), **changes})
    assert answer.status_code == 200
    return s.modules(answer.get_json()["cards"])


def written(path: Path, name: str) -> list[tuple[str, str, str]]:
    """Module, mode and rules of every card of a client in the ledger."""
    wanted = "SELECT module, mode, rules_version FROM screening_card WHERE client = ?"
    with closing(sqlite3.connect(path.parent / "state" / "screening.sqlite")) as connection:
        return sorted(connection.execute(wanted, (name,)))


def test_a_silent_client_gets_nothing_and_its_cards_are_written_down(app: Flask, path: Path) -> None:
    assert shown(client(app, "new-ehr")) == []
    ((module, mode, version),) = written(path, "new-ehr")
    assert (module, mode) == ("B12", "silent")
    assert version.endswith("+modes.2026-1")


def test_a_rule_that_is_off_is_neither_shown_nor_written_down(app: Flask, path: Path) -> None:
    assert shown(client(app, "less")) == ["SCREEN INCOMPLETE"]
    assert [(module, mode) for module, mode, _ in written(path, "less")] == [("SCREEN", "shown")]


def test_a_client_that_is_not_named_is_shown_everything(app: Flask, path: Path) -> None:
    assert shown(client(app)) == ["B12 ABNORMAL", "SCREEN INCOMPLETE"]
    assert [(module, mode) for module, mode, _ in written(path, "tests")] == [("B12", "shown"), ("SCREEN", "shown")]


def test_a_canary_is_shown_to_some_patients_the_same_ones_each_time(app: Flask, path: Path) -> None:
    asking = client(app, "few")
    servers = [f"https://ehr-{number}.example/fhir" for number in range(12)]  # on each the id is another patient's
    first, second = ([shown(asking, fhirServer=server) for server in servers] for _ in range(2))
    assert first == second
    assert [] in first
    assert ["SCREEN INCOMPLETE"] in first
    modes = [mode for _, mode, _ in written(path, "few")]
    assert (modes.count("shown"), modes.count("silent")) == (12 - first.count([]), first.count([]))


def test_a_rule_is_switched_off_and_on_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screening.app.Modes", partial(Modes, every=0.02))
    path = tmp_path / "rule-modes.yaml"
    app = application(path, "modes: {}")
    asking = client(app)
    assert "B12 ABNORMAL" in shown(asking)

    def eventually(modules: list[str]) -> bool:
        ends = time.monotonic() + 20
        while shown(asking) != modules and time.monotonic() < ends:
            time.sleep(0.02)
        return shown(asking) == modules

    path.write_text(HEAD + "modes: {'*': off, SCREEN: on}")
    assert eventually(["SCREEN INCOMPLETE"])
    path.write_text(HEAD + "modes: {B12: never}")
    ends = time.monotonic() + 20
    while "degraded" not in (told := app.test_client().get("/readyz").get_json()) and time.monotonic() < ends:
        assert shown(asking) == ["SCREEN INCOMPLETE"], "a fault leaves the former modes in force"
    assert told["degraded"] == ["the rule modes are at fault; a former version of them is in force"]
    assert shown(asking) == ["SCREEN INCOMPLETE"]
    path.write_text(HEAD + "modes: {}")
    assert eventually(["B12 ABNORMAL", "SCREEN INCOMPLETE"])
    assert "degraded" not in app.test_client().get("/readyz").get_json()
