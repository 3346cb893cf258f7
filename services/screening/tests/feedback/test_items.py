"""Items of feedback: what is taken, what is refused and with which words, and what of it is kept."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.problems import Problem
from screening import feedback
from screening.feedback import Fault, Item
from screening.knowledge import loading
from screening.override_reasons import reasons

REASONS = reasons("https://dystonia-cds.example/fhir")
OURS = REASONS.system
HL7 = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
EPIC = "com.epic.cdshooks.feedback.overrideReason."
CARD = "4a31ce06-0b27-5a5c-9f0e-6f1d0a6f2c11"
MARK = "zzmarkzz"
OVERRIDDEN: dict[str, Any] = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T16:09:45Z"}
ACCEPTED: dict[str, Any] = OVERRIDDEN | {"outcome": "accepted", "acceptedSuggestions": [{"id": "s-1"}]}


def read(**changes: Any) -> Item:
    """The item with some members changed; `...` takes one out."""
    sent = {key: value for key, value in (OVERRIDDEN | changes).items() if value is not ...}
    return feedback.item(sent, REASONS, {"45": "not-indicated", "deferred": "wrong-data", "x": "no code of ours"})


def reason(**sent: Any) -> tuple[str, str]:
    """What the reasons of an item come to."""
    made = read(**sent)
    return made.reason, made.their_reason


def epic(category: Any = "45", title: Any = "Does not meet criteria", **more: Any) -> dict[str, Any]:
    extension = {f"{EPIC}reasonCategory": category, f"{EPIC}reasonDisplay": title, f"{EPIC}reasonTitle": title}
    return {"extension": extension, "userComment": "synthetic", **more}


# --- the list ---


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"x"', b"\xff", b"[" * 100_000, b'{"feedback":' * 9_999])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        feedback.read(body)
    assert caught.value.status == 400


@pytest.mark.parametrize("document", [{}, {"feedback": None}, {"feedback": {}}, {"feedback": "x"}, {"Feedback": []}])
def test_without_a_list_it_is_refused(document: Any) -> None:
    with pytest.raises(Problem) as caught:
        feedback.read(json.dumps(document).encode())
    assert (caught.value.status, caught.value.expression) == (400, "feedback")


def test_a_list_is_read_item_by_item() -> None:
    assert feedback.read(b'{"feedback": [], "more": 1}') == []
    assert feedback.read(b'{"feedback": [5, {"card": "x"}, null]}') == [5, {"card": "x"}, None]


# --- what must be there ---


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        *(({"card": bent}, "card") for bent in (..., None, "", " ", 5, [], {}, "x" * 201, "a\nb", "a\0", "\u202ex")),
        *(({"outcome": bent}, "outcome") for bent in (..., None, "", "ignored", "Accepted", 5, ["accepted"], {})),
        *(({"outcomeTimestamp": bent}, "outcomeTimestamp") for bent in (
            ..., None, "", 5, 1_795_363_789, {}, "yesterday", "2026-11-22", "2026-11-22T16:09", "16:09:45Z",
            "2026-11-22T16:09:45 UTC", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
            "2026-11-22T16:09:61Z", "2026-11-22T16:09:45+25:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00",
            "2026-11-22T16:09:45.Z", "2026-11-22T16:09:45Z\n", "٢٠٢٦-11-22T16:09:45Z",
        )),
        *(({"outcome": "accepted", "acceptedSuggestions": bent}, "acceptedSuggestions") for bent in (
            ..., None, [], "x", 5, [{"id": "x"}] * 101,
        )),
        *(
            ({"outcome": "accepted", "acceptedSuggestions": [{"id": "x"}, bent]}, "acceptedSuggestions[1].id")
            for bent in ({}, None, "x", {"id": None}, {"id": 5}, {"id": ""}, {"id": "x" * 201}, {"uuid": "x"})
        ),
        *(({"overrideReason": bent}, "overrideReason") for bent in ("x", 5, {}, {"reason": None}, {"text": "x"}, True)),
        *(({"overrideReason": {"reason": bent}}, "overrideReason.reason") for bent in (
            "deferred", 5, [], {}, {"system": OURS}, {"code": ""}, {"code": None}, {"code": ["deferred"]},
            {"code": True},
        )),
        ({"overrideReason": {"userComment": 5}}, "overrideReason.userComment"),
        ({"overrideReasons": "x"}, "overrideReasons"),
        ({"overrideReasons": [None, {"reason": "x"}]}, "overrideReasons[1].reason"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_refused_by_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Fault) as caught:
        read(**changes)
    assert caught.value.place == place
    assert caught.value.words.endswith(".")


@pytest.mark.parametrize("sent", [None, 5, "x", [], [OVERRIDDEN], True])
def test_an_item_must_be_an_object(sent: Any) -> None:
    with pytest.raises(Fault):
        feedback.item(sent, REASONS, {})
    assert feedback.card_of(sent) == ""


@pytest.mark.parametrize("name", [*ACCEPTED, "overrideReason", "overrideReasons"])
@pytest.mark.parametrize("bent", [[MARK], f"\n{MARK}", {"reason": {"code": [MARK]}}], ids=ascii)
def test_no_refusal_repeats_what_was_sent(name: str, bent: Any) -> None:
    base = ACCEPTED if name == "acceptedSuggestions" else OVERRIDDEN
    with pytest.raises(Fault) as caught:
        feedback.item(base | {name: bent}, REASONS, {})
    assert MARK not in caught.value.words + caught.value.place


def test_the_card_of_a_wrong_item_is_known_if_it_is_a_right_id() -> None:
    assert feedback.card_of({"card": "card-1", "outcome": 5}) == "card-1"
    assert feedback.card_of({"card": "a\nb"}) == ""
    assert feedback.card_of({"card": 5}) == ""


# --- what is taken ---


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        ("2026-11-22T16:09:45Z", (2026, 11, 22, 16, 9, 45)),
        ("2026-11-22t16:09:45z", (2026, 11, 22, 16, 9, 45)),
        ("2026-11-22 16:09:45", (2026, 11, 22, 16, 9, 45)),
        ("2026-11-22T16:09:45.248Z", (2026, 11, 22, 16, 9, 45, 248_000)),
        ("2026-11-22T16:09:45.1234567891Z", (2026, 11, 22, 16, 9, 45, 123_456)),
        ("2026-11-22T16:09:45+05:30", (2026, 11, 22, 10, 39, 45)),
        ("2026-11-22T16:09:45-0800", (2026, 11, 23, 0, 9, 45)),
        ("2026-11-22T16:09:45-00:30", (2026, 11, 22, 16, 39, 45)),
        ("2016-12-31T23:59:60Z", (2016, 12, 31, 23, 59, 59, 999_999)),
        ("2036-02-29T00:00:00Z", None),
        ("2027-01-01T00:00:00Z", (2027, 1, 1)),
    ],
)
def test_times_as_clients_write_them(sent: str, moment: tuple[int, ...] | None) -> None:
    expected = datetime(*(moment or (2036, 2, 29)), tzinfo=UTC)  # type: ignore[arg-type,misc]
    assert read(outcomeTimestamp=sent).said_at == expected


def test_a_uuid_is_the_same_in_capitals_and_as_a_urn() -> None:
    for written in (CARD, CARD.upper(), f"urn:uuid:{CARD}", f"URN:UUID:{CARD.upper()}"):
        made = read(card=written)
        assert (made.sent_card, made.card) == (written, CARD)
    for other in ("card-lab-patient-view-1", "123456", "x" * 200, "Käse 5"):
        assert read(card=other).card == other


def test_accepted_suggestions_are_taken_once_each() -> None:
    ids = [{"id": "s-1"}, {"id": CARD.upper(), "more": 1}, {"id": "s-1"}]
    assert feedback.item(ACCEPTED | {"acceptedSuggestions": ids}, REASONS, {}).suggestions == ("s-1", CARD)
    assert feedback.item(ACCEPTED | {"acceptedSuggestions": {"id": "s-1"}}, REASONS, {}).suggestions == ("s-1",)


def test_what_does_not_go_with_the_outcome_is_passed_over() -> None:
    assert read(acceptedSuggestions=[]) == read(acceptedSuggestions=5) == read(unknown={"x": [1]}) == read()
    accepted = feedback.item(ACCEPTED | {"overrideReason": {"reason": {"code": "deferred"}}}, REASONS, {})
    assert (accepted.reason, accepted.their_reason, accepted.comment) == ("", "", "")


# --- reasons ---


@pytest.mark.parametrize(
    ("coding", "understood"),
    [
        ({"code": "deferred", "system": OURS}, ("deferred", "")),
        ({"code": "benefit-outweighs"}, ("benefit-outweighs", "")),
        ({"code": "benefit-outweighs", "system": None}, ("benefit-outweighs", "")),
        ({"code": " patient-declined ", "system": "http: //example.org/overrides"}, ("patient-declined", "")),
        ({"code": "deferred"}, ("wrong-data", "")),
        ({"code": "45", "system": "urn:oid:1.2"}, ("not-indicated", "45")),
        ({"code": 45}, ("not-indicated", "45")),
        ({"code": "x"}, ("", "x")),
        ({"code": "patient-refuses", "system": HL7}, ("patient-declined", "patient-refuses")),
        ({"code": "patient-refuses"}, ("patient-declined", "patient-refuses")),
        ({"code": "patient-refuses", "system": "urn:site"}, ("", "patient-refuses")),
        ({"code": "risk-benefit-ratio", "system": HL7}, ("", "risk-benefit-ratio")),
        ({"code": "contraindicated", "system": OURS}, ("", "contraindicated")),
        ({"code": "Deferred", "system": OURS}, ("", "Deferred")),
        ({"code": "9", "display": "patient  DECLINED"}, ("patient-declined", "9")),
        ({"code": "two words", "display": MARK}, ("", "")),
        ({"code": "x" * 65}, ("", "")),
        ({"code": "Müller"}, ("", "")),
    ],
)
def test_a_coding_is_understood(coding: dict[str, Any], understood: tuple[str, str]) -> None:
    assert reason(overrideReason={"reason": coding}) == understood
    assert reason(overrideReasons={"reason": coding}) == understood
    assert reason(overrideReasons=[{"reason": coding, "userComment": MARK}]) == understood


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        (epic(), ("not-indicated", "45")),
        (epic(45), ("not-indicated", "45")),
        ([epic()], ("not-indicated", "45")),
        ([epic("12"), epic("45")], ("not-indicated", "45")),
        (epic("12"), ("", "12")),
        (epic("12", "Test not available here"), ("lab-unavailable", "12")),
        (epic("on-treatment"), ("on-treatment", "")),
        (epic("free text of a user"), ("", "")),
        (epic("", ""), ("", "")),
        (epic(None, None), ("", "")),
        ({"extension": MARK}, ("", "")),
        ({}, ("", "")),
        ([], ("", "")),
        (None, ("", "")),
        ([None], ("", "")),
    ],
)
def test_reasons_that_a_site_of_epic_has_built(sent: Any, understood: tuple[str, str]) -> None:
    assert reason(overrideReasons=sent) == understood


def test_the_first_reason_that_is_understood_counts() -> None:
    both = {
        "overrideReason": {"reason": {"code": "7"}},
        "overrideReasons": [epic("45"), {"reason": {"code": "wrong-data"}}],
    }
    assert reason(**both) == ("not-indicated", "45")
    assert reason(overrideReasons=[epic("7"), epic("8")]) == ("", "7")


def test_a_dismissal_has_no_reason() -> None:
    assert reason() == reason(overrideReason=None) == reason(overrideReason={"userComment": ""}) == ("", "")


def test_a_comment_is_plain_text_of_bounded_length() -> None:
    assert read(overrideReason={"userComment": " a\x00b\nc\u202e "}).comment == "ab\nc"
    assert read(overrideReasons=epic(userComment="y")).comment == "y"
    assert len(read(overrideReason={"userComment": "x" * 5_000}).comment) == 2_000
    assert MARK not in repr(read(overrideReason={"userComment": MARK}))


# --- the table of HL7's codes ---


def test_every_mapped_code_leads_to_one_of_ours_and_says_why() -> None:
    document = loading.concept_map("non-adherence-reasons")
    (group,) = document["group"]
    assert (group["source"], group["target"]) == (HL7, document["targetUri"])
    displays = loading.override_reasons()
    codes = [element["code"] for element in group["element"]]
    assert len(codes) == len(set(codes))
    for element in group["element"]:
        (target,) = element["target"]
        assert target["display"] == displays[target["code"]]
        assert target["equivalence"] in ("equivalent", "inexact")
        assert target["comment"].endswith(".")


def test_the_risk_of_what_we_recommend_is_not_the_benefit_of_what_was_ordered() -> None:
    mapped = set(REASONS.foreign.values())
    assert not {"benefit-outweighs", "cause-known", "on-treatment", "specialist-managing", "wrong-data"} & mapped
    assert "risk-benefit-ratio" not in REASONS.foreign
