"""The body at the door: read once and strictly, within its limits, and passed on as it came."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from chassis.problems import Problem
from chassis.serving import connections
from gateway import bodies, limits
from gateway.limits import Limits
from gateway.settings import Settings

VIEW = "/cds-services/dystonia-patient-view"
SELECT = "/cds-services/dystonia-order-select"
MARK = "Sentinel-7319"
LIMITS = Limits()


def refused(body: bytes, status: int = 400) -> str:
    with pytest.raises(Problem) as caught:
        bodies.read(body, LIMITS)
    assert caught.value.status == status
    assert MARK not in caught.value.words
    assert len(caught.value.words) <= 200
    assert caught.value.words.endswith(".")
    return caught.value.words


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """An object in which lists or objects lie in one another, `levels` in all with the outermost."""
    return b'{"a":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "what", "place"),
    [
        (b"not json", "not JSON", "line 1, column 2"),
        (b'{"a": NaN}', "NaN", "line 1, column 7"),
        (b'{"a":\n {"b": Infinity}}', "Infinity", "line 2, column 8"),
        (b'{"a": -Infinity}', "number", "line 1, column 8"),
        (b'{"a": 1} x', "after its end", "line 1, column 10"),
        (b'{"a": 1}\x00', "after its end", "line 1, column 9"),
        (b'{"a": 1}{"a": 1}', "after its end", "line 1, column 9"),
        (b"{", "before it is complete", "line 1, column 1"),
        (b'{"a": "' + b"x" * 50, "before it is complete", "line 1, column 57"),
        (b'{"a": 01}', "number", "line 1, column 8"),
        (b'{"a": +1}', "not JSON", "line 1, column 7"),
        (b"{'a': 1}", "double quotes", "line 1, column 2"),
        (b'{"a": 1,}', "comma", "line 1, column 9"),
        (b'// comment\n{"a": 1}', "comments", "line 1, column 1"),
        (b'{"a": "\xff"}', "not UTF-8", "line 1, column 8"),
        (b'{"prefetch": {"b": "\xc0\x80"}}', "not UTF-8", "line 1, column 21"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8", "line 1, column 8"),
        (b'{"a": "\\ud800"}', "surrogate", "line 1, column 14"),
        (b'{"a": "\\ud83d\\u0041"}', "surrogate", "line 1, column "),
        (b'{"a": "\\udc00"}', "surrogate", "line 1, column "),
        (b'{"\\udfff": 1}', "surrogate", "line 1, column "),
        (b'{"a": "\\q"}', "escapes nothing", "line 1, column 9"),
        (b'{"a": "x\ny"}', "control character", "line 2, column 0"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "too many digits", "line 1, column "),
        (b'{"Sentinel-7319": 1, "Sentinel-7319": 1}', "key stands twice", "line 1, column 38"),
        (b'{"a": {"b": [{"Sentinel-7319": 1,\n "Sentinel-7319": 2}]}}', "key stands twice", "line 2, column 18"),
        (b'{"a": 1, "\\u0061": 1}', "key stands twice", "line 1, column 19"),
        (b'{"recursion limit": 1, "recursion limit": 2}', "key stands twice", "line 1, column 42"),
        (nested(201), "deeper than 200 levels", "line 1, column 206"),
        (nested(201, b'{"a":', b"}"), "deeper than 200 levels", "line 1, column "),
        (b'{"a":' + b'[{"a":' * 50_000, "deeper than 200 levels", "line 1, column "),
        (b"[" * 1_00_000, "deeper than 200 levels", "line 1, column 202"),
    ],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused_with_its_place(body: bytes, what: str, place: str) -> None:
    words = refused(body)
    assert words.startswith("The request body cannot be read as JSON in UTF-8: ")
    assert what in words
    assert place in words


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true", b" [{}] "])
def test_what_is_not_an_object_is_refused(body: bytes) -> None:
    assert refused(body) == "The request body must be a JSON object."


def test_an_empty_body_is_refused() -> None:
    assert "empty" in refused(b"")
    assert "before it is complete" in refused(b" \n ")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_a_byte_order_mark_and_other_encodings_are_refused(encoding: str) -> None:
    words = refused('{"a": "b"}'.encode(encoding))
    assert "UTF-8" in words
    assert ("byte order mark" in words) == (not encoding.endswith("e"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1e999}', b'{"a": -1e999}', b'{"a": 1e-999}', b'{"a": ' + b"9" * 400 + b"}",
        b'{"a": 0.' + b"1" * 9_000 + b"}", nested(199), nested(199, b'{"a":', b"}"),
        b'{"a": "\\ud83d\\ude00 \\u0000"}', '{"\u00e4": "\U0001f600"}'.encode(),
        b" \r\n\t{} \n", b'{"a": 1, "A": 1, "a ": 1}', b'[{"a": 1}, {"a": 1}]'.join((b'{"x": ', b"}")), b'{"a": -0.0}',
    ],
)  # fmt: skip
def test_what_is_odd_but_json_is_read_and_passed_on_as_it_came(client: Any, call: Any, stub: Any, body: bytes) -> None:
    assert isinstance(bodies.read(body, LIMITS), dict)
    sent = json.dumps(call).encode()[:-1] + b', "odd": ' + body + b"}"
    assert client.post(VIEW, data=sent, content_type="application/json").status_code == 200
    assert stub.calls[-1][3] == sent


def test_brackets_are_counted_before_anything_is_built() -> None:
    few = Limits(containers=1_000)
    assert bodies.read(b'{"a": [' + b"[]," * 997 + b"[]]}", few)
    with pytest.raises(Problem) as caught:
        bodies.read(b'{"a": [' + b"[]," * 998 + b"[]]}", few)
    assert (caught.value.status, caught.value.code) == (413, "too-costly")
    assert "1,000" in caught.value.words
    assert "MAX_JSON_CONTAINERS" in caught.value.words


def test_commas_are_counted_before_anything_is_built() -> None:
    few = Limits(values=1_000)
    assert bodies.read(b'{"a": [' + b"1," * 1_000 + b"1]}", few)
    with pytest.raises(Problem) as caught:
        bodies.read(b'{"a": [' + b"1," * 1_001 + b"1]}", few)
    assert (caught.value.status, caught.value.code) == (413, "too-costly")
    assert "1,000 members and items" in caught.value.words
    assert "MAX_JSON_VALUES" in caught.value.words


def bundle(entries: int, resource: Any = None) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource or {}} for _ in range(entries)]}


FEW = Limits(prefetch_keys=3, bundle_entries=5, all_entries=12, draft_orders=4, selections=2, feedback_items=2)


@pytest.mark.parametrize(
    ("prefetch", "setting"),
    [
        ({"a": None, "b": None, "c": None}, ""),
        ({"a": None, "b": None, "c": None, "d": None}, "MAX_PREFETCH_KEYS"),
        ({"a": bundle(5), "b": bundle(5)}, ""),
        ({"a": bundle(6)}, "MAX_BUNDLE_ENTRIES"),
        ({"a": [{}] * 6}, "MAX_BUNDLE_ENTRIES"),
        ({"a": bundle(1, bundle(1, bundle(6)))}, "MAX_BUNDLE_ENTRIES"),
        ({"a": [bundle(6)]}, "MAX_BUNDLE_ENTRIES"),
        ({"a": bundle(4), "b": bundle(4), "c": bundle(4)}, ""),
        ({"a": bundle(5), "b": bundle(4), "c": bundle(4)}, "MAX_ALL_ENTRIES"),
        ({"a": bundle(4, bundle(3))}, "MAX_ALL_ENTRIES"),
        ({"a": {"entry": {"0": {}}}, "b": "text", "c": [1, None, "x"]}, ""),
        ({"a": {"entry": [1, None, {"resource": None}, {"resource": []}, {}]}}, ""),
    ],
)  # fmt: skip
def test_entries_and_keys_are_counted(
    gateway: Any, call: Any, words: Any, stub: Any, prefetch: dict[str, Any], setting: str
) -> None:
    response = gateway(limits=FEW).post(VIEW, json=call | {"prefetch": prefetch})
    assert response.status_code == (413 if setting else 200)
    assert len(stub.calls) == (0 if setting else 1)
    if setting:
        assert setting in words(response)
        assert response.json["issue"][0]["expression"] == ["prefetch"]


@pytest.mark.parametrize(
    ("context", "setting"),
    [
        ({"draftOrders": bundle(4), "selections": ["a", "b"]}, ""),
        ({"draftOrders": bundle(5)}, "MAX_DRAFT_ORDERS"),
        ({"selections": ["a", "b", "c"]}, "MAX_SELECTIONS"),
        ({"draftOrders": bundle(4, bundle(3))}, "MAX_ALL_ENTRIES"),
        ({"draftOrders": {"resourceType": "Bundle", "entry": "x" * 9}}, ""),
    ],
)  # fmt: skip
def test_drafts_and_selections_are_counted(
    gateway: Any, order: Any, words: Any, context: dict[str, Any], setting: str
) -> None:
    response = gateway(limits=FEW).post(SELECT, json=order | {"context": order["context"] | context})
    assert response.status_code == (413 if setting else 200)
    assert not setting or setting in words(response)


def test_items_of_feedback_are_counted(gateway: Any, words: Any, stub: Any) -> None:
    few = gateway(limits=FEW)
    assert few.post(VIEW + "/feedback", json={"feedback": [{}, 5]}).status_code == 200
    response = few.post(VIEW + "/feedback", json={"feedback": [{}] * 3})
    assert response.status_code == 413
    assert "more than 2 items" in words(response)
    assert "MAX_FEEDBACK_ITEMS" in words(response)
    assert response.json["issue"][0]["expression"] == ["feedback"]
    assert len(stub.calls) == 1


def test_feedback_is_read_as_strictly(client: Any, words: Any, stub: Any) -> None:
    for body, said in ((b'{"feedback": [], "feedback": []}', "twice"), (b"[]", "object"), (b"", "empty")):
        response = client.post(VIEW + "/feedback", data=body, content_type="application/json")
        assert response.status_code == 400
        assert said in words(response)
    assert stub.calls == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON;charset=UTF-8", 200),
        ("application/fhir+json", 200), ("application/vnd.x.y+json; charset=us-ascii", 200),
        ("text/plain", 415), ("", 415), ("application/x-www-form-urlencoded", 415), ("application/json+fhir", 415),
        ("application/json; charset=utf-16", 415), ("text/json", 415), ("application/jsonp", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)  # fmt: skip
def test_content_types(client: Any, call: dict[str, Any], words: Any, content_type: str, status: int) -> None:
    response = client.post(VIEW, data=json.dumps(call), content_type=content_type)
    assert response.status_code == status
    if status == 415:
        assert "application/json" in words(response)


@pytest.mark.parametrize(
    ("encoding", "status"),
    [("identity", 200), ("gzip", 415), ("br", 415), ("deflate", 415), ("gzip, identity", 415), ("Identity", 200)],
)
def test_content_encodings(client: Any, call: dict[str, Any], encoding: str, status: int) -> None:
    response = client.post(VIEW, json=call, headers={"Content-Encoding": encoding})
    assert response.status_code == status
    assert response.headers.get("Accept-Encoding") == ("identity" if status == 415 else None)


def test_the_size_limit_is_exact_and_said(gateway: Any, call: dict[str, Any], words: Any, stub: Any) -> None:
    body = json.dumps(call).encode()
    small = gateway(max_body=len(body))
    assert small.post(VIEW, data=body, content_type="application/json").status_code == 200
    response = small.post(VIEW, data=body + b" ", content_type="application/json")
    assert response.status_code == 413
    assert f"{len(body):,} bytes" in words(response)
    assert "MAX_BODY_BYTES" in words(response)
    assert len(stub.calls) == 1


def test_a_body_of_unknown_length_meets_the_same_limit(gateway: Any, call: dict[str, Any]) -> None:
    body = json.dumps(call).encode()
    small = gateway(max_body=len(body))
    for data, status in ((body, 200), (body + b" ", 413), (body * 50, 413)):
        chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        response = small.post(VIEW, input_stream=io.BytesIO(data), environ_overrides=chunked,
                              content_type="application/json")  # fmt: skip
        assert response.status_code == status


def test_a_body_that_ends_early_is_refused(client: Any, words: Any) -> None:
    response = client.post(VIEW, data=b"{}", content_type="application/json", environ_overrides={"CONTENT_LENGTH": "9"})
    assert response.status_code == 400
    assert "ended" in words(response)


def test_the_page_of_limits_says_their_settings_and_defaults() -> None:
    text = (Path(__file__).parents[2] / "docs" / "limits.md").read_text("utf-8")
    said = {name: int(number.replace(",", "")) for name, number in re.findall(r"\| `(MAX_\w+)` \| ([\d,]+) \|", text)}
    defaults = Limits()
    assert said == {
        "MAX_BODY_BYTES": Settings(internal_keys=()).max_body, "MAX_JSON_CONTAINERS": defaults.containers,
        "MAX_JSON_VALUES": defaults.values, "MAX_HELD_BYTES": connections.Limits().held_bytes,
        "MAX_PREFETCH_KEYS": defaults.prefetch_keys, "MAX_BUNDLE_ENTRIES": defaults.bundle_entries,
        "MAX_ALL_ENTRIES": defaults.all_entries, "MAX_DRAFT_ORDERS": defaults.draft_orders,
        "MAX_SELECTIONS": defaults.selections, "MAX_FEEDBACK_ITEMS": defaults.feedback_items,
    }  # fmt: skip
    assert f"more than {limits.DEPTH} objects and lists" in text
