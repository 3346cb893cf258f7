"""Tokens: everything about a bearer token that must not get anybody in, and what must."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from contract.deployed import PUBLIC_URL
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import api_jws

from attack.cases import Answer, Case
from attack.field import DISCOVERY, EPIC_KID, SERVICE, Field, encoded, later
from attack.signing import Signer, by_hand, changed, claims, ec_signer, flipped

GROUP: Final = "tokens"


def unauthorized(words: str, *, token: bool = True) -> Answer:
    """401 with these words; `error` stands in the challenge only where a token was sent (RFC 6750)."""
    return Answer(401, "login", words, {"WWW-Authenticate": 'error="invalid_token"' if token else "Bearer realm="})


def table(field: Field) -> list[Case]:
    """All rows about tokens."""
    rows = [*_algorithms(field), *_headers(field), *_audiences(field), *_times(field), *_claims(field)]
    rows += [*_parts(field), *_shapes(field)]
    return [_row(field, *row) for row in rows]


def _row(field: Field, name: str, token: str, words: str) -> Case:
    field.noted(token)
    send = partial(field.get, DISCOVERY, [("Authorization", f"Bearer {token}")])
    return Case(GROUP, name, send, unauthorized(words))


Row = tuple[str, str, str]


def _good(field: Field, **more: Any) -> dict[str, Any]:
    return claims(field.clients["alpha"].issuer, f"{PUBLIC_URL}{DISCOVERY}", **more)


def _head(algorithm: str, **more: Any) -> dict[str, Any]:
    return {"alg": algorithm, "typ": "JWT", "kid": "ec-1", **more}


def _algorithms(field: Field) -> Iterator[Row]:
    ours = field.clients["alpha"].signer
    words = "algorithm"
    for spelled in ("none", "None", "nOnE", "NONE", ""):
        yield f"algorithm {spelled!r}, no signature", by_hand(_head(spelled), _good(field)), words
    yield "no algorithm at all", by_hand({"typ": "JWT", "kid": "ec-1"}, _good(field)), ""
    yield "algorithm none with a signature", changed(field.token(DISCOVERY), header={"alg": "none"}), words
    for mac in ("HS256", "HS384", "HS512"):
        forged = by_hand(_head(mac), _good(field), ours.public_pem())
        yield f"{mac}, the public key in PEM as the secret", forged, words
    public = {name: value for name, value in ours.public_jwk().items() if name in ("kty", "crv", "x", "y")}
    for form, secret in (("JWK", encoded(public)), ("x of the JWK", base64.urlsafe_b64decode(public["x"] + "==="))):
        yield f"HS384, the {form} as the secret", by_hand(_head("HS384"), _good(field), secret), words
    forged = by_hand(_head("ES384"), _good(field), ours.public_pem(), "HS384")
    yield "an HMAC under the name of ES384", forged, "signature"
    rsa = by_hand({"alg": "HS256", "typ": "JWT", "kid": EPIC_KID}, _good(field), field.rsa.public_pem())
    yield "HS256 with the RSA key in PEM as the secret", rsa, words
    yield "RS256 with the right RSA key", field.rsa.sign(_good(field), alg="RS256"), words
    yield "PS384 with the right RSA key", field.rsa.sign(_good(field), alg="PS384"), words
    for curve, named in ((ec_signer("ec-1", _curve(256)), "ES256"), (ec_signer("ec-1", _curve(521)), "ES512")):
        yield f"{named} with a key of its own", curve.sign(_good(field)), words
    yield "RS384 under the kid of the EC key", field.rsa.sign(_good(field), kid="ec-1"), "algorithm"
    yield "ES384 under the kid of the RSA key", ours.sign(_good(field), kid=EPIC_KID), "algorithm"
    yield "algorithm in lower case", changed(field.token(DISCOVERY), header={"alg": "es384"}), words
    yield "algorithm in a list", changed(field.token(DISCOVERY), header={"alg": ["ES384"]}), ""


def _curve(size: int) -> Any:
    return {256: ec.SECP256R1(), 521: ec.SECP521R1()}[size]


def _headers(field: Field) -> Iterator[Row]:
    ours, stranger = field.clients["alpha"].signer, field.stranger
    good = field.clients["alpha"].jku
    yield "a stranger's key under a listed kid", stranger.sign(_good(field)), "signature"
    other = field.clients["epsilon"].signer
    yield "another client's key and kid, this issuer", other.sign(_good(field)), "(kid)"
    yield "another client's key, this issuer and kid", other.sign(_good(field), kid="ec-1"), "signature"
    for name, kid in (
        ("unknown", "ec-2"),
        ("missing", None),
        ("empty", ""),
        ("in upper case", "EC-1"),
        ("a path", "../../etc/hostname"),
        ("the null device", "/dev/null"),
        ("SQL", "x' UNION SELECT 'ec-1' --"),
        ("a wildcard", "*"),
        ("very long", "k" * 4000),
    ):
        yield f"kid {name}", ours.sign(_good(field), kid=kid), "(kid)"
    yield "kid is a number", changed(ours.sign(_good(field)), header={"kid": 1}), ""
    yield "kid is a list", changed(ours.sign(_good(field)), header={"kid": ["ec-1"]}), ""
    elsewhere = field.traps.keys_at("/forbidden.json")
    for name, jku in (
        ("elsewhere", elsewhere),
        ("of another client", field.clients["beta"].jku),
        ("with a slash more", f"{good}/"),
        ("with a fragment", f"{good}#x"),
        ("with a query", f"{good}?x"),
        ("in upper case", good.upper()),
        ("empty", ""),
        ("with http", good.replace("https:", "http:")),
        ("of a look-alike", good.replace(".example", ".example.evil.example")),
    ):
        yield f"jku {name}", ours.sign(_good(field), jku=jku), "(jku)"
    yield "jku is a list", ours.sign(_good(field), jku=[good]), ""
    key = stranger.public_jwk()
    yield "the stranger's key in the header (jwk)", stranger.sign(_good(field), jwk=key), "signature"
    yield "an address of a certificate (x5u)", stranger.sign(_good(field), x5u=elsewhere), "signature"
    yield "a certificate in the header (x5c)", stranger.sign(_good(field), x5c=["MIIB"]), "signature"
    for name, crit in (("exp", ["exp"]), ("b64", ["b64"]), ("empty", []), ("a text", "b64")):
        yield f"a critical extension: {name}", changed(ours.sign(_good(field)), header={"crit": crit}), ""
    yield "unencoded payload (b64 false)", changed(ours.sign(_good(field)), header={"b64": False, "crit": ["b64"]}), ""
    for kind in ("at+jwt", "secevent+jwt", "JWE", 7):
        yield f"type {kind}", changed(ours.sign(_good(field)), header={"typ": kind}), ""
    yield "a token within a token", ours.sign(_good(field), cty="JWT", typ="dpop+jwt"), ""


def _audiences(field: Field) -> Iterator[Row]:
    here = f"{PUBLIC_URL}{DISCOVERY}"
    host = PUBLIC_URL.removeprefix("https://")
    for name, audience in (
        ("a service", f"{PUBLIC_URL}{SERVICE}"),
        ("the base", PUBLIC_URL),
        ("the base with a slash", f"{PUBLIC_URL}/"),
        ("another host", f"https://other.example{DISCOVERY}"),
        ("http", here.replace("https", "http")),
        ("a slash more", f"{here}/"),
        ("a query", f"{here}?x=1"),
        ("a fragment", f"{here}#x"),
        ("a port", f"https://{host}:443{DISCOVERY}"),
        ("upper case", here.replace("cds.", "CDS.")),
        ("a user", f"https://me@{host}{DISCOVERY}"),
        ("the path alone", DISCOVERY),
        ("a look-alike", f"https://{host}.evil.example{DISCOVERY}"),
        ("a prefix", here[:-1]),
        ("dots", f"{PUBLIC_URL}/x/..{DISCOVERY}"),
        ("a part of the agreed one", "typed by"),
        ("an empty text", ""),
        ("an empty list", []),
        ("a list of others", ["https://other.example"]),
        ("a list of numbers", [1]),
        ("a list with a number", [here, 1]),
        ("a list in a list", [[here]]),
        ("a number", 7),
        ("true", True),
        ("an object", {here: here}),
        ("a list of a hundred", [here, *(f"https://o{n}.example" for n in range(99))]),
        ("missing", None),
        ("null", ...),
    ):
        said = _good(field) | {"aud": None if audience is ... else audience}
        if audience is None:
            del said["aud"]
        yield f"audience: {name}", field.clients["alpha"].signer.sign(said), "aud"


def _times(field: Field) -> Iterator[Row]:
    sign = field.clients["alpha"].signer.sign
    rows: dict[str, tuple[Mapping[str, Any], str]] = {
        "expired": ({"iat": later(-900), "exp": later(-600)}, "(exp)"),
        "expired just beyond the leeway": ({"iat": later(-300), "exp": later(-75)}, "(exp)"),
        "no exp": ({"exp": None}, "exp"),
        "exp is a text": ({"exp": str(later(300))}, ""),
        "exp is words": ({"exp": "tomorrow"}, ""),
        "exp is true": ({"exp": True}, ""),
        "exp is a list": ({"exp": [later(300)]}, ""),
        "exp is huge": ({"exp": 10**300}, ""),
        "exp is beyond every float": ({"exp": 10**400}, ""),
        "exp is negative": ({"exp": -1}, ""),
        "iat in the future": ({"iat": later(600), "exp": later(900)}, "future"),
        "no iat": ({"iat": None}, "iat"),
        "iat is a text": ({"iat": str(later(0))}, ""),
        "iat is long ago": ({"iat": later(-5000), "exp": later(300)}, "lifetime"),
        "not valid yet (nbf)": ({"nbf": later(600)}, "nbf"),
        "nbf is words": ({"nbf": "soon"}, ""),
        "a life of two hours": ({"exp": later(7200)}, "lifetime"),
        "a life of a day": ({"exp": later(86_400)}, "lifetime"),
        "expires before it was issued": ({"iat": later(30), "exp": later(-30)}, ""),
    }
    for name, (more, words) in rows.items():
        yield f"times: {name}", sign(_good(field, **more)), words
    for text in ("NaN", "Infinity", "1e999"):
        raw = json.dumps(_good(field))
        yield f"times: exp is {text}", _signed_text(field.clients["alpha"].signer, raw, text), ""


def _signed_text(signer: Signer, raw: str, number: str) -> str:
    """A token over a payload that is no JSON, or a number that no float can hold."""
    payload = re.sub(r'"exp": \S+?([,}])', rf'"exp": {number}\1', raw)
    return api_jws.encode(payload.encode(), signer.key, algorithm=signer.algorithm, headers={"kid": signer.kid})


def _claims(field: Field) -> Iterator[Row]:
    sign = field.clients["alpha"].signer.sign
    for name, issuer in (
        ("not listed", "https://other.example"),
        ("missing", None),
        ("with a slash more", "https://alpha.example/fhir/"),
        ("in upper case", "HTTPS://ALPHA.EXAMPLE/FHIR"),
        ("SQL", "' OR 1=1 --"),
        ("very long", "https://" + "a" * 2000),
        ("the Sandbox", "https://sandbox.cds-hooks.org"),
    ):
        yield f"issuer {name}", sign(_good(field, iss=issuer)), "iss"
    for name, odd in (("a list", ["https://alpha.example/fhir"]), ("a number", 7), ("an object", {"x": 1})):
        forged = by_hand(_head("ES384"), _good(field, iss=odd), b"x", "HS384")
        yield f"issuer is {name}", forged, ""
    for name, jti in (("missing", None), ("empty", ""), ("a number", 7), ("a list", ["x"]), ("very long", "j" * 201)):
        yield (
            f"jti {name}",
            sign(_good(field) | {"jti": jti} if jti is not None else _without(_good(field), "jti")),
            "jti",
        )
    beta = field.clients["beta"]
    for name, tenant in (("not listed", "south"), ("missing", None), ("a list", ["north"]), ("in upper case", "NORTH")):
        said = claims(beta.issuer, f"{PUBLIC_URL}{DISCOVERY}", tenant=tenant)
        yield f"tenant {name}", beta.signer.sign(said, jku=beta.jku), "tenant"


def _without(said: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key != name}


def _parts(field: Field) -> Iterator[Row]:
    fresh = partial(field.token, DISCOVERY)
    yield "payload changed", changed(fresh(), payload={"sub": "somebody"}), "signature"
    yield "lifetime prolonged", changed(fresh(), payload={"exp": later(3000)}), "signature"
    yield "audience changed", changed(fresh(), payload={"aud": f"{PUBLIC_URL}{SERVICE}"}), "signature"
    yield "header changed", changed(fresh(), header={"x": "y"}), "signature"
    yield "one bit of the signature turned", flipped(fresh()), "signature"
    yield "signature of another token", fresh().rpartition(".")[0] + "." + fresh().rpartition(".")[2], "signature"
    yield "signature cut short", fresh()[:-20], ""
    yield "signature of zeros", f"{fresh().rpartition('.')[0]}.{'A' * 128}", "signature"
    yield "no signature", fresh().rpartition(".")[0] + ".", ""
    yield "two parts", fresh().rpartition(".")[0], ""
    yield "four parts", fresh() + ".AAAA", ""
    yield "five parts, as if encrypted", f"{fresh()}.AAAA.AAAA", ""
    yield "a part with padding", fresh().replace(".", "=.", 1), ""
    yield "not base64", "a.b.c", ""
    yield "an empty payload", by_hand(_head("ES384"), {}, b"x", "HS384"), ""
    yield "a payload that is a list", by_hand(_head("ES384"), ["iss"], b"x", "HS384"), ""
    yield "a payload that is bottomless", "e30." + _text(b"[" * 5000) + ".AAAA", ""
    yield "a header that is no object", "W10.e30.AAAA", ""


def _shapes(field: Field) -> Iterator[Row]:
    head, payload, signature = field.token(DISCOVERY).split(".")
    flat = json.dumps({"protected": head, "payload": payload, "signature": signature}, separators=(",", ":"))
    general = json.dumps(
        {"payload": payload, "signatures": [{"protected": head, "signature": signature}]}, separators=(",", ":")
    )
    yield "JSON serialization, flattened", flat, ""
    yield "JSON serialization, general", general, ""
    yield (
        "nested: a token as the payload",
        by_hand({"alg": "ES384", "cty": "JWT"}, field.token(DISCOVERY), b"x", "HS384"),
        "",
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
