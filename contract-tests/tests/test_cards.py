"""What a card promises, whatever it says: each promise looked at on every card of the corpus."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest
from contract import corpus, judge, schemas
from contract.client import Client
from fhirclient.models.servicerequest import ServiceRequest
from scenarios.expected import expected, shown

Card = Mapping[str, Any]
WORKUPS = frozenset(schemas.validator("response").schema["$defs"]["workup"]["enum"])
CRITICAL_LAST = {"info": 2, "warning": 1, "critical": 0}
OVERRIDE_REASONS = {
    "done-elsewhere", "cause-known", "not-indicated", "patient-declined", "deferred", "on-treatment",
    "specialist-managing", "wrong-data", "benefit-outweighs", "lab-unavailable",
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(door: Client, services: dict[str, Any], today: date) -> list[corpus.Answered]:
    return corpus.collect(door, services, today)


@pytest.fixture(scope="module")
def cards(answers: list[corpus.Answered]) -> list[tuple[str, Card]]:
    """Every card with the name of its call."""
    found = [(answer.name, card) for answer in answers for card in answer.cards]
    assert len(found) > 40
    return found


def every_action(cards: list[tuple[str, Card]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, card in cards:
        for action in judge.actions(card):
            yield name, action


@pytest.mark.parametrize("scenario", corpus.ONE_OF_EACH, ids=[each["id"] for each in corpus.ONE_OF_EACH])
def test_the_corpus_has_one_of_each_card(answers: list[corpus.Answered], scenario: Mapping[str, Any]) -> None:
    found = [each for each in answers if each.name == scenario["id"]]
    assert len(found) == 1, "not answered with 200"
    assert shown(found[0].response) == expected(scenario["expect"]["cards"])


@pytest.mark.promise("R2", "R40", "R79", "T9", "T10", "T12", "T15", "T42", "T43")
def test_every_answer_keeps_the_schema(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        assert schemas.faults("response", answer.response) == [], answer.name


@pytest.mark.promise("R4", "R5", "R6", "R41", "T43", "T80")
def test_nothing_is_null_or_empty_but_the_list_of_cards(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        assert list(schemas.nothings(answer.response)) == [], answer.name
    assert any(answer.response == {"cards": []} for answer in answers)


@pytest.mark.promise("R44", "T10", "T11")
def test_summaries_are_one_short_line(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        assert 0 < len(card["summary"].strip()) <= judge.OUR_SUMMARY_LIMIT, name
        assert "\n" not in card["summary"], name
        assert not re.search(r"[<>*_`{}]", card["summary"]), name


@pytest.mark.promise("R45")
def test_details_are_markdown_without_html(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        assert not re.search(r"(?<!\\)<[A-Za-z/!?]", card["detail"]), name


def test_details_say_what_they_are_and_are_not(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        assert "not a diagnosis" in card["detail"].lower(), name


def test_details_say_nothing_twice(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        sentences = [sentence for sentence in re.split(r"(?<=[.!?])\s+", card["detail"]) if len(sentence) > 25]
        assert sorted({each for each in sentences if sentences.count(each) > 1}) == [], name


@pytest.mark.promise("R46", "T12")
def test_indicators_are_known_and_the_gravest_card_comes_first(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        ranks = [CRITICAL_LAST[card["indicator"]] for card in answer.cards]
        assert ranks == sorted(ranks), answer.name


@pytest.mark.promise("R47", "R51", "R52", "R53", "R54", "T13", "T14")
def test_sources_have_a_label_and_a_topic_that_never_changes(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        source, decided = card["source"], judge.decision(card)
        assert decided["rulesVersion"] in source["label"], name
        topic = judge.camel(decided["module"]) + judge.camel(decided.get("state", ""))
        assert source["topic"]["code"] == topic, name
        assert re.fullmatch(r"https?://\S+/CodeSystem/topics", source["topic"]["system"]), name
        assert source.get("url", "https://").startswith(("https://", "http://")), name
        assert "icon" not in source, name


@pytest.mark.promise("R48", "R49", "R55", "R56", "T16", "T20", "T30", "T35")
def test_suggestions_are_complete_and_free_to_choose(cards: list[tuple[str, Card]]) -> None:
    suggesting = [(name, card) for name, card in cards if "suggestions" in card]
    assert suggesting
    for name, card in suggesting:
        assert card["selectionBehavior"] in {"any", "at-most-one"}, name
        for suggestion in card["suggestions"]:
            assert suggestion["label"].strip(), name
            assert suggestion["actions"], name
        recommended = [each for each in card["suggestions"] if each.get("isRecommended")]
        assert card["selectionBehavior"] == "any" or len(recommended) <= 1, name


@pytest.mark.promise("R7", "R58", "T36")
def test_nothing_depends_on_features_that_clients_lack(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        for suggestion in card.get("suggestions", ()):
            assert "actionSelectionBehavior" not in suggestion, name


@pytest.mark.promise("R59", "R60", "R61", "R62", "R63", "T21", "T22", "T23", "T31", "T34")
def test_actions_are_drafts_to_create_or_drafts_to_delete(cards: list[tuple[str, Card]]) -> None:
    kinds = set()
    for name, action in every_action(cards):
        kinds.add(action["type"])
        assert action["description"].strip(), name
        if action["type"] == "create":
            assert "resourceId" not in action, name
            ServiceRequest(dict(action["resource"]), strict=True)
        else:
            assert "resource" not in action, name
            assert re.fullmatch(r"[A-Za-z]+/[A-Za-z0-9.-]+", action["resourceId"]), name
    assert kinds == {"create", "delete"}


@pytest.mark.promise("T22")
def test_drafts_are_tests_for_this_patient_and_never_drugs(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        patient = f"Patient/{answer.request['context']['patientId']}"
        for card in answer.cards:
            for action in judge.actions(card):
                if action["type"] == "create":
                    draft = action["resource"]
                    assert draft["resourceType"] == "ServiceRequest", answer.name
                    assert (draft["status"], draft["intent"]) == ("draft", "order"), answer.name
                    assert draft["subject"]["reference"] == patient, answer.name
                    assert "id" not in draft, answer.name


@pytest.mark.promise("T23")
def test_only_a_selected_draft_is_suggested_for_deletion(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        selected = set(answer.request["context"].get("selections", ()))
        deleted = {act["resourceId"] for card in answer.cards for act in judge.actions(card) if act["type"] == "delete"}
        assert deleted <= selected, answer.name


@pytest.mark.promise("R57")
def test_actions_of_one_suggestion_are_in_the_order_of_a_transaction(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        for suggestion in card.get("suggestions", ()):
            kinds = [action["type"] for action in suggestion["actions"]]
            assert kinds == sorted(kinds, key=("delete", "create", "update").index), name


@pytest.mark.promise("R50", "T17", "T33")
def test_override_reasons_are_coded_and_in_words(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        for reason in card["overrideReasons"]:
            assert reason["code"] in OVERRIDE_REASONS, name
            assert reason["display"].strip(), name
            assert reason["system"].endswith("/CodeSystem/override-reasons"), name


@pytest.mark.promise("R64", "R65", "R66", "R67", "T18", "T19", "T32")
def test_links_are_absolute_and_lead_to_a_page(door: Client, cards: list[tuple[str, Card]]) -> None:
    links = [link for _, card in cards for link in card.get("links", ())]
    assert links
    for link in links:
        assert link["type"] == "absolute"
        assert link["label"].strip()
        assert "appContext" not in link
        assert "autolaunchable" not in link
    for url in {link["url"] for link in links}:
        assert url.startswith(f"{door.base}/explanations/"), url
        page = door.get(url.removeprefix(door.base).partition("#")[0], headers={"Accept": "text/html"})
        assert page.status_code == 200, url


@pytest.mark.promise("R68", "T24")
def test_nothing_is_applied_without_the_user(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        assert set(answer.response) == {"cards"}, answer.name


@pytest.mark.promise("R43", "R56", "T42")
def test_uuids_are_uuids_and_unique(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        assert judge.faults(answer.response) == [], answer.name


@pytest.mark.promise("R24")
def test_evidence_is_of_this_patient_and_says_where_it_stands(cards: list[tuple[str, Card]]) -> None:
    for name, card in cards:
        evidence = judge.decision(card)["evidence"]
        assert evidence, name
        assert any("date" in fact or "reference" in fact or "criterion" in fact for fact in evidence), name
        assert "somebody-else" not in str(card), name


def test_result_cards_show_the_result_that_decided(cards: list[tuple[str, Card]]) -> None:
    results = [(name, card) for name, card in cards if judge.decision(card)["module"] in WORKUPS]
    assert {judge.decision(card)["module"] for _, card in results} == WORKUPS, "every workup shows a result"
    for name, card in results:
        fact = judge.decision(card)["evidence"][0]
        assert {"value", "unit", "date", "reference", "criterion", "citation"} <= set(fact), name
        assert fact["reference"].startswith("Observation/"), name
        shown_as = re.sub(r"\\(.)", r"\1", card["detail"])
        assert f"{fact['value']} {fact['unit']}" in shown_as, name
        assert fact["date"] in shown_as, name


def test_at_most_one_card_speaks_for_several_modules(answers: list[corpus.Answered]) -> None:
    for answer in answers:
        modules = [judge.decision(card)["module"] for card in answer.cards]
        assert modules.count("SCREEN") + modules.count("DATA") <= 1, answer.name
        assert len(set(modules)) == len(modules), answer.name
