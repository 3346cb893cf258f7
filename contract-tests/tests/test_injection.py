"""Text from a chart is text on a card: a client that renders HTML and Markdown shows it as it stands."""

import copy
from datetime import date
from typing import Any

import pytest
from contract import judge
from contract.client import Client
from markdown_it import MarkdownIt
from scenarios.expected import shown

from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](http://example.org/pixel.png)",
    "<iframe srcdoc='x'></iframe>",
    "`code` | pipe | **bold** __u__ ~~s~~",
    "line\n\n# Heading\n\n- list\n\n<b>x</b>",
    "</style><style>h2{display:none}</style>",
    "http://example.org/autolink and www.example.org",
    "&lt;b&gt; &#60;i&#62;",
]
OWN = {
    "id": "hostile", "hook": "patient-view", "age": 57, "sex": "male",
    "conditions": [{"code": "G24.9", "onsetAge": 56}],
    "meds": [{"code": "6809", "name": "metformin", "start": 2000}],
    "labs": [{"code": "2132-9", "v": 90, "u": "pg/mL", "ago": 15}],
}  # fmt: skip
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def poisoned(node: Any, text: str) -> Any:
    """A copy of FHIR JSON with `text` in every display and text element and in printed units."""
    if isinstance(node, dict):
        made = {key: poisoned(value, text) for key, value in node.items()}
        for key in ("display", "text", "unit"):
            if isinstance(made.get(key), str):
                made[key] = text
        if "coding" in made and isinstance(made["coding"], list):
            made.setdefault("text", text)
            made["coding"] = [{**coding, "display": text} for coding in made["coding"]]
        return made
    if isinstance(node, list):
        return [poisoned(item, text) for item in node]
    return node


@pytest.mark.promise("R45")
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_a_chart_becomes_markup(door: Client, services: dict[str, Any], today: date, text: str) -> None:
    service = services["patient-view"]
    plain = wire.call(OWN, service["prefetch"], today, answer_prefetch)
    request = copy.deepcopy(plain)
    request["prefetch"] = poisoned(request["prefetch"], text)
    wanted, answer = (door.post(f"/cds-services/{service['id']}", body) for body in (plain, request))
    assert answer.status_code == 200
    assert judge.faults(answer.json()) == []
    assert shown(answer.json()) == shown(wanted.json()) != []
    for card in answer.json()["cards"]:
        inline = [child for token in RENDERER.parse(card["detail"]) for child in (token, *(token.children or ()))]
        kinds = {token.type for token in inline}
        assert not kinds & {"html_inline", "html_block", "image"}
        targets = [str(token.attrs.get("href", "")) for token in inline if token.type == "link_open"]
        assert all(target.startswith(door.base) or target.startswith("https://") for target in targets)
        assert not any("example.org" in target for target in targets)
        assert "<" not in card["summary"]


@pytest.mark.promise("R45")
def test_a_hostile_draft_stays_text(door: Client, services: dict[str, Any], today: date) -> None:
    service = services["order-select"]
    for text in HOSTILE:
        scenario = {
            "id": "hostile-draft", "hook": "order-select", "age": 45, "sex": "female",
            "conditions": [{"code": "G24.9", "onsetAgo": 200}],
            "draft": [{"id": "d1", "type": "MedicationRequest", "code": "4511", "text": text}],
        }  # fmt: skip
        answer = door.post(
            f"/cds-services/{service['id']}", wire.call(scenario, service["prefetch"], today, answer_prefetch)
        )
        assert [card.module for card in shown(answer.json())] == ["ORD_FOLATE"], text
        for card in answer.json()["cards"]:
            tokens = [child for token in RENDERER.parse(card["detail"]) for child in (token, *(token.children or ()))]
            assert not {token.type for token in tokens} & {"html_inline", "html_block", "image"}, text
