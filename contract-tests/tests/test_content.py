"""The texts: the snapshot that screening holds, and the pages that a card links to, through the public door."""

import pytest
from contract import schemas
from contract.client import Client

SLUGS = ("vitamin-b12", "vitamin-e", "manganese", "genetic-vs-acquired", "safety")


def test_the_snapshot_keeps_its_schema(content: Client) -> None:
    answer = content.get("/snapshot")
    assert answer.status_code == 200
    snapshot = answer.json()
    assert schemas.faults("snapshot", snapshot) == []
    assert set(SLUGS) <= set(snapshot["explanations"])
    assert all(snapshot["explanations"][slug].get("card_text") for slug in ("vitamin-b12", "vitamin-e", "manganese"))


def test_the_snapshot_is_asked_for_again_at_no_cost(content: Client) -> None:
    first = content.get("/snapshot")
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    again = content.get("/snapshot", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert content.get("/snapshot", headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize("slug", SLUGS)
def test_pages_are_read_through_the_public_door(door: Client, slug: str) -> None:
    page = door.get(f"/explanations/{slug}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<h1" in page.text
    text = door.get(f"/explanations/{slug}", headers={"Accept": "text/markdown"})
    assert text.headers["Content-Type"].startswith("text/markdown")
    assert "<html" not in text.text
    patient = door.get(f"/explanations/{slug}?audience=patient", headers={"Accept": "text/html"})
    assert patient.status_code == 200
    assert patient.text != page.text


def test_a_patient_reads_a_page_in_german(door: Client) -> None:
    path = "/explanations/vitamin-b12?audience=patient"
    for address, wanted in ((path, {"Accept-Language": "de-AT, en;q=0.5"}), (f"{path}&lang=de", {})):
        page = door.get(address, headers={"Accept": "text/html", **wanted})
        assert page.headers["Content-Language"] == "de"
        assert {"Accept", "Accept-Language"} <= {name.strip() for name in page.headers["Vary"].split(",")}
        assert 'hreflang="en"' in page.headers["Link"]
        assert '<html lang="de">' in page.text


@pytest.mark.promise("R7")
def test_what_is_supported_is_documented_for_people(door: Client) -> None:
    for path in ("/explanations", "/bibliography"):
        assert door.get(path, headers={"Accept": "text/html"}).status_code == 200, path


@pytest.mark.parametrize("path", ["/explanations/no-such-page", "/explanations/vitamin-b12?audience=nobody"])
def test_what_is_not_there_is_said(door: Client, path: str) -> None:
    answer = door.get(path, headers={"Accept": "application/json"})
    assert answer.status_code in {400, 404}
    assert schemas.faults("operation-outcome", answer.json()) == []
