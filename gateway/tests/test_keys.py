"""Keys that clients publish: when they are read, how long they hold, and what a hostile or broken address can do."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chassis.problems import Problem
from gateway.clients import Client
from gateway.keys import Ages, KeyRings, Unfetchable

URL = "https://ehr.example/jwks.json"
EHR = Client("ehr", "https://ehr.example", jwks_url=URL)


def jwk(kid: str, key: Any = None, **members: Any) -> dict[str, Any]:
    made = key or ec.generate_private_key(ec.SECP384R1())
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(made, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**algorithm.to_jwk(made.public_key(), as_dict=True), "kid": kid, **members}


class Issuer:
    """Stands in for the address: what it publishes, how often that was fetched, and what is in the way."""

    def __init__(self, *kids: str) -> None:
        self.keys = [jwk(kid) for kid in kids]
        self.fetched = 0
        self.down = False
        self.gate: threading.Event | None = None

    def fetch(self, url: str) -> Any:
        assert url == URL
        gate = self.gate
        self.fetched += 1
        if gate is not None:
            gate.wait(10)
        if self.down:
            raise Unfetchable("its host does not answer in time")
        return {"keys": list(self.keys)}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("gateway.keys.time", SimpleNamespace(monotonic=made))
    return made


@pytest.fixture
def issuer() -> Issuer:
    return Issuer("one")


@pytest.fixture
def find(issuer: Issuer, clock: Clock) -> Callable[[str], int]:
    """Finds keys by id: how many there are."""
    rings = KeyRings(issuer.fetch, Ages())
    return lambda kid: len(rings.find(EHR, kid))


def status(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.status, caught.value.headers["Retry-After"]


def is_found(rings: KeyRings, kid: str) -> bool:
    try:
        return bool(rings.find(EHR, kid))
    except Problem:
        return False


def test_keys_in_the_clients_file_are_never_fetched(issuer: Issuer) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    client = Client("ehr", "i")
    rings.follow((client,))
    rings.warm((client,), 5)
    assert rings.find(client, "one") == ()
    assert issuer.fetched == 0


def test_a_set_is_read_once_and_then_used(find: Any, issuer: Issuer) -> None:
    assert [find("one") for _ in range(10)] == [1] * 10
    assert issuer.fetched == 1


def test_at_start_all_sets_are_read_and_no_thread_is_left(issuer: Issuer, threads: list[threading.Thread]) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    rings.warm((EHR, Client("other", "i")), 5)
    assert issuer.fetched == 1
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    issuer.down = True
    assert len(rings.find(EHR, "one")) == 1


def test_a_set_that_cannot_be_read_at_start_is_read_when_it_is_needed(issuer: Issuer, clock: Clock, wait: Any) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    issuer.down = True
    rings.warm((EHR,), 5)
    assert status(lambda: rings.find(EHR, "one")) == (503, "5")
    assert issuer.fetched == 1, "it failed a moment ago"
    issuer.down = False
    clock.now += 5
    assert wait(lambda: is_found(rings, "one"))


def test_looking_after_the_rings_reads_what_is_missing(issuer: Issuer, clock: Clock, wait: Any) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    issuer.down = True
    rings.warm((EHR,), 5)
    assert rings.look_after() == 1
    issuer.down = False
    clock.now += 5
    rings.look_after()
    assert wait(lambda: rings.look_after() == 0)
    assert len(rings.find(EHR, "one")) == 1
    assert issuer.fetched == 2


# Rotation


def test_a_new_key_is_found_at_its_first_use(find: Any, issuer: Issuer) -> None:
    assert find("one") == 1
    issuer.keys = [jwk("two")]
    assert find("two") == 1
    assert issuer.fetched == 2
    assert find("one") == 0, "what is no longer published no longer holds"
    assert issuer.fetched == 2


def test_an_unknown_key_is_looked_for_once_a_minute_and_refused_at_once_meanwhile(
    find: Any, issuer: Issuer, clock: Clock
) -> None:
    assert find("one") == 1
    assert [find(f"invented {n}") for n in range(50)] == [0] * 50
    assert issuer.fetched == 2
    clock.now += 59
    assert find("invented") == 0
    assert issuer.fetched == 2
    clock.now += 1
    issuer.keys.append(jwk("two"))
    assert find("two") == 1
    assert issuer.fetched == 3


def test_many_unknown_keys_at_once_cause_one_fetch(issuer: Issuer) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    rings.warm((EHR,), 5)
    issuer.keys.append(jwk("two"))
    issuer.gate = threading.Event()
    found: list[int] = []
    asking = [threading.Thread(target=lambda: found.append(len(rings.find(EHR, "two")))) for _ in range(12)]
    for thread in asking:
        thread.start()
    time.sleep(0.1)
    assert len(rings.find(EHR, "one")) == 1, "a known key waits for nothing"
    issuer.gate.set()
    for thread in asking:
        thread.join(5)
    assert found == [1] * 12
    assert issuer.fetched == 2


def test_an_old_set_is_renewed_in_the_background(find: Any, issuer: Issuer, clock: Clock, wait: Any) -> None:
    assert find("one") == 1
    issuer.gate = threading.Event()
    clock.now += 3_601
    assert find("one") == 1, "it waits for nothing"
    issuer.gate.set()
    assert wait(lambda: issuer.fetched == 2)
    assert find("one") == 1
    assert issuer.fetched == 2


def test_a_withdrawn_key_does_not_outlive_the_renewal(find: Any, issuer: Issuer, clock: Clock, wait: Any) -> None:
    assert find("one") == 1
    issuer.keys = []
    issuer.gate = threading.Event()
    clock.now += 3_601
    assert find("one") == 1
    issuer.gate.set()
    assert wait(lambda: find("one") == 0)


# What goes wrong


def test_the_last_good_keys_hold_for_a_day(issuer: Issuer, clock: Clock, wait: Any) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    assert is_found(rings, "one")
    issuer.down = True
    for _ in range(47):
        clock.now += 1_800
        assert is_found(rings, "one")
    clock.now += 1_801
    assert status(lambda: rings.find(EHR, "one")) == (503, "5")
    issuer.down = False
    clock.now += 5
    assert wait(lambda: is_found(rings, "one"))


def test_while_the_address_fails_it_is_tried_once_a_minute(find: Any, issuer: Issuer, clock: Clock, wait: Any) -> None:
    assert find("one") == 1
    issuer.down = True
    clock.now += 3_601
    for _ in range(100):
        assert find("one") == 1
    assert wait(lambda: issuer.fetched == 2)
    clock.now += 61
    assert find("one") == 1
    assert wait(lambda: issuer.fetched == 3)


def test_without_keys_the_address_is_tried_every_few_seconds(find: Any, issuer: Issuer, clock: Clock) -> None:
    issuer.down = True
    for _ in range(20):
        assert status(lambda: find("one")) == (503, "5")
    assert issuer.fetched == 1


def test_whether_an_unknown_key_is_good_cannot_be_told_while_the_address_fails(
    find: Any, issuer: Issuer, clock: Clock
) -> None:
    assert find("one") == 1
    issuer.down = True
    assert status(lambda: find("two")) == (503, "60")
    clock.now += 20
    assert status(lambda: find("two")) == (503, "40")
    assert find("one") == 1
    assert issuer.fetched == 2


def test_an_address_that_hangs_holds_nobody_up_for_long(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.keys._WAIT_S", 0.05)
    rings = KeyRings(issuer.fetch, Ages())
    issuer.gate = threading.Event()
    assert status(lambda: rings.find(EHR, "one"))[0] == 503
    assert status(lambda: rings.find(EHR, "one"))[0] == 503
    assert issuer.fetched == 1
    issuer.gate.set()


def test_nobody_waits_for_an_address_that_failed_last_time(issuer: Issuer, clock: Clock, wait: Any) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    issuer.down = True
    assert status(lambda: rings.find(EHR, "one"))[0] == 503
    issuer.gate = threading.Event()  # from now on it hangs, for ten seconds
    clock.now += 5
    assert [status(lambda: rings.find(EHR, "one")) for _ in range(3)] == [(503, "5")] * 3
    assert wait(lambda: issuer.fetched == 2)
    issuer.gate.set()


def test_one_that_hangs_for_good_is_given_up(
    issuer: Issuer, clock: Clock, monkeypatch: pytest.MonkeyPatch, wait: Any
) -> None:
    monkeypatch.setattr("gateway.keys._WAIT_S", 0.05)
    rings = KeyRings(issuer.fetch, Ages())
    issuer.gate = hanging = threading.Event()
    assert status(lambda: rings.find(EHR, "one"))[0] == 503
    assert wait(lambda: issuer.fetched == 1), "the reading that hangs has begun"
    issuer.gate = None
    clock.now += 31

    def found() -> bool:
        with contextlib.suppress(Problem):
            return len(rings.find(EHR, "one")) == 1
        return False

    assert wait(found), "after a failure no caller waits for the next reading, but it comes"
    hanging.set()


@pytest.mark.parametrize(
    "published", [{}, [], None, {"keys": {}}, {"keys": "x"}, "x", 5, {"keys": [{}] * 101}, {"keys": [{}]}]
)
def test_what_is_no_key_set_changes_nothing(issuer: Issuer, clock: Clock, published: Any) -> None:
    sets = [{"keys": issuer.keys}, published]
    rings = KeyRings(lambda url: sets.pop(0), Ages())
    assert len(rings.find(EHR, "one")) == 1
    assert status(lambda: rings.find(EHR, "two"))[0] == 503
    assert len(rings.find(EHR, "one")) == 1


def test_a_failure_that_nobody_thought_of_is_logged_and_ends(
    issuer: Issuer, clock: Clock, caplog: Any, wait: Any
) -> None:
    def fetch(url: str) -> Any:
        raise ZeroDivisionError("sentinel")

    rings = KeyRings(fetch, Ages())
    assert status(lambda: rings.find(EHR, "one")) == (503, "5")
    assert wait(lambda: any(record.name == "cds.keys" for record in caplog.records))
    (record,) = [record for record in caplog.records if record.name == "cds.keys"]
    assert record.levelname == "ERROR"
    assert "sentinel" not in json.dumps(record.fields)


# Which keys are good


def test_keys_that_cannot_be_used_are_left_aside_and_told_of(issuer: Issuer, clock: Clock, caplog: Any) -> None:
    secret = "sentinel-private"
    issuer.keys += [
        {**jwk("private"), "d": secret},
        {"kty": "oct", "k": secret, "kid": "symmetric"},
        jwk("encrypts", use="enc"),
        jwk("p256", ec.generate_private_key(ec.SECP256R1())),
        jwk("short", rsa.generate_private_key(65537, 1024)),  # noqa: S505  it must be refused
        jwk("good", rsa.generate_private_key(65537, 2048)),
    ]
    rings = KeyRings(issuer.fetch, Ages())
    kids = ("one", "private", "symmetric", "encrypts", "p256", "short", "good")
    assert [len(rings.find(EHR, kid)) for kid in kids] == [1, 0, 0, 0, 0, 0, 1]
    told = [record.fields for record in caplog.records if record.name == "cds.keys" and record.levelname == "WARNING"]
    assert all(fields["client"] == "ehr" for fields in told)
    assert {fields["reason"].partition(":")[0] for fields in told} == {"keys[1]", "keys[2]", "keys[5]"}
    assert secret not in json.dumps(told)


def test_two_keys_may_share_an_id_if_they_are_for_different_algorithms(issuer: Issuer, clock: Clock) -> None:
    issuer.keys.append(jwk("one", rsa.generate_private_key(65537, 2048)))
    rings = KeyRings(issuer.fetch, Ages())
    assert {key.algorithm for key in rings.find(EHR, "one")} == {"ES384", "RS384"}


# Which rings there are


def test_when_the_clients_change_the_rings_of_those_that_stay_stay(issuer: Issuer, clock: Clock) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    rings.follow((EHR,))
    assert len(rings.find(EHR, "one")) == 1
    renamed = Client("renamed", EHR.issuer, jwks_url=URL, audiences=frozenset({"x"}))
    rings.follow((renamed, Client("another", "i")))
    assert len(rings.find(renamed, "one")) == 1
    assert issuer.fetched == 1
    rings.follow(())
    rings.follow((EHR,))
    assert len(rings.find(EHR, "one")) == 1
    assert issuer.fetched == 2, "who was struck out is read anew"


def test_other_algorithms_make_another_ring(issuer: Issuer, clock: Clock) -> None:
    rings = KeyRings(issuer.fetch, Ages())
    only_rsa = Client("ehr", "i", jwks_url=URL, algorithms=frozenset({"RS384"}))
    assert len(rings.find(EHR, "one")) == 1
    assert status(lambda: rings.find(only_rsa, "one"))[0] == 503, "the set holds no key for RS384"
    assert len(rings.find(EHR, "one")) == 1
