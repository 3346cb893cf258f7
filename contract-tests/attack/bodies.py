"""Bodies: what is no call, or more than a call may be, from a client that is let in."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from attack.cases import Answer, Case
from attack.field import FEEDBACK, SELECT, SERVICE, Field, body, encoded
from attack.sending import Request, send

GROUP: Final = "bodies"
LIMIT: Final = 10_000_000
_BOMB: Final = 50_000_000
_INVALID: Final = Answer(400, "invalid")
_TOO_MANY: Final = Answer(413, "too-costly")
_TYPE: Final = Answer(415, "not-supported")
_LET_IN: Final = Answer(412, "required", "patient")


def table(field: Field) -> list[Case]:
    """All rows about bodies."""
    rows = [*_unreadable(), *_too_deep(), *_twice(), *_wrong()]
    cases = [Case(GROUP, name, partial(_posted, field, content), answer) for name, content, answer in rows]
    return [
        *cases,
        *_orders(field),
        *_large(field),
        *_typed(field),
        *_packed(field),
        *_feedback(field),
        *_welcome(field),
    ]


Row = tuple[str, bytes, Answer]


def _posted(field: Field, content: bytes, *headers: tuple[str, str], path: str = SERVICE, **more: Any) -> Any:
    return field.post(path, content, [*headers, field.bearer(path)], **more)


def _invalid(words: str) -> Answer:
    return Answer(400, "invalid", words)


def _around(member: str, value: bytes) -> bytes:
    """A call with this text as a member's value, which need not be JSON."""
    return encoded(body(**{member: "HERE"})).replace(b'"HERE"', value)


def _unreadable() -> Iterator[Row]:
    good = encoded(body())
    for name, content in (
        ("nothing", b""),
        ("a list", b"[]"),
        ("a text", b'"patient-view"'),
        ("a number", b"1"),
        ("null", b"null"),
        ("true", b"true"),
        ("an empty object", b"{}"),
        ("spaces", b"   \n"),
        ("a brace", b"{"),
        ("cut short", good[:-20]),
        ("something after it", good + b"x"),
        ("two of them", good + good),
        ("a comment", good.replace(b"{", b"{/* */", 1)),
        ("a trailing comma", good[:-1] + b",}"),
        ("single quotes", good.replace(b'"', b"'")),
        ("a form", b"hook=patient-view"),
        ("XML", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'),
        ("a zero byte", b"\x00" + good),
        ("a control character in a text", _around("note", b'"a\x01b"')),
        ("invalid UTF-8", _around("note", b'"\xff"')),
        ("overlong UTF-8", _around("note", b'"\xc0\xaf"')),
        ("a surrogate in UTF-8", _around("note", b'"\xed\xa0\x80"')),
        ("UTF-16", json.dumps(body()).encode("utf-16")),
        ("UTF-16 without a mark", json.dumps(body()).encode("utf-16-le")),
        ("a byte order mark", b"\xef\xbb\xbf" + good),
        ("UTF-32", json.dumps(body()).encode("utf-32")),
        ("latin-1", _around("note", '"é"'.encode("latin-1"))),
        ("a lone high surrogate", _around("note", rb'"\ud800"')),
        ("a lone low surrogate", _around("note", rb'"\udc00x"')),
        ("a lone surrogate in a key", _around("note", rb'{"\ud800": 1}')),
        ("a lone surrogate deep in the prefetch", _around("prefetch", rb'{"patient": {"x": [{"y": "\ud83d"}]}}')),
        ("an escape that is none", _around("note", rb'"\x41"')),
    ):
        yield name, content, _INVALID
    for name, number in (
        ("NaN", b"NaN"),
        ("Infinity", b"Infinity"),
        ("-Infinity", b"-Infinity"),
        ("nan", b"nan"),
        ("hexadecimal", b"0x10"),
        ("a leading zero", b"012"),
        ("a plus sign", b"+1"),
        ("a dot without digits", b"1."),
        ("a lone minus", b"-"),
    ):
        yield f"a number: {name}", _around("note", number), _INVALID
        yield f"a number in the prefetch: {name}", _around("prefetch", b'{"patient": {"x": %s}}' % number), _INVALID


def _too_deep() -> Iterator[Row]:
    for name, value in (
        ("lists", b"[" * 100_000 + b"]" * 100_000),
        ("lists that never close", b"[" * 100_000),
        ("objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ("objects that never close", b'{"a":' * 100_000),
        ("lists and objects in turn", b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000),
        ("a thousand lists", b"[" * 1_000 + b"]" * 1_000),
    ):
        yield f"depth: {name}", value, _INVALID
        yield f"depth in a member: {name}", _around("note", value), _INVALID
        yield f"depth in the prefetch: {name}", _around("prefetch", b'{"patient": %s}' % value), _INVALID
        yield f"depth in the context: {name}", _around("context", b'{"patientId": "x", "y": %s}' % value), _INVALID


def _twice() -> Iterator[Row]:
    good = encoded(body())
    twice = _invalid("twice")
    yield "a key twice: hook", b'{"hook": "patient-view", ' + good[1:], twice
    yield "a key twice: patientId", good.replace(b'"patientId"', b'"patientId": "other", "patientId"'), twice
    yield "a key twice: prefetch", b'{"prefetch": {}, ' + good[1:], twice
    yield "a key twice: spelled with an escape", rb'{"hoo\u006b": "order-sign", ' + good[1:], twice
    deep = b'{"patient": {"resourceType": "Patient", "x": [{"id": "1", "id": "2"}]}}'
    yield "a key twice: deep in the prefetch", _around("prefetch", deep), twice
    yield "a key twice: a prefetch key", _around("prefetch", b'{"patient": null, "patient": {}}'), twice
    granted = _around("fhirAuthorization", b'{"access_token": "a", "access_token": "b"}')
    yield "a key twice: the access token", granted.replace(b"{", b'{"fhirServer": "https://x.example", ', 1), twice


def _wrong() -> Iterator[Row]:
    good = body()
    for name, more in _changed():
        yield name, encoded({**good, **more}), _INVALID
    for name in ("hook", "hookInstance", "context"):
        yield f"without {name}", encoded({key: value for key, value in good.items() if key != name}), _INVALID
    many = encoded({**good, "prefetch": {f"k{number}": None for number in range(5_000)}})
    yield "5,000 prefetch keys", many, _TOO_MANY
    entries = {"resourceType": "Bundle", "type": "searchset", "entry": [{}] * 30_000}
    yield "30,000 entries in a Bundle", encoded({**good, "prefetch": {"conditions": entries}}), _TOO_MANY
    spread = {f"k{number}": {**entries, "entry": [{}] * 4_000} for number in range(10)}
    yield "40,000 entries in ten Bundles", encoded({**good, "prefetch": spread}), _TOO_MANY
    nested = {"resourceType": "Bundle", "entry": [{"resource": entries}]}
    yield "a Bundle within a Bundle", encoded({**good, "prefetch": {"conditions": nested}}), _TOO_MANY


def _orders(field: Field) -> Iterator[Case]:
    """More drafts, and more selections, than a clinician can have in hand."""
    draft = {"resourceType": "ServiceRequest", "id": "d1", "status": "draft", "intent": "order"}
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft}]}
    context = {"patientId": "1", "userId": "Practitioner/1", "selections": ["ServiceRequest/d1"], "draftOrders": drafts}
    for name, more, answer in (
        ("10,000 selections", {"selections": ["ServiceRequest/d1"] * 10_000}, _TOO_MANY),
        ("5,000 drafts", {"draftOrders": {**drafts, "entry": [{"resource": draft}] * 5_000}}, _TOO_MANY),
        ("selections that are a text", {"selections": "ServiceRequest/d1"}, _INVALID),
        ("selections that are numbers", {"selections": [1]}, _INVALID),
        ("drafts that are a list", {"draftOrders": [draft]}, _INVALID),
        ("drafts that are no Bundle", {"draftOrders": draft}, _INVALID),
    ):
        content = encoded(body(hook="order-select", context={**context, **more}))
        yield Case(GROUP, name, partial(_posted, field, content, path=SELECT), answer)


def _changed() -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "another hook", {"hook": "order-select"}
    yield "a hook that is a number", {"hook": 1}
    yield "a hook that is a list", {"hook": ["patient-view"]}
    yield "a hookInstance that is none", {"hookInstance": "1"}
    yield "a hookInstance with a line break", {"hookInstance": "3f0c9a52-7b41-4d0e-9a55-1c2d3e4f5a6b\n"}
    yield "a context that is a list", {"context": []}
    yield "a context that is null", {"context": None}
    yield "no patientId", {"context": {"userId": "Practitioner/1"}}
    yield "a userId that is a path", {"context": {"patientId": "1", "userId": "../../Practitioner/1"}}
    for patient in (
        "../../../etc/hostname",
        "1/../2",
        "..",
        "1?x=y",
        "1#x",
        "1 OR 1=1",
        "1\n2",
        "x" * 500,
        "",
        "a%2Fb",
        1,
    ):
        yield f"patientId {str(patient)[:20]!r}", {"context": {"patientId": patient, "userId": "Practitioner/1"}}
    yield "a prefetch that is a list", {"prefetch": []}
    yield "a prefetch that is a text", {"prefetch": "x"}
    yield "a fhirServer that is a number", {"fhirServer": 1}
    yield "a fhirServer that is a list", {"fhirServer": ["https://ehr.example"]}
    yield "an authorization that is a text", {"fhirServer": "https://ehr.example", "fhirAuthorization": "x"}
    yield "an authorization without its server", {"fhirAuthorization": {"access_token": "x", "token_type": "Bearer"}}


def _large(field: Field) -> Iterator[Case]:
    rest = len(encoded(body(note="")))
    over = encoded(body(note="x" * (LIMIT + 1 - rest)))
    assert len(over) == LIMIT + 1
    limit = Answer(413, "too-long", f"{LIMIT:,}")
    yield Case(GROUP, "10 MB and one byte", partial(_posted, field, over), limit)
    yield Case(GROUP, "10 MB and one byte, in chunks", partial(_posted, field, _chunked(over), _CHUNKED), limit)
    announced = ("Content-Length", str(10**12))
    yield Case(GROUP, "a terabyte announced", partial(_announced, field, announced), limit)


_CHUNKED: Final = ("Transfer-Encoding", "chunked")


def _chunked(content: bytes, size: int = 500_000) -> bytes:
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _announced(field: Field, length: tuple[str, str]) -> Any:
    """A request that announces more than it sends; the answer must not wait for the rest."""
    headers = (("Content-Type", "application/json"), field.bearer(SERVICE), length)
    return send(field.port(), Request("POST", SERVICE, headers, b"{"))


def _typed(field: Field) -> Iterator[Case]:
    content = encoded(body())
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/json",
        "application/jsonp",
        "application/json-seq",
        "*/*",
        "",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json, text/plain",
    ):
        sent = partial(_posted, field, content, ("Content-Type", kind))
        yield Case(GROUP, f"content type {kind!r}", sent, _TYPE)


def _packed(field: Field) -> Iterator[Case]:
    bomb = b"[" + b" " * _BOMB + b"]"
    deflated = zlib.compress(bomb)
    for name, content in (
        ("gzip", gzip.compress(encoded(body()))),
        ("gzip", gzip.compress(bomb)),
        ("x-gzip", gzip.compress(bomb)),
        ("deflate", deflated),
        ("br", deflated),
        ("zstd", deflated),
        ("gzip, gzip", gzip.compress(gzip.compress(bomb))),
        ("identity, gzip", gzip.compress(bomb)),
        ("unknown", deflated),
    ):
        sent = partial(_posted, field, content, ("Content-Encoding", name))
        yield Case(
            GROUP, f"content encoding {name}, {len(content)} bytes", sent, Answer(415, "not-supported", "compress")
        )


def _feedback(field: Field) -> Iterator[Case]:
    for name, content in (
        ("no object", b"[]"),
        ("bottomless", b'{"feedback":' + b"[" * 100_000),
        ("a key twice", b'{"feedback": [], "feedback": []}'),
        ("NaN", b'{"feedback": NaN}'),
        ("a lone surrogate", rb'{"feedback": ["\ud800"]}'),
        ("invalid UTF-8", b'{"feedback": "\xff"}'),
        ("no list", b'{"feedback": {}}'),
        ("nothing but a wrong item", b'{"feedback": [{"card": ["x"], "outcome": "accepted"}]}'),
        ("a thousand wrong items", encoded({"feedback": [5] * 1_000})),
    ):
        yield Case(GROUP, f"feedback: {name}", partial(_posted, field, content, path=FEEDBACK), _INVALID)
    many = encoded({"feedback": [{}] * 1_001})
    yield Case(GROUP, "feedback: too many items", partial(_posted, field, many, path=FEEDBACK), _TOO_MANY)
    long = encoded({"feedback": [{"card": "x" * 9_000_000}]})
    yield Case(GROUP, "feedback: a card's id of nine megabytes", partial(_posted, field, long, path=FEEDBACK), _INVALID)


def _welcome(field: Field) -> Iterator[Case]:
    """What must be let in: 412 says that it went all the way, and lacked the patient."""
    good = encoded(body())
    rows: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
        "in chunks": (_chunked(good, 7), [_CHUNKED]),
        "in one chunk with an extension": (b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(good), good), [_CHUNKED]),
        "application/fhir+json": (good, [("Content-Type", "application/fhir+json")]),
        "a charset in quotes": (good, [("Content-Type", 'application/json; charset="UTF-8"')]),
        "Content-Encoding identity": (good, [("Content-Encoding", "identity")]),
        "unknown members": (encoded(body(somethingNew={"x": [1, None]}, extension={"com.example": {}})), []),
        "a surrogate pair": (_around("note", rb'"\ud83d\ude00"'), []),
        "a number beyond every float": (_around("note", b"1e999"), []),
        "a number of 400 digits": (_around("note", b"1" * 400), []),
        "100 levels": (_around("note", b"[" * 100 + b"]" * 100), []),
        "almost 10 MB": (encoded(body(note="x" * (LIMIT - 1_000))), []),
    }
    for name, (content, headers) in rows.items():
        yield Case(GROUP, name, partial(_posted, field, content, *headers), _LET_IN, control=True)
