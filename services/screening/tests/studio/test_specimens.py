"""Every kind of card, every sentence and every order rule has a specimen: a new card needs one (specimens.yaml)."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache

from all_charts import screenings
from literals import stands_in, written
from previewing import PREVIEW
from wording import blanked, sentences

from screening.cards.topics import topic_code
from screening.dialects.outbound import LONGEST_LABEL
from screening.domain.findings import Finding
from screening.knowledge.topics import KINDS
from screening.pages import studio_cards, studio_facts, studio_html
from screening.pages.studio_cards import WORST_CASE, Shown
from screening.services import ORDER_SELECT, ORDER_SIGN
from screening.synthetic import charts
from screening.synthetic.specimens import AS_OF, one_of_each, specimens

SPECIMENS = "services/screening/src/screening/synthetic/specimens.yaml"
ON_NO_CARD = {
    "calcium or active vitamin D was started after the result": "a card says that it is already treated",
    "vitamin B12 replacement is active": "a card says that it is already treated",
    "vitamin E replacement is active": "a card says that it is already treated",
    "beside the ionized calcium": "an adjusted calcium without a band is no evidence",
    "Wilson disease is already recorded": "an established cause silences the card",
    "a brain iron accumulation disorder is already recorded": "an established cause silences the card",
    "a manganese disorder is already recorded": "an established cause silences the card",
    "the diagnosis is already recorded": "an established cause silences the card",
    "normal: up to {}": "a normal manganese is evidence of no card",
    "last result [0-9-]+, before": "an expression that finds one",
    "the last result is from before": "for readers who may not see the record",
    "last result [0-9-]+, older": "an expression that finds one",
    "the last result is older": "for readers who may not see the record",
    "result of [0-9-]+ cannot": "an expression that finds one",
    "the newest result cannot": "for readers who may not see the record",
    "gene panel|exome|genome|dystonia panel": "an expression that finds one",
    "INR: raised from this on": "says what a threshold means",
    "whole-blood manganese is already drafted or ordered": "why an order rule says nothing",
    "no movement disorder is recorded": "why an order rule says nothing",
    "vitamin B12 is being replaced": "why an order rule says nothing",
    "vitamin B12 is already ordered": "why an order rule says nothing",
    "vitamin B12 is normal": "why an order rule says nothing",
    "every treatable cause that is looked for has a usable result, an order or a draft": "why there is no card",
    "limit {} is printed in no unit that {} leads to": "a fault of the rules, at start",
    "LabResult | None": "a type",
    "isolated focal dystonia, age at onset unknown": "only of a patient without a date of birth",
    "no coded movement disorder that is screened": "why there is no card",
}
"""Sentences of the rules that stand on no card, each with the reason."""


@cache
def delivered() -> tuple[Shown, ...]:
    return studio_cards.cards(PREVIEW)


def words(finding: Finding) -> Iterator[str]:
    yield from (finding.summary, *finding.statements)
    for fact in finding.evidence:
        yield from (fact.criterion, fact.display)
    for suggestion in finding.suggestions:
        yield from (suggestion.label, *(order.note for order in suggestion.orders))


def test_every_specimen_gives_the_cards_that_it_says() -> None:
    expected, came = Counter[str](), Counter[str]()
    for specimen in specimens():
        for card in specimen.expected:
            expected[f"{specimen.id}: {topic_code(card['module'], card.get('state', ''))}, {card['indicator']}"] += 1
    seen = set()
    for one in delivered():
        topic, kind = one.card["source"]["topic"]["code"], one.card["indicator"]
        came[f"{one.specimen.id}: {topic}, {kind}"] += 1
        (said,) = [card for card in one.specimen.expected if card["module"] == one.module]
        assert sorted(said.get("includes", ())) == sorted(one.finding.includes), one.anchor
        if one.specimen.id not in seen:
            others = [card for card in one.specimen.expected if card["module"] not in one.specimen.shows]
            came.update(
                f"{one.specimen.id}: {topic_code(card['module'], card.get('state', ''))}, {card['indicator']}"
                for card in others
                if f"{topic_code(card['module'], card.get('state', ''))}, {card['indicator']}" in one.beside
            )
            assert len(one.beside) == len(one.specimen.expected) - 1, one.anchor
            seen.add(one.specimen.id)
    assert came == expected


def test_anchors_are_unique_and_stories_tell_something() -> None:
    anchors = [one.anchor for one in delivered()]
    kinds = {studio_html.kind_anchor(one.kind) for one in delivered()}
    assert [name for name, number in Counter([*anchors, *kinds]).items() if number > 1] == []
    assert [specimen.id for specimen in specimens() if not 10 <= len(specimen.story) <= 160] == []
    stories = Counter(specimen.story for specimen in specimens())
    assert [story for story, number in stories.items() if number > 1] == []


def test_every_kind_of_card_has_a_specimen() -> None:
    shown = {one.kind[:2] for one in delivered()}
    assert [kind for kind in KINDS if kind not in shown] == [], f"add a patient for each to {SPECIMENS}"
    each = one_of_each()
    kinds = {one.kind for one in delivered() if not one.specimen.filled}
    assert len(each) == len(kinds), "the first specimen of each kind, and no other"


def test_before_signing_the_same_is_said_of_the_order_to_be_signed() -> None:
    for one in delivered():
        if one.specimen.hook != ORDER_SELECT or one.specimen.filled:
            continue
        came = PREVIEW.look(
            charts.named(one.specimen.record, PREVIEW.reader.book.display),
            ORDER_SIGN,
            drafts=charts.named(one.specimen.drafts, PREVIEW.reader.book.display),
            as_of=AS_OF,
            not_delivered=one.specimen.not_delivered,
        ).cards
        again = [card for card in came if card["source"]["topic"] == one.card["source"]["topic"]]
        assert len(again) == len(one.hooks) - 1, one.anchor
        for card in again:
            assert card["summary"] == one.card["summary"]
            assert card["detail"].replace("the order to be signed", "the selected order") == one.card["detail"]
            assert [s["label"] for s in card.get("suggestions", ())] == [
                s["label"] for s in one.card.get("suggestions", ())
            ]


def test_every_sentence_of_a_scenario_stands_on_a_specimen() -> None:
    shown = {sentence for one in delivered() for sentence in sentences(one.finding)}
    missing: dict[str, str] = {}
    for scenario, screening in screenings():
        for finding in screening.findings:
            missing.update((said, scenario["id"]) for said in sentences(finding) if said not in shown)
    told = [f"{scenario}: {sentence}" for sentence, scenario in missing.items()]
    assert told == [], f"no specimen shows these sentences: add the patient to {SPECIMENS}"


def test_every_sentence_in_the_rules_stands_on_a_specimen() -> None:
    shown = "\n".join(dict.fromkeys(text for one in delivered() for text in words(one.finding))).lower()
    missing = {text: file for file, text in written() if not stands_in(text, shown)}
    assert {text: file for text, file in missing.items() if text not in ON_NO_CARD} == {}, f"add one to {SPECIMENS}"
    assert [text for text in ON_NO_CARD if text not in missing] == [], "these do stand on a card, or are no more"


def test_limits_hold_when_every_name_is_as_long_as_may_be() -> None:
    worst = [one for one in delivered() if one.specimen.filled == WORST_CASE]
    assert {one.card["indicator"] for one in worst} == {"info", "warning", "critical"}
    assert any(len(one.finding.evidence) > 100 for one in worst), "all thresholds are set by the site"
    assert any("local code" in one.card["detail"] for one in worst)
    for one in delivered():
        assert len(one.card["summary"]) <= studio_facts.LONGEST_SUMMARY
        assert all(len(suggestion["label"]) <= LONGEST_LABEL for suggestion in one.card.get("suggestions", ()))
        assert all(length.mark != "over" for length in studio_facts.lengths(one.card, one.finding)), one.anchor
        assert max(map(len, one.card["detail"].splitlines())) < 1000, "each name is cut"


def test_words_are_blanked_and_nothing_else() -> None:
    assert blanked("No current result for: B12, calcium.") == "No current result for: MODULES."
    assert blanked("B12: no result in 365 days") == "MODULE: no result in NUMBER days"
    assert blanked("Also considered: vitamin E (not listed: why).") == "Also considered: MODULES (not listed: why)."
    assert blanked("Vitamin B12 is low: arrange B12") == "Vitamin B12 is low: arrange B12"
    assert json.dumps(one_of_each()), "plain data"
