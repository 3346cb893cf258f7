"""What is longer than anybody writes is not looked through: the time that a call takes grows with its length alone."""

import edge_samples as s
import ehr_calls
import pytest
from stub_ehr import Reply, Stub, searchset

from screening.fhir import access, outcomes
from screening.fhir.shapes import LONGEST_CODE

ICD = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.mark.parametrize(("length", "read"), [(LONGEST_CODE, True), (LONGEST_CODE + 1, False)])
def test_a_code_may_have_so_many_characters(length: int, read: bool) -> None:
    code = "G24.9".ljust(length, "x")
    coding = [{"system": ICD, "code": code}, {"system": "urn:example:local", "code": "1"}]
    chart = s.chart(s.condition(code={"coding": coding, "text": "kept"}), s.condition(id="other"))
    assert [one.reference for one in chart.conditions] == ["Condition/condition-1"] * read + ["Condition/other"]


def test_a_system_of_any_length_is_none() -> None:
    coding = [{"system": ICD.ljust(LONGEST_CODE + 1, "x"), "code": "G24.9"}, {"system": ICD, "code": "G24.9"}]
    (found,) = s.chart(s.condition(code={"coding": coding})).conditions
    assert (found.coding.system, found.coding.code) == (ICD, "G24.9")


@pytest.mark.parametrize("where", ["unit", "code"])
def test_a_unit_of_any_length_is_none(where: str) -> None:
    quantity = {"value": 90, **dict.fromkeys(("unit", "code"), "pg/mL"), where: "pg/mL".ljust(LONGEST_CODE + 6, "x")}
    (result,) = s.chart(s.observation(valueQuantity=quantity)).labs["B12"]
    assert result.unreadable == "unit not accepted"


def test_the_words_of_an_order_have_single_spaces_between_them() -> None:
    gap = " \n\t\u00a0" * 5
    coding = {"system": s.RXNORM, "code": "42662", "display": f"edetate{gap}51{gap}x"}
    order = s.medication_request(medicationCodeableConcept={"text": f" edetate{gap}disodium ", "coding": [coding]})
    chart, _ = s.read(s.prefetch(), (order,), None)
    assert set(chart.drafts[0].texts) - {""} == {"edetate disodium", "edetate 51 x"}


def test_all_answers_to_a_call_hold_at_most_so_many_resources(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_ALL_ENTRIES", 5)
    stub.answers = lambda _: Reply(body=searchset(ehr_calls.ONE, ehr_calls.ONE))
    queries = [access.Query(f"k{n}", "Condition", f"n={n}") for n in range(3)]
    found = ehr_calls.fetch(stub, *queries)
    assert sorted(one.outcome for one in found.values()) == [outcomes.DELIVERED] * 2 + [outcomes.TOO_LARGE]
