"""Records as tables, and series of results as a case writes them."""

import re
from datetime import date
from pathlib import Path
from typing import Any

from screening.pages import record_html
from screening.synthetic import charts
from screening.synthetic.files import read

TODAY = date(2026, 11, 22)


def cells(**scenario: Any) -> list[list[str]]:
    """The rows of all tables of a record, tags taken out."""
    usual = {"id": "any", "age": 40, "sex": "male", "hook": "patient-view"}
    html = str(record_html.record(charts.chart({**usual, **scenario}, TODAY)))
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[re.sub(r"<.*?>", "", one) for one in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


def test_results_stand_newest_first_with_what_the_laboratory_prints() -> None:
    iron = {"code": "2276-4", "name": "Ferritin", "u": "ng/mL", "rr": [30, 300]}
    rows = cells(
        labs=[{**iron, "v": 1240, "ago": 400}, {**iron, "v": 12, "ago": 3}, {**iron, "v": 40, "cmp": "<", "ago": 2}]
    )
    assert [row[1:4] for row in rows[1:]] == [
        ["2026-11-20", "&lt;40 ng/mL", "30 to 300"],
        ["2026-11-19", "12 ng/mL low", "30 to 300"],
        ["2025-10-18", "1240 ng/mL high", "30 to 300"],
    ]
    assert rows[1][0] == "Ferritin LOINC 2276-4"


def test_every_part_of_a_record_is_shown() -> None:
    rows = cells(
        conditions=[{"code": "G24.9", "text": "Dystonia <b>", "onsetAge": 30, "rec": 10}],
        meds=[{"code": "6809", "name": "metformin", "start": 100, "status": "on-hold"}],
        procs=[{"code": "225372007", "name": "nutrition", "status": "in-progress", "ago": 60}],
        fhx=[{"rel": "BRO", "code": "88518009", "name": "Wilson disease"}],
        orders=[{"code": "2132-9", "ago": 3}],
        facts={"t1_pallidal": True},
        labs=[{"code": "2132-9", "v": 210, "ago": 5}, {"code": "6301-6", "v": 1.1, "u": "1", "ago": 6}],
    )
    assert ["Dystonia &lt;b&gt; ICD-10-CM G24.9", "age 30", "2026-11-12", "active, confirmed"] in rows
    assert ["metformin RxNorm 6809", "2026-08-14", "on-hold"] in rows
    assert ["nutrition SNOMED CT 225372007", "since 2026-09-23", "in-progress"] in rows
    assert ["brother", "Wilson disease SNOMED CT 88518009"] in rows
    assert ["unnamed LOINC 2132-9", "2026-11-19", "active"] in rows
    results = {row[2] for row in rows if len(row) == 5}
    assert results >= {"210 (no unit)", "1.1", "present"}


def test_draft_orders_say_which_are_selected() -> None:
    drafts = [
        {"resourceType": "ServiceRequest", "id": "a", "code": {"text": "B12"}},
        {"resourceType": "MedicationRequest", "id": "b", "medicationCodeableConcept": {"text": "folic acid"}},
    ]
    told = re.sub(r"<.*?>", " ", str(record_html.drafts(drafts, ["MedicationRequest/b"]))).split()
    assert told[-7:] == ["B12", "ServiceRequest", "no", "folic", "acid", "MedicationRequest", "yes"]
    assert "all count" in str(record_html.drafts(drafts, []))
    assert record_html.drafts([], []) == ""


def test_a_series_is_written_once_with_its_values_by_day(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    at = '{3: 148, 40: "<200", 90: see comment, 95: ">= 2.5"}'
    file.write_text(f'scenarios: [{{id: a, series: [{{code: "2132-9", u: pg/mL, at: {at}}}]}}]', "utf-8")
    (case,) = read(file)
    shared = {"code": "2132-9", "u": "pg/mL"}
    assert case.scenario["labs"] == [
        {**shared, "ago": 3, "v": 148},
        {**shared, "ago": 40, "cmp": "<", "v": 200},
        {**shared, "ago": 90, "vs": "see comment"},
        {**shared, "ago": 95, "cmp": ">=", "v": 2.5},
    ]
