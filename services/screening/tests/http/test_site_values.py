"""What a site has set decides, stands on every card, on the page of thresholds, and reaches the prefetch."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient

from screening.knowledge.site_values import SiteValuesError, load, read

EXAMPLE = Path(__file__).parents[4] / "docs" / "site-values.example.toml"
DECISION = "example.dystonia-cds.decision"
OWN = load(EXAMPLE, date(2026, 11, 22))
LIMIT = "vitamin-b12.total.indeterminate"


@pytest.fixture(scope="module")
def default() -> FlaskClient:
    return s.application().test_client()


@pytest.fixture(scope="module")
def site() -> FlaskClient:
    return s.application(site_values=OWN).test_client()


def cards(client: FlaskClient, number: int, unit: str = "ng/L") -> list[Any]:
    call = s.call(s.prefetch(s.observation("2132-9", number, unit)))
    found: list[Any] = client.post(s.PATIENT_VIEW, json=call).get_json()["cards"]
    return found


def test_a_limit_of_the_site_decides(default: FlaskClient, site: FlaskClient) -> None:
    for number, unit in ((320, "ng/L"), (301, "ng/L"), (222, "pmol/L")):
        assert "B12 BORDERLINE" in s.modules(cards(default, number, unit))
        assert "B12 BORDERLINE" not in s.modules(cards(site, number, unit))
    for number, unit in ((300, "ng/L"), (221, "pmol/L")):
        assert "B12 BORDERLINE" in s.modules(cards(site, number, unit))


def test_every_card_says_what_the_site_has_set(site: FlaskClient) -> None:
    found = cards(site, 200)
    assert len(found) >= 2
    for card in found:
        decision = card["extension"][DECISION]
        told = [e for e in decision["evidence"] if e["code"] == "site-value"]
        assert [e["display"] for e in told] == [
            "vitamin B12: indeterminate up to this: 300 ng/L / 221 pmol/L instead of 350 ng/L / 258 pmol/L",
            "a vitamin E counts at most this old: 900 days instead of 730 days",
        ]
        for e, own in zip(told, (OWN[LIMIT], OWN["vitamin-e.look-back"]), strict=True):
            assert e["criterion"] == own.reason
            assert e["citation"] == "site value approved by Example Approver on 2026-11-01, version 2026-1"
        assert decision["rulesVersion"].endswith("+site.2026-1")
        assert "300 ng/L / 221 pmol/L instead of" in card["detail"]


def test_what_the_site_decided_is_not_cited_as_the_guideline(site: FlaskClient) -> None:
    (card,) = (c for c in cards(site, 200) if c["extension"][DECISION]["module"] == "B12")
    (result,) = (e for e in card["extension"][DECISION]["evidence"] if e["code"] == "2132-9")
    assert result["criterion"] == "indeterminate: up to 300 ng/L / 221 pmol/L"
    assert result["citation"].startswith("site value approved by Example Approver")
    assert "instead of 350 ng/L / 258 pmol/L (NICE NG239" in result["citation"]
    (card,) = (c for c in cards(site, 100) if c["extension"][DECISION]["module"] == "B12")
    (result,) = (e for e in card["extension"][DECISION]["evidence"] if e["code"] == "2132-9")
    assert result["citation"].startswith("NICE NG239")


def test_order_cards_say_it_too(site: FlaskClient) -> None:
    folate = s.draft("4511", resourceType="MedicationRequest", id="d1", code=s.DROP,
                     medicationCodeableConcept=s.concept(s.RXNORM, "4511", "folic acid"))  # fmt: skip
    found = site.post(s.ORDER_SELECT, json=s.order_call(folate)).get_json()["cards"]
    assert found
    for card in found:
        assert [e["code"] for e in card["extension"][DECISION]["evidence"]].count("site-value") == len(OWN)


@pytest.mark.parametrize(
    ("name", "days"),
    [("calcium-vitamin-d.fresh", 14), ("calcium-vitamin-d.later-albumin", 30), ("copper-wilson.inr-look-back", 30)],
)
@pytest.mark.parametrize("change", [-1, 1])
def test_no_site_changes_what_an_emergency_depends_on(name: str, days: int, change: int) -> None:
    value = {"threshold": name, "value": f"{days + change} days", "reason": "Example reason."}
    head = {"version": "1", "approver": "Example Approver", "approved": date(2026, 11, 1)}
    with pytest.raises(SiteValuesError) as caught:
        read({**head, "value": [value]}, date(2026, 11, 22))
    assert f"{name}: is not open to sites" in str(caught.value)


@pytest.mark.parametrize(("many", "more"), [(5, ""), (6, "- 1 more site value: "), (12, "- 7 more site values: ")])
def test_many_site_values_do_not_fill_a_card(many: int, more: str) -> None:
    """Five are told one by one, whatever their number; the decision holds them all."""
    own = {
        f"vitamin-e.number-{i:02}": replace(OWN["vitamin-e.look-back"], reason=f"Reason {i:02}") for i in range(many)
    }
    found = cards(s.application(site_values=own).test_client(), 200)
    assert len(found) >= 2
    for card in found:
        told = [e["criterion"] for e in card["extension"][DECISION]["evidence"] if e["code"] == "site-value"]
        assert told == [f"Reason {i:02}" for i in range(many)]
        assert [reason for reason in told if reason in card["detail"]] == told[:5]
        assert card["detail"].count("/thresholds") == bool(more)
        if more:
            assert f"\n{more}http://localhost:8080/thresholds\n" in card["detail"]


def test_without_a_file_nothing_is_said_of_it(default: FlaskClient) -> None:
    for card in cards(default, 200):
        assert "site" not in card["extension"][DECISION]["rulesVersion"]
        assert "site-value" not in str(card["extension"])
        assert "site value" not in card["detail"]


def test_a_longer_look_back_asks_for_more(default: FlaskClient, site: FlaskClient) -> None:
    def templates(client: FlaskClient) -> dict[str, str]:
        found: dict[str, str] = client.get("/cds-services").get_json()["services"][0]["prefetch"]
        return found

    before, after = templates(default), templates(site)
    assert {key for key in before if before[key] != after[key]} == {"labs_vitamin_e"}
    assert "today() - 1095 days" in before["labs_vitamin_e"]
    assert "today() - 1435 days" in after["labs_vitamin_e"]


def test_the_page_lists_everything_and_what_the_site_has_set(default: FlaskClient, site: FlaskClient) -> None:
    told = site.get("/thresholds", headers={"Accept": "application/json"}).get_json()
    assert [one["id"] for one in told["siteValues"]] == sorted(OWN)
    assert told["siteValues"][0]["reason"] == OWN[LIMIT].reason
    (listed,) = (one for one in told["thresholds"] if one["id"] == LIMIT)
    assert listed["inForce"] == ["300 ng/L", "221 pmol/L"]
    assert listed["default"] == ["350 ng/L", "258 pmol/L"]
    assert told["rulesVersion"].endswith("+site.2026-1")
    page = site.get("/thresholds", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.content_type == "text/html; charset=utf-8"
    for words in (
        LIMIT,
        "300 ng/L / 221 pmol/L",
        "Example Approver",
        "2026-11-01",
        "2026-1",
        "laboratory&#39;s method",
    ):
        assert words in page.text
    assert "<script" not in page.text
    plain = default.get("/thresholds")
    assert plain.content_type == "text/html; charset=utf-8"
    assert "the defaults hold" in plain.text
    assert LIMIT in plain.text
    assert default.get("/thresholds", headers={"Accept": "application/json"}).get_json()["siteValues"] == []


def test_the_page_is_asked_for_again_only_when_it_changed(site: FlaskClient, default: FlaskClient) -> None:
    tag = site.get("/thresholds").headers["ETag"]
    assert site.get("/thresholds", headers={"If-None-Match": tag}).status_code == 304
    assert default.get("/thresholds", headers={"If-None-Match": tag}).status_code == 200
    assert site.post("/thresholds").status_code == 405
