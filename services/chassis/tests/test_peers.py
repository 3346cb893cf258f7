"""Only our own may call a service inside: what is signed, what is verified, and what is refused."""

import base64
import json

import pytest
from flask import Flask, g, jsonify
from flask.testing import FlaskClient

from chassis import peers, problems
from chassis.environment import Environment, SettingsError

OLD, NEW = b"old-" * 8, b"new-" * 8
NOW = 1_800_000_000.0
PATH = "/cds-services/one"


def signed(**changes: object) -> str:
    given = {"keys": (NEW,), "by": "gateway", "method": "POST", "path": PATH, "caller": {"client": "a"}, "at": NOW}
    return peers.sign(**{**given, **changes})  # type: ignore[arg-type]


def verified(header: str, *, keys: peers.Keys = (NEW, OLD), path: str = PATH, at: float = NOW) -> object:
    return peers.verify(keys, header, "POST", path, at=at)


def test_what_is_signed_is_told() -> None:
    assert verified(signed()) == {"by": "gateway", "at": int(NOW), "to": f"POST {PATH}", "caller": {"client": "a"}}
    assert "caller" not in verified(signed(caller=None))  # type: ignore[operator]


def test_the_longest_caller_fits_into_a_header() -> None:
    """A tenant of 500 characters of any script, a long base and many renamed prefetch keys, each at its limit."""
    caller = {
        "client": "c" * 64, "tenant": "\U0001d4d0" * 500, "dialect": "sandbox", "prefetchKeys": {"k": "v" * 2_990},
        "fhir": {"base": "https://" + "b" * 492, "public_only": False, "why": ""},
    }  # fmt: skip
    told = verified(signed(path="/cds-services/" + "s" * 128, caller=caller), path="/cds-services/" + "s" * 128)
    assert isinstance(told, dict)
    assert told["caller"] == caller


def test_keys_can_be_changed_one_machine_after_the_other() -> None:
    assert verified(signed(keys=(OLD, NEW)))
    assert verified(signed(keys=(NEW, OLD)))
    assert verified(signed(keys=(OLD,)), keys=(NEW,)) is None


@pytest.mark.parametrize("seconds", [0, peers.LEEWAY_S, -peers.LEEWAY_S])
def test_clocks_may_differ_a_little(seconds: float) -> None:
    assert verified(signed(), at=NOW + seconds)


@pytest.mark.parametrize("seconds", [peers.LEEWAY_S + 1, -peers.LEEWAY_S - 1, 86_400])
def test_a_header_does_not_stay_good(seconds: float) -> None:
    assert verified(signed(), at=NOW + seconds) is None


def test_a_header_opens_no_other_address() -> None:
    assert verified(signed(), path="/cds-services/two") is None
    assert verified(signed(method="GET")) is None


def forged(claims: object) -> str:
    text = f"v1.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}"
    return f"{text}.{signed().rpartition('.')[2]}"


@pytest.mark.parametrize(
    "header",
    [
        "",
        ".",
        "..",
        "v1..",
        "v1.e30.e30",
        "v2" + signed()[2:],
        signed()[:-1],
        signed() + "A",
        signed().rpartition(".")[0],
        signed().replace(".", ",", 1),
        forged({"by": "gateway", "at": int(NOW), "to": f"POST {PATH}"}),
        signed(keys=(b"x" * 32,)),
        "v1.\u00e9.\u00e9",
        "v1." + "A" * 20_000 + ".AAAA",
    ],
)
def test_nothing_else_is_believed(header: str) -> None:
    assert verified(header) is None


@pytest.mark.parametrize("claims", [[], 1, {"to": f"POST {PATH}"}, {"to": f"POST {PATH}", "at": "now"}])
def test_claims_of_another_form_are_not_believed_even_when_signed(claims: object) -> None:
    text = f"v1.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}"
    mac = base64.urlsafe_b64encode(peers._mac(NEW, text)).decode().rstrip("=")
    assert verified(f"{text}.{mac}") is None


@pytest.fixture
def inside() -> FlaskClient:
    app = Flask("inside")
    problems.install(app)
    peers.install(app, (NEW,), by={"gateway"})
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    app.add_url_rule("/who", "who", lambda: jsonify(g.claims))
    return app.test_client()


def test_health_is_open_and_all_else_is_not(inside: FlaskClient) -> None:
    assert inside.get("/healthz").status_code == 200
    for path in ("/who", "/nowhere", "/healthz/../who"):
        refused = inside.get(path)
        assert refused.status_code == 401, path
        assert refused.get_json()["resourceType"] == "OperationOutcome"


def test_our_own_are_let_in(inside: FlaskClient) -> None:
    header = {peers.HEADER: peers.sign((NEW,), "gateway", "GET", "/who", {"client": "a"})}
    assert inside.get("/who?x=1", headers=header).get_json()["caller"] == {"client": "a"}
    assert inside.head("/who", headers=header).status_code == 200
    assert inside.post("/who", headers=header).status_code == 401


def test_one_of_us_that_has_no_business_here_is_refused(inside: FlaskClient) -> None:
    header = {peers.HEADER: peers.sign((NEW,), "screening", "GET", "/who")}
    assert inside.get("/who", headers=header).status_code == 401


def test_without_a_key_nothing_starts() -> None:
    with pytest.raises(ValueError, match="key"):
        peers.install(Flask("open"), (), by={"gateway"})


def test_keys_stand_one_a_line() -> None:
    env = Environment({"INTERNAL_KEY": f"{NEW.decode()}\n\n {OLD.decode()} \n"})
    assert peers.read_keys(env) == (NEW, OLD)
    env.finish()


@pytest.mark.parametrize("text", ["short", f"{NEW.decode()}\nshort"])
def test_a_short_key_is_a_fault_that_shows_nothing(text: str) -> None:
    env = Environment({"INTERNAL_KEY": text})
    peers.read_keys(env)
    with pytest.raises(SettingsError) as caught:
        env.finish()
    assert "INTERNAL_KEY" in str(caught.value)
    assert text not in str(caught.value)
