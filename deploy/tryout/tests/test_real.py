"""The try-out with the real services: what a reader sees in the first minute."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

RUN = [sys.executable, "-m", "tryout"]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory, module_environ: dict[str, str]) -> dict[str, str]:
    return module_environ | {"STATE_DIR": str(tmp_path_factory.mktemp("state"))}


@pytest.fixture(scope="module")
def told(environ: dict[str, str]) -> Iterator[str]:
    """What `make run` prints until it serves; the services run until the end of the module."""
    process = subprocess.Popen(  # noqa: S603
        [*RUN, "run"], env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            if line.startswith("Serving."):
                break
        yield printed
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_the_built_in_patient_gets_the_result_card_and_the_screen_card(told: str) -> None:
    assert "[WARNING] Vitamin B12 is low with a movement disorder" in told, told
    assert "110 pg/mL" in told
    assert "[INFO] Dystonia: treatable causes not yet excluded. No current result for:" in told
    assert "TRY-OUT, NOT FOR PATIENT CARE" in told


def test_the_card_in_the_readme_is_the_one_that_is_shown(told: str, environ: dict[str, str]) -> None:
    def plain(text: str) -> str:
        return re.sub(r"\d{4}-\d\d-\d\d", "DAY", " ".join(text.split()))

    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    card = readme.split("## A card\n")[1].split("```")[1].replace(":8080", f":{environ['GATEWAY_PORT']}")
    for part in re.split(r"\n\s*\n|\n +- |\n  (?=Suggestion|Background)", card):
        assert plain(part).strip("- ") in plain(told), part


def test_the_addresses_that_are_named_answer(told: str, environ: dict[str, str]) -> None:
    base = f"http://127.0.0.1:{environ['GATEWAY_PORT']}"
    assert f"http://localhost:{environ['GATEWAY_PORT']}/explanations\n" in told
    services = requests.get(f"{base}/cds-services", timeout=30).json()["services"]
    assert {service["hook"] for service in services} == {"patient-view", "order-select", "order-sign"}
    page = requests.get(f"{base}/explanations/vitamin-b12", timeout=30)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")


def test_the_gateway_listens_on_both_loopback_addresses_or_says_why_not(told: str, environ: dict[str, str]) -> None:
    if "no IPv6 loopback address" in told:
        pytest.skip("this machine has no ::1")
    assert requests.get(f"http://[::1]:{environ['GATEWAY_PORT']}/healthz", timeout=30).status_code == 200


def test_the_demo_command_shows_the_same_card_and_why(told: str, environ: dict[str, str]) -> None:
    file = Path(environ["STATE_DIR"]) / "patient.json"
    done = subprocess.run(  # noqa: S603
        [*RUN, "demo", "--why", str(file)], env=environ, text=True, capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr
    cards, _, why = done.stdout.partition("\nWhy: ")
    assert "[WARNING] Vitamin B12 is low with a movement disorder" in cards
    assert why.startswith("2 cards. B12 abnormal: vitamin B12 is low")
    assert "fact: deficient: below 180 ng/L / 133 pmol/L, 2132-9, " in why
    assert "110 pg/mL" not in why


def test_every_log_line_is_json_and_names_no_patient(told: str, environ: dict[str, str]) -> None:
    for name in ("content", "screening", "gateway"):
        text = (Path(environ["STATE_DIR"]) / "log" / f"{name}.log").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines
        assert {line["component"] for line in lines} == {name}
        assert "tryout-patient" not in text


def test_the_audit_trail_stands_beside_the_logs_and_names_no_patient(told: str, environ: dict[str, str]) -> None:
    file = Path(environ["STATE_DIR"]) / "log" / "audit.jsonl"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert any(line["kind"] == "call" and line["topics"] == {"B12Abnormal": 1, "ScreenIncomplete": 1} for line in lines)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "tryout-patient" not in file.read_text(encoding="utf-8")


def test_the_doctor_knows_the_calls_of_all_workers(told: str, environ: dict[str, str], tmp_path: Path) -> None:
    patients = tmp_path / "patients"
    patients.mkdir()
    for number in range(4):
        shutil.copy(Path(environ["STATE_DIR"]) / "patient.json", patients / f"{number}.json")
    subprocess.run([*RUN, "demo", str(patients)], env=environ, capture_output=True, check=True, timeout=60)  # noqa: S603

    def asked(*arguments: str) -> str:
        command = [*RUN, "doctor", *arguments]
        done = subprocess.run(command, env=environ, text=True, capture_output=True, check=False, timeout=60)  # noqa: S603
        assert done.returncode == 0, done.stderr
        return done.stdout

    ends = time.monotonic() + 60
    while not (found := re.search(r"== Client (\S+): calls (\d+)", asked())) or int(found[2]) < 5:
        assert time.monotonic() < ends, asked()
        time.sleep(0.2)
    shown = asked("--client", found[1])
    assert "In order: every key came, none was renamed." in shown
    assert "The counts of all worker processes" in shown
    assert "labs_vitamin_b12" in shown
    assert "== Client" not in asked("--client", "nobody")
    state = Path(environ["STATE_DIR"])
    assert {path.stat().st_mode & 0o077 for path in (state / "doctor", *(state / "doctor").iterdir())} == {0}
    assert all("tryout-patient" not in path.read_text() for path in (state / "doctor").iterdir())
