"""Bundles that a user brings: told apart, opened, and however hostile, nothing of them runs."""

import json
import re
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import expect

from browser import bench, looking

MARKUP: Final = '<img src=x onerror="alert(1)"><script>alert(2)</script><svg onload=alert(3)>'
LINK: Final = "[click](javascript:alert(4)) ![x](http://elsewhere.example/x.png) <http://elsewhere.example>"
DEEP: Final = 5_000
MANY: Final = 3_000

NOT_USABLE: Final = {
    "no JSON": "this is not JSON",
    "a list": "[1, 2]",
    "no Bundle": '{"resourceType": "Patient", "id": "p"}',
    "no patient": '{"resourceType": "Bundle", "type": "collection", "entry": []}',
    "nothing": "",
    "too deep": "[" * 100_000 + "]" * 100_000,
}


def brought(page: Any, text: str, name: str = "bundle.json") -> None:
    """Choose a file with this text."""
    page.locator("#own input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": text.encode()}
    )


def a_bundle(base: str, case: str = "stomach-bypass") -> dict[str, Any]:
    return dict(requests.get(f"{base}/workbench/{case}/bundle.json", timeout=10).json())


def patient_of(bundle: dict[str, Any]) -> dict[str, Any]:
    return next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient")


@pytest.mark.parametrize("kind", ["collection", "searchset", "transaction"])
def test_bundle_is_opened_and_called_about(opened: Any, base: str, kind: str) -> None:
    page = bench.settled(opened("/"))
    bundle = a_bundle(base) | {"type": kind}
    bench.called_again(page, lambda: brought(page, json.dumps(bundle), "mine.json"))
    expect(page.get_by_role("heading", level=2, name="mine.json")).to_be_visible()
    assert bench.cards(page).first.get_attribute("data-topic") == "B12Abnormal"
    expect(page.locator("#timeline svg.tl-plot:visible").first).to_be_visible()
    if kind == "collection":
        looking.seen_everywhere(page, "workbench-own-bundle")


def test_record_of_a_bundle_is_listed_as_that_of_a_case(opened: Any, base: str) -> None:
    bundle = a_bundle(base)
    who = patient_of(bundle)
    of = {"reference": f"Patient/{who['id']}"}
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "BRO"}]}
    relatives: list[dict[str, Any]] = [
        {"id": "f1", "relationship": role, "condition": [{"code": {"text": "Wilson disease"}}, {}, None]},
        {"id": "f2", "relationship": {"text": "great-aunt"}, "condition": "none", "date": "2020-02-03"},
    ]
    ranges = [
        {"low": {"value": 30}, "high": {"value": 300, "unit": "ng/mL"}},
        {"high": {"value": 9}},
        {"text": "see note"},
    ]
    results = [
        {"id": "r1", "code": {"text": "Ferritin"}, "referenceRange": [*ranges, None], "valueQuantity": {"value": 12}}
    ]
    bundle["entry"] += [
        {"resource": {"resourceType": "FamilyMemberHistory", "status": "completed", "patient": of, **one}}
        for one in relatives
    ]
    bundle["entry"] += [{"resource": {"resourceType": "Observation", "subject": of, **one}} for one in results]
    page = bench.settled(opened("/"))
    bench.called_again(page, lambda: brought(page, json.dumps(bundle), "mine.json"))
    expect(page).to_have_title("mine.json · Workbench · Dystonia CDS")
    record = page.locator("#record")
    expect(record.locator(".person")).to_have_text(f"Patient: {who['gender']}, born {who['birthDate']}.")
    record.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    family = record.locator("details", has_text="Family (2)").locator("tbody tr")
    assert [row.locator("th, td").all_inner_texts() for row in family.all()] == [
        ["great-aunt", "none named", "2020-02-03"],
        ["brother", "Wilson disease", "undated"],
    ]
    ferritin = record.locator("tr", has=page.get_by_role("rowheader", name="Ferritin", exact=True)).last
    assert ferritin.locator("td").all_inner_texts() == ["12", "30 to 300 ng/mL; to 9; see note", "undated"]
    looking.seen_everywhere(page, "workbench-own-record")


def test_bundle_can_be_dropped_on_the_page(opened: Any, base: str) -> None:
    page = bench.settled(opened("/"))
    carried = page.evaluate_handle(
        """(text) => { const data = new DataTransfer();
        data.items.add(new File([text], "dropped.json", { type: "application/json" })); return data; }""",
        json.dumps(a_bundle(base)),
    )
    bench.called_again(page, lambda: page.dispatch_event("main", "drop", {"dataTransfer": carried}))
    expect(page.get_by_role("heading", level=2, name="dropped.json")).to_be_visible()


def test_dystonia_can_be_added_to_a_record_without_it(opened: Any, base: str) -> None:
    bundle = a_bundle(base, "nothing-done")
    bundle["entry"] = [one for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient"]
    page = bench.settled(opened("/"))
    bench.called_again(page, lambda: brought(page, json.dumps(bundle)))
    assert bench.cards(page).count() == 0
    page.get_by_label("Add a coded dystonia to this record").fill("not a code")
    page.get_by_role("button", name="Add the problem").click()
    expect(page.get_by_role("alert").filter(has_text="ICD-10-CM")).to_be_visible()
    page.get_by_label("Add a coded dystonia to this record").fill("G24.9")
    bench.called_again(page, lambda: page.get_by_role("button", name="Add the problem").click())
    assert bench.cards(page).count() >= 1


def test_of_several_patients_one_is_chosen(opened: Any, base: str) -> None:
    both = a_bundle(base, "all-normal")
    both["entry"] += a_bundle(base)["entry"]
    page = bench.settled(opened("/"))
    brought(page, json.dumps(both))
    page.get_by_label("Patient", exact=True).select_option(patient_of(a_bundle(base))["id"])
    looking.fine(looking.violations(page), "while choosing")
    bench.called_again(page, lambda: page.get_by_role("button", name="Open this chart").click())
    assert bench.cards(page).first.get_attribute("data-topic") == "B12Abnormal"


@pytest.mark.parametrize("name", NOT_USABLE)
def test_file_that_is_not_usable_is_told_apart_in_words(opened: Any, name: str) -> None:
    page = bench.settled(opened("/"))
    before = bench.summaries(page)
    brought(page, NOT_USABLE[name], "broken.json")
    fault = page.locator("#own .fault")
    expect(fault).to_contain_text("broken.json")
    assert len(fault.inner_text()) > len("broken.json: ") + 10
    assert bench.summaries(page) == before


def hostile(base: str) -> dict[str, Any]:
    """A record with markup, links and prototypes in every text that is shown."""
    bundle = a_bundle(base)
    for one in bundle["entry"]:
        resource = one["resource"]
        resource["text"] = {"status": "generated", "div": f"<div>{MARKUP}</div>"}
        if isinstance(code := resource.get("code"), dict):
            code["text"] = f"{MARKUP} {LINK}"
            for coding in code.get("coding", ()):
                coding["display"] = f"{MARKUP} {LINK}"
        if isinstance(quantity := resource.get("valueQuantity"), dict):
            quantity["unit"] = quantity.get("unit", "") or MARKUP
    patient_of(bundle)["name"] = [{"text": MARKUP, "family": LINK}]
    text = json.dumps(bundle)
    polluted = '"__proto__": {"polluted": "yes"}, "constructor": {"prototype": {"polluted": "yes"}}, '
    return dict(json.loads(text)) | {"polluted": polluted}


def test_nothing_of_a_hostile_bundle_runs(opened: Any, base: str) -> None:
    bundle = hostile(base)
    polluted = bundle.pop("polluted")
    text = re.sub(r'\{"resourceType"', "{" + polluted.replace("\\", "\\\\") + '"resourceType"', json.dumps(bundle))
    page = bench.settled(opened("/"))
    images = page.locator("main img").count()
    bench.called_again(page, lambda: brought(page, text, MARKUP.replace("/", "-")))
    assert bench.cards(page).count() >= 1
    expect(page.locator("#record")).to_contain_text("<script>alert(2)</script>")
    for name in ("order-select", "patient-view"):
        page.get_by_role("navigation", name="Hook").get_by_role("link", name=name).click()
        if name == "order-select":
            area_of_own_order(page)
        bench.settled(page)
    for name in ("Why", "Prefetch", "Request", "Response", "curl"):
        bench.tab(page, name)
    page.locator("main details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    looking.shot(page, "workbench-hostile")
    assert page.locator("main img").count() == images
    assert page.locator("main script, main iframe, main object, main [onerror], main [onload]").count() == 0
    addresses = page.eval_on_selector_all("main a", "(links) => links.map((link) => link.protocol)")
    assert {*addresses} <= {"http:", "https:"}
    assert page.evaluate("() => [({}).polluted, [].polluted, Object.prototype.polluted]") == [None, None, None]
    looking.fine(looking.violations(page), "hostile")


def area_of_own_order(page: Any) -> None:
    """Draft an order whose every text is markup."""
    page.get_by_label("Add an order").select_option("An order of your own, as JSON")
    page.get_by_role("button", name="Add", exact=True).click()
    area = page.get_by_role("textbox", name=re.compile("as JSON$"))
    order = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": {"text": f"{MARKUP} {LINK}"},
    }
    area.fill(json.dumps(order)[:-1] + ', "__proto__": {"polluted": "yes"}}')
    bench.called_again(page, lambda: page.get_by_role("button", name="Use this").click())


def test_hostile_words_in_a_card_stay_words(opened: Any, base: str, watch: Any) -> None:
    """The service escapes what comes from a record; the page must not need that."""
    watch.expect(404)  # a call that has not arrived has no trace
    page = opened("about:blank")
    action = {"type": "create", "description": MARKUP}
    answer = {
        "cards": [
            {
                "uuid": "c1", "summary": MARKUP, "indicator": "warning", "detail": f"{MARKUP}\n\n{LINK}",
                "source": {"label": MARKUP, "url": "javascript:alert(5)", "topic": {"code": MARKUP}},
                "links": [{"label": MARKUP, "url": "data:text/html,<script>alert(6)</script>", "type": "absolute"}],
                "suggestions": [{"label": MARKUP, "uuid": "s1", "actions": [action]}],
                "overrideReasons": [{"code": "x", "display": MARKUP}],
            }
        ]
    }  # fmt: skip
    page.route(
        "**/cds-services/dystonia-patient-view",
        lambda route: route.fulfill(status=200, content_type="application/json", body=json.dumps(answer)),
    )
    page.goto(f"{base}/workbench/all-normal")
    bench.settled(page)
    card = bench.cards(page).first
    expect(card.locator("header")).to_contain_text("<script>alert(2)</script>")
    page.locator("main details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    looking.shot(page, "workbench-hostile-card")
    assert page.locator("#cards img, #cards script, #cards iframe, #cards [onerror], #cards svg").count() == 0
    addresses = page.eval_on_selector_all("#cards a", "(links) => links.map((link) => link.protocol)")
    assert {*addresses} <= {"http:", "https:"}


def test_large_bundle_is_opened_and_not_all_of_it_listed(opened: Any, base: str) -> None:
    bundle = a_bundle(base)
    sample = next(one for one in bundle["entry"] if one["resource"]["resourceType"] == "Observation")
    bundle["entry"] += [{"resource": {**sample["resource"], "id": f"more-{number}"}} for number in range(MANY)]
    page = bench.settled(opened("/"))
    brought(page, json.dumps(bundle), "large.json")
    expect(page.get_by_role("heading", level=2, name="large.json")).to_be_visible(timeout=20_000)
    bench.settled(page)
    assert 0 < page.locator("#record tr").count() < MANY


def test_deep_bundle_is_opened_or_refused_in_words(opened: Any, base: str) -> None:
    text = json.dumps(a_bundle(base))[:-1] + ', "extension": ' + '[{"extension": ' * DEEP + "[]" + "}]" * DEEP + "}"
    page = bench.settled(opened("/"))
    brought(page, text, "deep.json")
    opens = page.get_by_role("heading", level=2, name="deep.json")
    expect(opens.or_(page.locator("#own .fault").filter(has_text="deep.json"))).to_be_visible()
    bench.settled(page)
