"""Who is let in. Every key here is made for the test run."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.clients import Client
from gateway.jwks import Key
from gateway.settings import PRODUCTION

from .sending import body_for

URL = "https://cds.example"
VIEW = "/cds-services/dystonia-patient-view"
ISSUER = "https://ehr.example"
JKU = "https://ehr.example/jwks.json"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = ec.generate_private_key(ec.SECP384R1())


def public_jwk(key: Any, kid: str) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


KEYS = {
    "k+/=1": (Key("ES384", jwt.PyJWK(public_jwk(EC_KEY, "k+/=1"), algorithm="ES384")),),
    "r1": (Key("RS384", jwt.PyJWK(public_jwk(RSA_KEY, "r1"), algorithm="RS384")),),
}
EHR = Client("ehr", ISSUER, KEYS, jkus=frozenset({JKU}), audiences=frozenset({"typed by hand"}))


def token(key: Any = EC_KEY, alg: str = "ES384", header: Any = None, **claims: Any) -> str:
    """A right token of the EHR, unless claims or header members say otherwise (`...` leaves one out)."""
    now = int(time.time())
    right = {"iss": ISSUER, "aud": URL + VIEW, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    head = {"kid": "k+/=1", "jku": JKU, "typ": "JWT", **(header or {})}
    payload = {k: v for k, v in (right | claims).items() if v is not ...}
    return jwt.PyJWS().encode(
        json.dumps(payload).encode(),
        key,
        alg,
        {k: v for k, v in head.items() if v is not ...},
    )


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
def post(gateway: Callable[..., Any], call: dict[str, Any]) -> Callable[..., Any]:
    """Posts a right call to a production gateway with the given Authorization."""
    client = gateway(deployment=PRODUCTION, public_url=URL, clients=(EHR,), origins=frozenset({"https://ehr.example"}))

    def send(authorization: str | None, path: str = VIEW, method: str = "POST", peer: str = "127.0.0.1") -> Any:
        headers = {"Origin": "https://ehr.example"} | (
            {"Authorization": authorization} if authorization is not None else {}
        )
        body = body_for(path, call) if method == "POST" else None
        return client.open(path, method=method, json=body, headers=headers, environ_overrides={"REMOTE_ADDR": peer})

    return send


def refused(response: Any, words: Callable[[Any], str]) -> str:
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.example"
    return words(response)


def test_a_right_token_is_let_in(post: Any, stub: Any) -> None:
    assert post("Bearer " + token()).status_code == 200
    assert post("bearer " + token(aud=[URL + VIEW])).status_code == 200  # the one-item list of CDS Hooks
    assert post("Bearer " + token(aud=["https://elsewhere.example", URL + VIEW])).status_code == 200
    assert post("Bearer " + token(aud="typed by hand")).status_code == 200
    assert post("Bearer " + token(RSA_KEY, "RS384", {"kid": "r1"})).status_code == 200
    assert post("Bearer " + token(header={"jku": ..., "typ": ...})).status_code == 200
    assert post("Bearer " + token(nbf=int(time.time()), sub="x")).status_code == 200
    assert all("Authorization" not in headers for _, _, headers, _ in stub.calls)


def test_each_endpoint_wants_its_own_audience(post: Any, words: Any) -> None:
    assert post("Bearer " + token(aud=URL + "/cds-services"), "/cds-services", "GET").status_code == 200
    assert "aud" in refused(post("Bearer " + token(), "/cds-services", "GET"), words)
    assert post("Bearer " + token(aud=URL + VIEW + "/feedback"), VIEW + "/feedback").status_code == 200
    assert "aud" in refused(post("Bearer " + token(), VIEW + "/feedback"), words)


@pytest.mark.parametrize(
    "aud",
    [
        ..., None, "", [], {}, 5, [5], [URL + VIEW, 5], {URL + VIEW: 1}, URL, URL + VIEW + "/", URL.upper() + VIEW,
        "http://localhost:8080" + VIEW, "https://cds.example.evil.example" + VIEW, [URL + VIEW] * 21, [[URL + VIEW]],
    ],
)  # fmt: skip
def test_a_wrong_audience_is_refused(post: Any, words: Any, aud: Any) -> None:
    assert "(aud)" in refused(post("Bearer " + token(aud=aud)), words)


@pytest.mark.parametrize(
    ("claims_at", "said"),
    [
        (lambda now: {"exp": now - 120, "iat": now - 400}, "expired"),
        (lambda now: {"iat": now + 400, "exp": now + 700}, "not valid yet"),
        (lambda now: {"nbf": now + 400}, "not valid yet"),
        (lambda now: {"exp": now + 7300}, "lifetime"),
        (lambda now: {"exp": now + 20, "iat": now + 30}, "lifetime"),
        (lambda _: {"exp": ...}, "lacks"),
        (lambda _: {"iat": ...}, "lacks"),
        (lambda _: {"exp": None}, "lacks"),
        (lambda now: {"exp": str(now + 100)}, "(exp) must be a number"),
        (lambda _: {"iat": True}, "(iat) must be a number"),
        (lambda now: {"iat": now * 1000}, "(iat) must be a number of seconds"),
        (lambda _: {"exp": float("nan")}, "JSON objects"),
        (lambda _: {"iss": ...}, "issuer"),
        (lambda _: {"iss": "https://other.example"}, "issuer"),
        (lambda _: {"iss": [ISSUER]}, "issuer"),
    ],
)
def test_wrong_claims_are_refused_in_general_terms(post: Any, words: Any, claims_at: Any, said: str) -> None:
    assert said in refused(post("Bearer " + token(**claims_at(int(time.time())))), words)


def test_a_minute_of_clock_difference_is_all_right(post: Any) -> None:
    now = int(time.time())
    assert post("Bearer " + token(iat=now + 50, exp=now + 350)).status_code == 200
    assert post("Bearer " + token(iat=now - 350, exp=now - 50)).status_code == 200
    assert post("Bearer " + token(iat=now, exp=now + 3600)).status_code == 200


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"kid": "k2"}, "kid"),
        ({"kid": ...}, "kid"),
        ({"kid": "r1"}, "not the one of its key"),
        ({"jku": "https://evil.example/jwks.json"}, "jku"),
        ({"jku": None}, "jku"),
        ({"jku": JKU + "?"}, "jku"),
        ({"typ": "at+jwt"}, "type"),
        ({"typ": 5}, "type"),
        ({"crit": ["exp"], "exp": 1}, "crit"),
    ],
)
def test_wrong_headers_are_refused(post: Any, words: Any, header: Any, said: str) -> None:
    assert said in refused(post("Bearer " + token(header=header)), words)


def test_a_key_in_the_token_is_not_used(post: Any, words: Any) -> None:
    header = {"jwk": public_jwk(OTHER_KEY, "k+/=1")}
    assert "signature" in refused(post("Bearer " + token(OTHER_KEY, header=header)), words)


def test_a_wrong_signature_is_refused(post: Any, words: Any) -> None:
    assert "signature" in refused(post("Bearer " + token(OTHER_KEY)), words)
    head, _, sign = token().split(".")
    other = encoded({"iss": ISSUER, "aud": URL + VIEW, "iat": int(time.time()), "exp": int(time.time()) + 300, "x": 1})
    assert "signature" in refused(post(f"Bearer {head}.{other}.{sign}"), words)


def test_no_algorithm_but_the_two_is_accepted(post: Any, words: Any) -> None:
    payload = {"iss": ISSUER, "aud": URL + VIEW, "iat": int(time.time()), "exp": int(time.time()) + 300}
    for alg in ("none", "None", "NONE", "nOnE"):
        unsigned = f"{encoded({'alg': alg, 'kid': 'k+/=1', 'typ': 'JWT'})}.{encoded(payload)}."
        assert "algorithm" in refused(post("Bearer " + unsigned), words)
    for kid, key in (("k+/=1", EC_KEY), ("r1", RSA_KEY)):
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for alg, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384)):
            signed = f"{encoded({'alg': alg, 'kid': kid, 'typ': 'JWT'})}.{encoded(payload)}"
            confused = f"{signed}.{encoded(hmac.new(pem, signed.encode(), digest).digest())}"
            assert "algorithm" in refused(post("Bearer " + confused), words)
    assert "algorithm" in refused(post("Bearer " + token(RSA_KEY, "RS256", {"kid": "r1"})), words)
    p256 = ec.generate_private_key(ec.SECP256R1())
    assert "algorithm" in refused(post("Bearer " + token(p256, "ES256")), words)
    assert "not the one of its key" in refused(post("Bearer " + token(RSA_KEY, "RS384")), words)


@pytest.mark.parametrize(
    "authorization",
    [
        "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer undefined", "Bearer a.b.c", "Bearer a.b", "Token x",
        "Bearer " + "a" * 9000, "Bearer ..", "Bearer " + encoded(b"[" * 3000) + ".e30.", "Bearer \u00e4.\u00f6.\u00fc",
        "Bearer " + encoded({"alg": ["ES384"]}) + ".e30.",
        "Bearer " + encoded({"alg": "ES384"}) + "." + encoded([]) + ".x",
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(post: Any, words: Any, authorization: str) -> None:
    refused(post(authorization), words)


def test_two_tokens_are_refused(post: Any, words: Any) -> None:
    refused(post(f"Bearer {token()},Bearer {token()}"), words)


def test_in_production_every_door_wants_a_token(post: Any, words: Any, stub: Any) -> None:
    for path, method in (
        (VIEW, "POST"),
        (VIEW + "/feedback", "POST"),
        ("/cds-services", "GET"),
        ("/cds-services/x", "POST"),
    ):
        assert "bearer token" in refused(post(None, path, method), words)
    assert stub.calls == []


def test_an_unidentified_caller_learns_no_ids(post: Any) -> None:
    assert "dystonia" not in post(None, "/cds-services/x").text


def test_what_is_said_never_holds_the_token(post: Any) -> None:
    for bad in (
        token(OTHER_KEY),
        token(aud="Sentinel-1"),
        token(iss="Sentinel-1"),
        token(header={"kid": "Sentinel-1"}),
    ):
        response = post("Bearer " + bad)
        assert response.status_code == 401
        assert "Sentinel" not in response.text
        assert not any(part in response.text + str(response.headers) for part in bad.split("."))


# Try-out


def test_try_out_lets_this_machine_in_without_a_token(client: Any, call: Any, words: Any) -> None:
    for peer in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert client.post(VIEW, json=call, environ_overrides={"REMOTE_ADDR": peer}).status_code == 200
    for peer in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "", "localhost"):
        forwarded = {
            "X-Forwarded-For": "127.0.0.1",
            "Forwarded": "for=127.0.0.1",
            "X-Real-IP": "127.0.0.1",
            "Host": "localhost",
        }
        response = client.post(VIEW, json=call, headers=forwarded, environ_overrides={"REMOTE_ADDR": peer})
        assert response.status_code == 403
        assert "only from the machine" in words(response)
        assert client.get("/cds-services", environ_overrides={"REMOTE_ADDR": peer}).status_code == 403


def try_out_client(gateway: Any, *, public_key: bool) -> Any:
    return gateway(clients=(Client("sandbox", ISSUER, KEYS, jkus=frozenset({JKU}), key_is_public=public_key),))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("port", ["", ":8080", ":39471"])
def test_try_out_accepts_this_machine_as_audience_on_any_port(gateway: Any, call: Any, host: str, port: str) -> None:
    client = try_out_client(gateway, public_key=True)
    for scheme in ("http", "https"):
        header = {"Authorization": "Bearer " + token(aud=f"{scheme}://{host}{port}{VIEW}")}
        assert client.post(VIEW, json=call, headers=header).status_code == 200


@pytest.mark.parametrize(
    "aud",
    [
        "http://localhost:8080/cds-services", "http://evil.example" + VIEW, "http://localhost.evil.example" + VIEW,
        "http://localhost@evil.example" + VIEW, "http://evil.example@localhost" + VIEW, "ftp://localhost" + VIEW,
        "http://localhost:99999" + VIEW, "http://localhost:x" + VIEW, "http://[::1" + VIEW, f"http://localhost{VIEW}?a=b",
        f"http://localhost{VIEW}#a", f"http://localhost{VIEW}/",
    ],
)  # fmt: skip
def test_try_out_accepts_no_other_audience(gateway: Any, call: Any, words: Any, aud: str) -> None:
    header = {"Authorization": "Bearer " + token(aud=aud)}
    response = try_out_client(gateway, public_key=True).post(VIEW, json=call, headers=header)
    assert response.status_code == 401
    assert "(aud)" in words(response)


def test_a_bad_token_is_401_even_in_try_out(client: Any, call: Any, words: Any) -> None:
    response = client.post(VIEW, json=call, headers={"Authorization": "Bearer " + token()})
    assert response.status_code == 401
    assert "issuer" in words(response)


def test_a_key_that_everybody_has_identifies_nobody(gateway: Any, call: Any) -> None:
    def status(client: Any, peer: str) -> int:
        header = {"Authorization": "Bearer " + token(aud="http://localhost:8080" + VIEW)}
        posted: int = client.post(VIEW, json=call, headers=header, environ_overrides={"REMOTE_ADDR": peer}).status_code
        return posted

    public, private = (try_out_client(gateway, public_key=known) for known in (True, False))
    assert status(public, "127.0.0.1") == 200
    assert status(public, "192.0.2.1") == 403
    assert status(private, "192.0.2.1") == 200
