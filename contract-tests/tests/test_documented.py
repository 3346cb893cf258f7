"""The OpenAPI document against the running services, and the pages that it lists against a strict browser."""

import re
from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from contract import corpus
from contract.client import Client
from jsonschema import Draft202012Validator

from screening.pages.card_html import INDICATORS
from screening.pages.studio_query import HOOKS, Query

_INLINE = re.compile(
    r"<script(?![^>]*\ssrc=)|<style|<[^>]+\s(?:style|on[a-z]+)\s*=|javascript:|<iframe|<object|<embed|<base",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"<(?:link|img|script|source|video|audio)[^>]+(?:href|src)=[\"']?(?:https?:)?//", re.IGNORECASE)
PAGES = (
    "/explanations", "/explanations/vitamin-b12", "/explanations/vitamin-b12?audience=patient", "/explanations/none",
    "/bibliography", "/thresholds", "/prefetch-doctor", "/trace", "/report", "/",
)  # fmt: skip


@pytest.fixture(scope="module")
def document(door: Client) -> Any:
    answer = door.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def faults(document: Any, component: str, instance: object) -> list[str]:
    schema = document["components"]["schemas"][component] | {"components": document["components"]}
    return [error.message[:300] for error in Draft202012Validator(schema).iter_errors(instance)]


def test_each_service_is_documented_as_it_is_announced(door: Client, document: Any) -> None:
    discovery = door.get("/cds-services").json()
    assert faults(document, "Discovery", discovery) == []
    for service in discovery["services"]:
        call = document["paths"][f"/cds-services/{service['id']}"]["post"]
        body = call["requestBody"]["content"]["application/json"]["schema"]["properties"]
        assert body["hook"] == {"const": service["hook"]}
        assert {key: told["description"] for key, told in body["prefetch"]["properties"].items()} == service["prefetch"]
        assert f"/cds-services/{service['id']}/feedback" in document["paths"]


def test_every_documented_page_is_there(door: Client, document: Any) -> None:
    plain = [path for path, item in document["paths"].items() if "get" in item and "{" not in path]
    for path in plain:
        answer = door.get(path)
        told = document["paths"][path]["get"]["responses"]
        assert str(answer.status_code) in told, path
        if answer.status_code == 200:
            assert answer.headers["Content-Type"].partition(";")[0] in told["200"]["content"], path


def test_what_the_studio_can_be_asked_is_documented(document: Any) -> None:
    told = {one["name"]: one["schema"] for one in document["paths"]["/studio"]["get"]["parameters"]}
    assert [*told] == [field.name for field in fields(Query)]
    assert told["hook"]["enum"] == ["", *HOOKS]
    assert told["indicator"]["enum"] == ["", *INDICATORS]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_nothing_that_a_strict_browser_refuses(door: Client, path: str) -> None:
    answer = door.get(path, headers={"Accept": "text/html"})
    if answer.status_code in (401, 403, 404) and path in ("/prefetch-doctor", "/trace", "/report", "/"):
        pytest.skip("not shown to us by this deployment")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert not _INLINE.search(answer.text)
    assert not _ELSEWHERE.search(answer.text)


def test_calls_and_cards_keep_the_documented_form(
    door: Client, services: dict[str, Any], today: date, document: Any
) -> None:
    answers = corpus.collect(door, services, today)
    assert len(answers) > len(corpus.ONE_OF_EACH)
    ids = {service["hook"]: service["id"] for service in services.values()}
    for answered in answers:
        assert faults(document, "Cards", answered.response) == [], answered.name
        call = document["paths"][f"/cds-services/{ids[answered.request['hook']]}"]["post"]
        schema = call["requestBody"]["content"]["application/json"]["schema"]
        assert Draft202012Validator(schema).is_valid(answered.request), answered.name
