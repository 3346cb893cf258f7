"""Resources that are not R4, one fault each: a validator that lets one pass proves nothing."""

from typing import Any, Final

_PLAN: Final = {"resourceType": "PlanDefinition", "status": "draft"}
_SET: Final = {"resourceType": "ValueSet", "status": "draft"}
_ORDER: Final = {
    "resourceType": "ServiceRequest",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/any"},
}

BROKEN: Final[dict[str, dict[str, Any]]] = {
    "a required element is missing": {"resourceType": "PlanDefinition"},
    "a required element is missing further down": {
        **_PLAN,
        "action": [{"condition": [{"expression": {"language": "text/cql", "expression": "true"}}]}],
    },
    "an element that does not exist": {**_PLAN, "foo": 1},
    "a list where one value belongs": {**_PLAN, "title": ["a", "b"]},
    "one value where a list belongs": {**_PLAN, "action": {"title": "a"}},
    "text where a boolean belongs": {**_PLAN, "experimental": "false"},
    "a day that does not exist in the format": {**_PLAN, "date": "2026-13-01"},
    "an id with a character that ids do not have": {**_PLAN, "id": "a_b"},
    "an empty text": {**_PLAN, "title": ""},
    "a status outside its required binding": {**_PLAN, "status": "proposed"},
    "a kind of artifact outside its required binding": {**_PLAN, "relatedArtifact": [{"type": "cites"}]},
    "a kind of condition outside its required binding": {**_PLAN, "action": [{"condition": [{"kind": "perhaps"}]}]},
    "an intent outside its required binding": {**_ORDER, "intent": "suggestion"},
    "an order for nobody": {key: value for key, value in _ORDER.items() if key != "subject"},
    "an include of neither system nor value set": {**_SET, "compose": {"include": [{"concept": [{"code": "a"}]}]}},
    "a concept without a code": {
        **_SET,
        "compose": {"include": [{"system": "http://loinc.org", "concept": [{"display": "a"}]}]},
    },
    "two values in a choice": {
        **_SET,
        "extension": [{"url": "http://example.com/a", "valueBoolean": True, "valueString": "a"}],
    },
    "a code system without its content": {"resourceType": "CodeSystem", "status": "draft"},
    "a bundle of no type": {"resourceType": "Bundle"},
}  # fmt: skip
