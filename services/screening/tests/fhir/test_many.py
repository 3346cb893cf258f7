"""Very long records: what matters is read whole, the newest of each analyte, and nothing unread is called absent."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import edge_samples as s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.app import reader
from screening.domain.chart import Chart
from screening.fhir import results
from screening.fhir.access import Access
from screening.fhir.fallback import Fallback, for_patient_view
from screening.fhir.prefetch import Delivery
from screening.fhir.reading import Call
from screening.fhir.shapes import Observation
from screening.knowledge import loading
from screening.services import prefetch_templates

BOOK = loading.code_book()
BASE = s.SITE_FACTS.removesuffix("/CodeSystem/site-facts")
B12, HEMOGLOBIN, COPPER = "2132-9", "718-7", "2064-4"


def read(most: int, **values: Any) -> tuple[Chart, Mapping[str, Delivery]]:
    call = Call(s.PATIENT_ID, s.raw(s.prefetch(**values)))
    return reader(BOOK, BASE, most=most).chart(call, s.NOW)


def result(code: str, days_ago: int, **changes: Any) -> dict[str, Any]:
    day = s.NOW - timedelta(days=days_ago)
    sample: dict[str, Any] = s.observation(
        code, 12, "g/dL", **{"id": f"{code}.{days_ago}", "effectiveDateTime": day.isoformat(), **changes}
    )
    return sample


def ages(chart: Chart, analyte: str) -> list[int]:
    return [(s.NOW - one.taken).days for one in chart.labs.get(analyte, ())]


def test_of_an_analyte_with_many_results_the_newest_are_read_and_of_the_others_all() -> None:
    many = [result(HEMOGLOBIN, days) for days in range(1, 21)]
    chart, told = read(8, labs_vitamin_b12=s.bundle(*many[::-1], result(B12, 300)), labs_copper_wilson=s.bundle())
    assert ages(chart, "HGB") == list(range(1, 8))
    assert ages(chart, "B12") == [300]
    assert told["labs_vitamin_b12"].outcome == "too-many"
    assert not chart.looked_up("vitamin-b12")


def test_only_the_workups_that_read_the_analyte_are_not_known_whole() -> None:
    many = [result(HEMOGLOBIN, days) for days in range(1, 21)]
    chart, told = read(8, labs_vitamin_b12=s.bundle(*many))
    assert chart.not_looked_up == {"vitamin-b12", "vitamin-e", "manganese"}
    assert told["labs_copper_wilson"].outcome == "delivered"


@pytest.mark.parametrize(("number", "known"), [(8, True), (9, False)])
def test_the_limit_itself_is_read(number: int, known: bool) -> None:
    chart, _ = read(8, labs_copper_wilson=s.bundle(*(result(COPPER, days) for days in range(number))))
    assert chart.looked_up("copper-wilson") is known
    assert ages(chart, "CP") == list(range(8))


def test_what_stands_under_the_keys_of_several_workups_counts_once() -> None:
    found = s.bundle(*(result(HEMOGLOBIN, days) for days in range(8)))
    chart, _ = read(8, labs_vitamin_b12=found, labs_manganese=found, labs_vitamin_e=found)
    assert chart.not_looked_up == frozenset()
    assert ages(chart, "HGB") == list(range(8))


def test_what_is_none_of_ours_does_not_count() -> None:
    others = (s.observation("8867-4", 60, "/min", id=f"pulse-{n}") for n in range(50))
    strangers = (result(COPPER, n, subject={"reference": "Patient/other"}) for n in range(50))
    chart, _ = read(8, labs_copper_wilson=s.bundle(*others, *strangers, result(COPPER, 3)))
    assert chart.not_looked_up == frozenset()
    assert ages(chart, "CP") == [3]


@pytest.mark.parametrize(
    ("key", "many"),
    [
        ("conditions", [s.condition(id=f"c{n}") for n in range(9)]),
        ("procedures", [s.procedure(id=f"p{n}") for n in range(9)]),
        ("medication_statements", [
            {**s.medication_request(id=f"m{n}"), "resourceType": "MedicationStatement"} for n in range(9)
        ]),
        ("orders", [s.service_request(id=f"o{n}") for n in range(9)]),
        ("family_history", [s.relative(id=f"f{n}") for n in range(9)]),
    ],
)  # fmt: skip
def test_of_other_types_the_first_are_read_and_the_key_is_not_known_whole(key: str, many: list[Any]) -> None:
    chart, told = read(8, **{key: s.bundle(*many)})
    found = (chart.conditions, chart.procedures, chart.medications, chart.orders, chart.family)
    named = [one.reference for facts in found for one in facts]
    assert sum(name.startswith(many[0]["resourceType"]) for name in named) == 8
    assert told[key].outcome == "too-many"
    assert key in chart.not_looked_up
    assert read(9, **{key: s.bundle(*many)})[0].not_looked_up == frozenset()


def test_results_are_read_when_their_analyte_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str | None] = []
    taken_at = results.taken_at

    def noting(observation: Observation) -> datetime | None:
        looked_at.append(observation.id)
        return taken_at(observation)

    monkeypatch.setattr(results, "taken_at", noting)
    chart, _ = read(100, labs_copper_wilson=s.bundle(result(COPPER, 3)), labs_vitamin_b12=s.bundle(result(B12, 4)))
    assert not looked_at
    assert len(chart.labs["CP"]) == len(chart.labs["CP"]) == 1
    assert looked_at == [f"{COPPER}.3"]
    assert set(chart.labs) == {"CP", "B12"}
    assert len(chart.labs) == 2
    assert "HGB" not in chart.labs


def test_nothing_is_asked_for_again_because_there_is_too_much_of_it() -> None:
    many = s.prefetch(labs_copper_wilson=s.bundle(*(result(COPPER, days) for days in range(9))))
    made = Fallback(reader(BOOK, BASE, most=8), Access(slots_per_host=1, max_pages=1), prefetch_templates(BOOK, BASE))
    call = Call(s.PATIENT_ID, s.raw(many))
    gathered = made.gather(call, for_patient_view, "no-server", s.NOW, time.monotonic() + 1)
    assert gathered.unanswered == {}
    assert {one.key for one in gathered.looked if one.outcome == "too-many"} == {"labs_copper_wilson"}
    assert gathered.said("labs_copper_wilson") == ("too-many", "")


def test_results_without_a_usable_date_are_none() -> None:
    chart, _ = read(100, labs_copper_wilson=s.bundle(result(COPPER, 3, effectiveDateTime="soon")))
    assert not chart.labs
    assert "CP" not in chart.labs


@given(st.lists(st.integers(1, 50), max_size=8), st.integers(1, 120))
def test_shares_are_just(counts: list[int], most: int) -> None:
    share = results.share(counts, most)
    given_out = sum(min(count, share) for count in counts)
    assert given_out <= most
    assert given_out == sum(counts) or sum(min(count, share + 1) for count in counts) > most


def test_the_same_id_with_another_content_is_another_result() -> None:
    thrice = [result(COPPER, 3), result(COPPER, 3, status="corrected"), result(COPPER, 3)]
    chart, _ = read(100, labs_copper_wilson=s.bundle(*thrice))
    assert [one.status for one in chart.labs["CP"]] == ["corrected", "final"]
