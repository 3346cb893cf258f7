"""Every card of every scenario in every dialect: what each EHR can show and file, and nothing lost on the way."""

import copy
import dataclasses
import itertools
import json
import re
from typing import Any

import pytest
from every_card import ALL_CODES, PREFERENCE_LIST, PUBLIC_URL, agreed, every_card
from fhirclient.models.servicerequest import ServiceRequest

from screening.dialects.outbound import DETAIL_TYPE, LONGEST_LABEL, cut, plain, shaped
from screening.dialects.table import DIALECTS, STRICT, Dialect, named
from screening.domain.catalog import GENE_ID_SYSTEM

DECISION = "example.dystonia-cds.decision"
URL = re.compile(r"https?://[^\s)\]\"]+")


def creates(card: Any) -> list[Any]:
    return [a for one in card.get("suggestions", ()) for a in one["actions"] if a["type"] == "create"]


def deletes(card: Any) -> list[Any]:
    return [a for one in card.get("suggestions", ()) for a in one["actions"] if a["type"] == "delete"]


def ours(action: Any) -> tuple[str, str]:
    """The order that an action of the renderer drafts, under the name that a map has it."""
    resource = action["resource"]
    for detail in resource.get("orderDetail", ()):
        return GENE_ID_SYSTEM, detail["coding"][0]["code"]
    return resource["code"]["coding"][0]["system"], resource["code"]["coding"][0]["code"]


def test_the_scenarios_bring_every_kind_of_card() -> None:
    modules = {one.card["extension"][DECISION]["module"] for one in every_card()}
    assert len(every_card()) > 300
    assert {"SCREEN", "DATA", "B12", "VITE", "MN", "CA", "CU", "FE"} <= modules
    assert len([name for name in modules if name.startswith("ORD_")]) == 17
    assert any(deletes(one.card) and creates(one.card) for one in every_card())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_card_says_stays_whatever_the_dialect(dialect: str) -> None:
    for one in every_card():
        before = copy.deepcopy(one.card)
        made = shaped(one.card, agreed(dialect, one))
        assert one.card == before, "the card that is given is left as it is"
        for name in ("uuid", "summary", "indicator", "overrideReasons"):
            assert made[name] == before[name]
        assert made["source"]["topic"] == before["source"]["topic"]
        assert made["extension"][DECISION] == before["extension"][DECISION]
        assert made == shaped(one.card, agreed(dialect, one)), "the same each time"
        assert all(value not in (None, "", [], {}) for value in made.values())
        assert ("suggestions" in made) is ("selectionBehavior" in made)


@pytest.mark.parametrize("dialect", ["strict", "sandbox", "athena", "oracle"])
def test_without_codes_of_the_site_these_get_what_the_standard_says(dialect: str) -> None:
    for one in every_card():
        assert shaped(one.card, agreed(dialect, one)) == one.card


@pytest.mark.parametrize("dialect", DIALECTS)
def test_limits_and_topics(dialect: str) -> None:
    for one in every_card():
        made = shaped(one.card, agreed(dialect, one))
        assert len(made["summary"]) < 140
        assert re.fullmatch(r"[A-Za-z0-9]{1,100}", made["source"]["topic"]["code"])
        for suggestion in made.get("suggestions", ()):
            assert 0 < len(suggestion["label"]) <= LONGEST_LABEL
            assert "…" not in suggestion["label"], "no label of ours has to be cut"
        for link in made.get("links", ()):
            assert 0 < len(link["label"]) < 140


def test_epic_gets_one_action_a_suggestion_that_says_all() -> None:
    for one in every_card():
        made = shaped(one.card, agreed("epic", one))
        ids = [suggestion["uuid"] for suggestion in made.get("suggestions", ())]
        assert len(set(ids)) == len(ids)
        assert not set(ids) & {suggestion["uuid"] for suggestion in one.card.get("suggestions", ())}
        assert made.get("selectionBehavior", "any") == "any"
        assert made["extension"][DETAIL_TYPE] == "text/markdown; variant=GitHub"
        for suggestion in made.get("suggestions", ()):
            assert set(suggestion) == {"label", "uuid", "actions"}, "nothing is pre-selected"
            (action,) = suggestion["actions"]
            assert suggestion["label"] == cut(action["description"], LONGEST_LABEL)
            assert not set(action["description"]) & set("<>\n")
            if action["type"] == "create":
                resource = action["resource"]
                ServiceRequest(resource, strict=True)
                (coding,) = resource["code"]["coding"]
                assert coding["system"] == PREFERENCE_LIST
                assert resource["code"]["text"] in action["description"]
                assert all(note["text"] in action["description"] for note in resource.get("note", ()))
                assert resource.get("priority", "") in action["description"]


def test_epic_is_offered_each_order_and_each_withdrawal_once() -> None:
    for one in every_card():
        made = shaped(one.card, agreed("epic", one))
        wanted = {ALL_CODES[ours(action)].code for action in creates(one.card)}
        given = [action["resource"]["code"]["coding"][0]["code"] for action in creates(made)]
        assert sorted(given) == sorted(wanted)
        assert [a["resourceId"] for a in deletes(made)] == list(
            dict.fromkeys(action["resourceId"] for action in deletes(one.card))
        )


def test_at_epic_a_withdrawal_names_its_order_and_what_takes_its_place() -> None:
    one = next(one for one in every_card() if deletes(one.card) and creates(one.card))
    made = shaped(one.card, agreed("epic", one))
    (withdrawal,) = deletes(made)
    reference = withdrawal["resourceId"]
    assert withdrawal["description"].startswith(f"Withdraw the selected order: {one.drafts[reference]}. Belongs to: ")
    assert all(action["description"] in withdrawal["description"] for action in creates(one.card))
    assert [a["type"] for s in made["suggestions"] for a in s["actions"]][-1] != "create", "orders come first"
    unnamed = shaped(one.card, agreed("epic", one, drafts={}))
    assert deletes(unnamed)[0]["description"].startswith("Withdraw the selected order. ")
    hostile = shaped(one.card, agreed("epic", one, drafts={reference: "<img src=x onerror=y>\n**x**" + "y" * 300}))
    told = deletes(hostile)[0]["description"]
    assert not set(told) & set("<>\n")
    assert len(told) < 300


def test_at_epic_a_withdrawal_says_what_the_card_does_not_offer_in_its_place() -> None:
    one = next(one for one in every_card() if deletes(one.card) and len(creates(one.card)) > 1)
    first, *others = creates(one.card)
    some = {ours(first): ALL_CODES[ours(first)]}
    (withdrawal,) = deletes(shaped(one.card, agreed("epic", one, order_codes=some)))
    _, _, together = withdrawal["description"].partition("Belongs to: ")
    expected = [first["description"], *(f"{action['description']} (by hand)" for action in others)]
    assert together == f"{'; '.join(expected)}."


@pytest.mark.parametrize("mapped", [0, 7])
def test_at_epic_what_cannot_be_filed_is_no_suggestion_and_is_named(mapped: int) -> None:
    some = dict(list(ALL_CODES.items())[:mapped])
    for one in every_card():
        made = shaped(one.card, agreed("epic", one, order_codes=some))
        asked = {ours(action): action for action in creates(one.card)}
        filed = {action["resource"]["code"]["coding"][0]["code"] for action in creates(made)}
        assert filed == {some[name].code for name in asked if name in some}
        left = [action for name, action in asked.items() if name not in some]
        assert ("To be ordered by hand" in made["detail"]) is bool(left)
        words = made["detail"].replace("\\", "")
        for action in left:
            assert f"- {action['resource']['code']['text']}" in words
            assert all(note["text"] in words for note in action["resource"].get("note", ()))
        assert len(deletes(made)) == len({a["resourceId"] for a in deletes(one.card)})
        assert made["detail"].rpartition("\n\n")[2] == one.card["detail"].rpartition("\n\n")[2]
        if not left:
            assert made["detail"] == one.card["detail"]


@pytest.mark.parametrize("dialect", ["strict", "sandbox", "athena", "oracle"])
def test_elsewhere_the_code_of_the_site_stands_in_front_of_ours(dialect: str) -> None:
    for one in every_card():
        made = shaped(one.card, agreed(dialect, one, order_codes=ALL_CODES))
        pairs = list(zip(creates(one.card), creates(made), strict=True))
        for was, action in pairs:
            site, own = action["resource"]["code"]["coding"]
            assert site["system"] == PREFERENCE_LIST
            assert [own] == was["resource"]["code"]["coding"]
            ServiceRequest(action["resource"], strict=True)
        some = shaped(one.card, agreed(dialect, one, order_codes=dict(list(ALL_CODES.items())[:7])))
        assert len(creates(some)) == len(pairs), "without a code of the site ours is better than none"
        assert some["detail"] == one.card["detail"]


def test_the_id_of_a_suggestion_does_not_hang_on_the_code_of_the_site() -> None:
    moved = {name: type(order)(order.system, f"NEW{order.code}") for name, order in ALL_CODES.items()}
    for one in every_card():
        first, second = (shaped(one.card, agreed("epic", one, order_codes=codes)) for codes in (ALL_CODES, moved))
        ids = [[s["uuid"] for s in card.get("suggestions", ())] for card in (first, second)]
        assert ids[0] == ids[1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_oracle_needs_a_list_of_links(dialect: str) -> None:
    page = f"{PUBLIC_URL}/explanations/vitamin-b12"
    for one in every_card():
        made = shaped(one.card, agreed(dialect, one, links=(page,)))
        if dialect != "oracle":
            assert made["links"] == one.card["links"]
            continue
        for name in ("links", "source", "detail"):
            text = json.dumps(made.get(name, {})).replace(made["source"]["topic"]["system"], "")
            found = {url for url in URL.findall(text) if not url.endswith("/thresholds")}
            assert found <= {page}, "thresholds are named in words, not linked"
        assert "](" not in made["detail"].replace(f"]({page})", "")
        assert ("links" in made) is (one.card["links"][0]["url"] == page)
        below = shaped(one.card, agreed(dialect, one, links=(f"{PUBLIC_URL}/explanations/",)))
        assert below["links"] == one.card["links"]
        assert "url" not in below["source"], "the index is not below itself"


def test_the_sandbox_can_render_every_card() -> None:
    for one in every_card():
        made = shaped(one.card, agreed("sandbox", one))
        assert isinstance(made["detail"], str)
        assert not re.search(r"<[A-Za-z/!]", made["detail"]), "it renders raw HTML"
        for name in ("suggestions", "links", "overrideReasons"):
            assert isinstance(made.get(name, []), list), "anything else breaks its page"
        assert made.get("overrideReasons", ["x"]), "an empty list makes an empty menu"
        for suggestion in made.get("suggestions", ()):
            assert suggestion["label"], "without one the button is dead"
            assert suggestion["uuid"], "without one there is no feedback"
            assert suggestion["actions"], "a suggestion without actions ends in a TypeError"
            for action in suggestion["actions"]:
                assert "medicationCodeableConcept" not in action.get("resource", {}), "it would replace the drug"
        assert all(link["type"] == "absolute" for link in made["links"]), "it cannot launch SMART links"


def long_card(**changes: Any) -> dict[str, Any]:
    card = copy.deepcopy(next(one.card for one in every_card() if "suggestions" in one.card))
    return card | changes


@pytest.mark.parametrize("dialect", DIALECTS)
def test_texts_that_are_too_long_are_cut_at_a_word(dialect: str) -> None:
    card = long_card(summary="word " * 60)
    card["suggestions"][0]["label"] = "Order: " + "test, " * 100
    made = shaped(card, agreed(dialect))
    assert len(made["summary"]) < 140
    assert made["summary"].endswith("word…")
    if dialect != "epic":
        assert len(made["suggestions"][0]["label"]) <= LONGEST_LABEL
        assert made["suggestions"][0]["label"].endswith("test…")


def test_cutting_and_plain_names() -> None:
    assert cut("x" * 139, 139) == "x" * 139
    assert cut("x" * 140, 139) == "x" * 138 + "…"
    assert cut("one two, three", 10) == "one two…"
    assert plain(" folic\tacid\u200b <b>1</b>\n mg ") == "folic acid b 1 /b mg"
    assert len(plain("x" * 300)) == 100


def test_a_dialect_that_is_not_known_is_served_as_the_standard_has_it() -> None:
    assert named("no-such-ehr") is STRICT
    assert [named(name).name for name in DIALECTS] == ["strict", "sandbox", "epic", "oracle", "athena"]


@pytest.mark.parametrize(
    "columns",
    list(itertools.product([False, True], repeat=3)),
    ids=lambda columns: "".join("ny"[one] for one in columns),
)
def test_the_columns_of_the_table_work_in_any_combination(columns: tuple[bool, bool, bool]) -> None:
    single, only_site, listed = columns
    row = Dialect("meridian", single_actions=single, only_site_codes=only_site, listed_links=listed)
    some = dict(list(ALL_CODES.items())[::2])
    for one in every_card()[::7]:
        made = shaped(one.card, dataclasses.replace(agreed("strict", one, order_codes=some, links=()), dialect=row))
        filed = creates(made)
        sites = [action["resource"]["code"]["coding"][0]["system"] == PREFERENCE_LIST for action in filed]
        assert all(sites) or not only_site
        assert all(len(s["actions"]) == 1 for s in made.get("suggestions", ())) or not single
        assert ("links" in made) is not listed
        named = made["detail"].replace("\\", "") + json.dumps(made.get("suggestions", []))
        assert all(action["resource"]["code"]["text"] in named for action in creates(one.card))
        for suggestion in made.get("suggestions", ()):
            offered = [a["resource"]["code"]["text"] for a in suggestion["actions"] if a["type"] == "create"]
            assert all(text in suggestion["label"] for text in offered)
