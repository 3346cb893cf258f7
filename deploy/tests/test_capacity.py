"""docs/capacity.md is computed from what was measured; the arithmetic by hand for round figures."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "bench"
MEASURED = """
| gateway + screening | small | 400 | 20.0 | 50.0 | 10.00 | 180 | 3 |
| gateway + screening | medium | 200 | 20.0 | 50.0 | 10.00 | 180 | 3 |
| gateway + screening | large | 50 | 20.0 | 50.0 | 10.00 | 180 | 3 |
| the same with ES384 tokens | medium | 190 | 20.0 | 50.0 | 12.00 |  | 3 |
* CPU: one of them, 2 cores
* small call: 7 resources, 10 KB
* medium call: 88 resources, 10 KB
* large call: 1,228 resources, 1,010 KB
"""
FOOTPRINT = {
    "rows": {
        "inScope": {
            "calls": 10, "cards": 20, "card": {"bytes": 1_000}, "feedback": {"bytes": 500}, "trace": {"bytes": 3_000},
        },
        "other": {"trace": {"bytes": 2_000}},
    },
    "services": {
        "share": {size: {"gateway": 0.4, "screening": 0.6} for size in ("small", "medium", "large")},
        "answerBytes": {"small": 1_000, "medium": 1_000, "large": 1_000},
        "memoryMB": {"gateway": 100, "screening": 200, "content": 50},
    },
}  # fmt: skip
ROUND = {
    "inpatients": 100, "visits": 0, "opened": 27, "orders": 27, "signed": 3, "busiest": 0.1, "burst": 2,
    "small": 0.2, "medium": 0.7, "large": 0.1, "scope": 0.5, "again": 0.5, "answered": 0.5, "busy": 0.5,
    "lost": 1, "cores": 1,
    "cards_kept": 10, "answers_kept": 100, "traces": 1_000,
}  # fmt: skip


capacity: Any = importlib.import_module("capacity")


@pytest.fixture
def round_figures(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in ROUND.items():
        monkeypatch.setitem(capacity.ASSUMED, name, capacity.Assumed(name, value, ""))
    return capacity.measured(MEASURED, FOOTPRINT)


def test_calls_cores_and_replicas_are_those_of_the_formula(round_figures: Any) -> None:
    assert capacity.calls_a_day() == {"patient-view": 2_700, "order-select": 2_700, "order-sign": 900}
    found = capacity.need(200, round_figures)
    assert found.calls_a_day == 1_260_000
    assert found.peak == pytest.approx(70)
    assert found.cores["gateway"] == pytest.approx(70 * (4 + 2) / 1_000 / 0.5)
    assert found.cores["screening"] == pytest.approx(70 * 6 / 1_000 / 0.5)
    assert found.replicas == {"gateway": 2, "screening": 2, "content": 2}
    assert found.memory_gb == pytest.approx(0.7)
    many = capacity.need(20_000, round_figures)
    assert many.replicas == {"gateway": 84 + 11, "screening": 84 + 11, "content": 2}


def test_memory_is_that_of_the_page_where_it_has_been_measured() -> None:
    rows = ["| gateway | 2 | 101 | 40 | 99 |", "| screening | 2 | 180 | 80 | 190 |", "| content | 1 | 50 | 20 | 41 |"]
    found = capacity.measured("\n".join([MEASURED, *rows]), FOOTPRINT)
    assert found.memory == {"gateway": 99, "screening": 190, "content": 41}
    with pytest.raises(LookupError):
        capacity.measured("\n".join([MEASURED, *rows[:2]]), FOOTPRINT)


def test_rows_and_bytes_are_those_of_the_formula(round_figures: Any) -> None:
    found = capacity.need(1, round_figures)
    assert found.rows_a_day == {"cards": 3_150, "answers": 1_575, "traces": 6_300}
    assert found.database_gb * 1e9 == pytest.approx(
        1_575 * 10 * 1_000 + 1_575 * 100 * 1_500 + 1_000 * 2_500
    )  # fmt: skip
    assert found.inward_mbit == pytest.approx(0.35 * 8 / 1e6 * 110_000)


def test_shares_of_a_whole_are_a_whole() -> None:
    assert sum(capacity.a(size) for size in capacity.SIZES) == pytest.approx(1)
    shares = json.loads(capacity.FOOTPRINT.read_text("utf-8"))["services"]["share"]
    assert all(sum(one.values()) == pytest.approx(1, abs=0.03) for one in shares.values())


def test_what_is_set_by_default_is_not_assumed_otherwise() -> None:
    settings = importlib.import_module("screening.store.settings").StoreSettings()
    said = capacity.a("cards_kept"), capacity.a("answers_kept"), capacity.a("traces")
    assert said == (settings.unanswered_days, settings.answered_days, settings.trace_most)


def test_a_page_without_a_measurement_says_what_is_missing() -> None:
    with pytest.raises(LookupError, match="does not say"):
        capacity.measured(MEASURED.replace("| large |", "| huge |"), FOOTPRINT)


def test_the_page_is_of_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert capacity.main(["--check"]) == 0
    older = tmp_path / "performance.md"
    text = capacity.PERFORMANCE.read_text("utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| gateway + screening | medium |"))
    cells = row.split("|")
    older.write_text(text.replace(row, "|".join([*cells[:6], f" {float(cells[6]) + 9:.2f} ", *cells[7:]])), "utf-8")
    monkeypatch.setattr(capacity, "PERFORMANCE", older)
    assert capacity.main(["--check"]) == 1
