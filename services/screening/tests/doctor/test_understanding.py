"""Codes and units that are not understood, and the ConceptMap to fill in."""

import json
from pathlib import Path

import edge_samples as s
import msgspec
import pytest
from asking import LOCAL, Json, ask, told
from flask.testing import FlaskClient

from chassis.environment import SettingsError
from screening.fhir import prefetch
from screening.knowledge import loading, local_codes
from screening.pages.doctor_watch import Watch
from screening.services import prefetch_names, prefetch_templates
from screening.tally import Counts, Tally

BASE = "https://dystonia-cds.example/fhir"
KEYS = tuple(prefetch_names())


def test_codes_that_nobody_understands_become_a_map_to_fill_in(client: FlaskClient, tmp_path: Path) -> None:
    labs = [s.observation(code=s.concept(LOCAL, code, "Vitamin B12 of John Doe")) for code in ("VB12", "VB12", "XYZ")]
    one = told(client, s.prefetch(*labs))
    assert one["localCodes"] == [
        {"system": LOCAL, "code": "VB12", "key": "labs_vitamin_b12", "results": 2},
        {"system": LOCAL, "code": "XYZ", "key": "labs_vitamin_b12", "results": 1},
    ]
    assert not one["inOrder"]
    file = tmp_path / "map.json"
    file.write_text(json.dumps(one["conceptMap"]))
    with pytest.raises(SettingsError, match="holds nothing that a rule reads"):
        local_codes.read([file], loading.code_book())
    filled = one["conceptMap"]
    filled["group"][0]["element"][0]["target"] = [{"code": "2132-9", "equivalence": "equivalent"}]
    file.write_text(json.dumps(filled))
    found = local_codes.read([file], loading.code_book())
    assert [(code.system, code.code, code.targets) for code in found.codes] == [(LOCAL, "VB12", ((s.LOINC, "2132-9"),))]
    assert [left.code for left in found.left_out] == ["XYZ"]


def test_codes_of_what_was_fetched_are_looked_at_too() -> None:
    """Once each: what the FHIR server goes on from came with the prefetch and was counted there."""
    tally, book = Tally(KEYS), loading.code_book()
    watch = Watch(tally, prefetch_templates(book, BASE), prefetch_names(book), book)
    local = s.bundle(s.observation(code=s.concept(LOCAL, "VB12")), link=[{"relation": "next", "url": "x"}])
    sent = prefetch.read(s.raw({"labs_vitamin_b12": local, "conditions": s.bundle()}))
    page = s.bundle(s.observation(code=s.concept(LOCAL, "MMA")), s.observation("2132-9"), total=3)
    came = {
        "labs_vitamin_b12": prefetch.joined(sent["labs_vitamin_b12"], [json.dumps(page).encode()], whole=True),
        "orders": prefetch.joined(None, [json.dumps(s.bundle(s.service_request())).encode()], whole=True),
    }
    watch.look("tests", {}, sent, s.read(s.prefetch())[0], came)
    counts = msgspec.json.decode(tally.encoded(), type=Counts).clients["tests"]
    assert {seen.code: (seen.key, seen.count) for seen in counts.codes.values()} == {
        "VB12": ("labs_vitamin_b12", 1), "MMA": ("labs_vitamin_b12", 1),
    }  # fmt: skip
    assert counts.keys["labs_vitamin_b12"].answered == 1, "calls in which the prefetch brought something"


def test_codes_that_the_site_has_mapped_are_understood(tmp_path: Path) -> None:
    element = {"code": "VB12", "target": [{"code": "2132-9", "equivalence": "equivalent"}]}
    file = tmp_path / "map.json"
    file.write_text(
        json.dumps(
            {
                "resourceType": "ConceptMap",
                "status": "active",
                "group": [{"source": LOCAL, "target": s.LOINC, "element": [element]}],
            }
        )
    )
    client = s.application(local_code_maps=(file,)).test_client()
    one = told(client, s.prefetch(s.observation(code=s.concept(LOCAL, "VB12"))))
    assert one["localCodes"] == []
    assert one["inOrder"]


def test_loinc_codes_that_no_rule_reads_stand_apart(client: FlaskClient) -> None:
    one = told(client, s.prefetch(s.observation("2951-2", 140, "mmol/L")))
    assert one["localCodes"] == []
    assert [code["code"] for code in one["standardCodes"]] == ["2951-2"]
    assert one["conceptMap"] is None


def test_results_without_a_code_system_are_counted(client: FlaskClient) -> None:
    one = told(
        client, s.prefetch(s.observation(code={"coding": [{"code": "VB12"}]}), s.observation(code={"text": "B12"}))
    )
    assert (one["codesWithoutSystem"], one["localCodes"]) == (2, [])


@pytest.mark.parametrize(
    ("changes", "unit", "reason"),
    [
        ({"valueQuantity": s.quantity(90, "mg/dL")}, "mg/dL", "unit not accepted"),
        ({"valueQuantity": {"value": 90}}, "", "unit missing"),
        ({"valueQuantity": s.DROP, "valueString": "90 for John Doe"}, "", "unit not accepted"),
        ({"valueQuantity": s.DROP, "valueString": "see note of John Doe"}, "", "no number with a unit"),
        ({"valueQuantity": s.quantity(900_000, "pg/mL")}, "pg/mL", "implausible number"),
    ],
)
def test_units_that_could_not_be_read_are_told(client: FlaskClient, changes: Json, unit: str, reason: str) -> None:
    one = told(client, s.prefetch(s.observation(**changes)))
    (seen,) = one["units"]
    assert (seen["analyte"], seen["unit"], seen["reason"], seen["results"]) == ("vitamin B12", unit, reason, 1)
    assert [departure["what"] for departure in one["drift"]] == ["units-not-read"]


def test_templates_of_local_codes_stand_in_the_sheet(tmp_path: Path) -> None:
    elements = [
        {"code": f"LOCAL-CODE-NUMBER-{n}", "target": [{"code": "2132-9", "equivalence": "equivalent"}]}
        for n in range(60)
    ]
    file = tmp_path / "map.json"
    group = {"source": LOCAL, "target": s.LOINC, "element": elements}
    file.write_text(json.dumps({"resourceType": "ConceptMap", "status": "active", "group": [group]}))
    client = s.application(local_code_maps=(file,)).test_client()
    rows = [key["key"] for group in ask(client)["sheet"] for key in group["keys"]]
    assert "labs_vitamin_b12_2" in rows
    assert set(prefetch_templates(loading.code_book(), "https://dystonia-cds.example/fhir")) < set(rows)
