"""What codings come to is kept for the next call, but never what would fill the memory."""

from screening.fhir.observations import _KEPT, _LONGEST_KEPT, Meanings
from screening.knowledge import loading

LOINC = "http://loinc.org"
B12 = ((LOINC, "2132-9"),)


def test_the_usual_is_looked_up_once_and_the_same_for_all_calls() -> None:
    meanings = Meanings(loading.code_book(), "http://site")
    first = meanings.of(B12)
    assert [measured.code for measured in first.measured] == ["2132-9"]
    assert first.ours
    assert meanings.of(B12) is first


def test_a_site_fact_is_one_only_in_the_system_of_the_site() -> None:
    mine, other = Meanings(loading.code_book(), "http://site"), Meanings(loading.code_book(), "http://other")
    codings = (("http://site", "some-fact"),)
    assert mine.of(codings).site_facts == ("some-fact",)
    assert mine.of(codings).ours
    assert not other.of(codings).ours


def test_long_codings_are_understood_and_not_kept() -> None:
    meanings = Meanings(loading.code_book(), "http://site")
    codings = (("x" * (_LONGEST_KEPT + 1), "y"), *B12)
    first = meanings.of(codings)
    assert [measured.code for measured in first.measured] == ["2132-9"]
    assert meanings.of(codings) is not first


def test_what_is_kept_has_an_end() -> None:
    meanings = Meanings(loading.code_book(), "http://site")
    first = meanings.of(B12)
    for number in range(_KEPT):
        meanings.of(((LOINC, f"none-{number}"),))
    assert meanings.of(B12) is not first
    assert meanings.of(B12) == first
