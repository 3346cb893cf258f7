"""The clients in force follow their file: whole, within a second or two, and without a call that fails."""

import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chassis import following, logs
from gateway import clients
from gateway.registry import Registry

PUBLIC = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)
EVERY_S = 0.03
PAUSE_S = EVERY_S * 6


def listed(*names: str, **members: Any) -> str:
    """A clients file with these clients."""
    jwks = {"keys": [{**PUBLIC, "kid": "1"}]}
    return json.dumps(
        [{"client": name, "issuer": f"https://{name}.example", "jwks": jwks, **members} for name in names]
    )


def names(registry: Registry) -> list[str]:
    return [client.name for client in registry.current().clients]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "clients.yaml"
    path.write_text(listed("a"))
    long_ago(path)
    return path


def long_ago(path: Path) -> None:
    """As if the file had been left alone for a while."""
    os.utime(path, ns=(1, time.time_ns() - 60_000_000_000))


@pytest.fixture
def registry(path: Path) -> Registry:
    return Registry(file=clients.read(str(path)), every=EVERY_S)


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    stream = io.StringIO()
    logs.configure("gateway", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logs.configure("gateway")


def test_without_a_file_the_given_clients_are_in_force() -> None:
    in_force = Registry(clients.sandbox()).current()
    assert [client.name for client in in_force.clients] == ["cds-hooks-sandbox"]
    assert in_force.origins == {"https://sandbox.cds-hooks.org"}


def test_clients_are_found_by_issuer(path: Path, registry: Registry) -> None:
    one = json.loads(listed("north", "south", issuer="https://shared.example"))
    one[0]["tenants"], one[1]["tenants"] = ["n"], ["s"]
    path.write_text(json.dumps(one + json.loads(listed("b", origins=["https://b.example"]))))
    in_force = Registry(file=clients.read(str(path))).current()
    assert [client.name for client in in_force.by_issuer("https://shared.example")] == ["north", "south"]
    assert [client.name for client in in_force.by_issuer("https://b.example")] == ["b"]
    assert in_force.by_issuer("https://none.example") == ()
    assert [client.tenants for client in in_force.by_issuer("https://shared.example")] == [{"n"}, {"s"}]
    assert in_force.origins == {"https://b.example"}


def test_a_changed_file_comes_into_force(path: Path, registry: Registry, wait: Any, log: Any) -> None:
    before = registry.current()
    path.write_text(listed("a", "b"))
    assert wait(lambda: names(registry) == ["a", "b"])
    assert [client.name for client in before.clients] == ["a"]
    said = [("the clients file has changed and is in force", 2)]
    assert wait(lambda: [(line["event"], line["count"]) for line in log()] == said), "it is said once it is in force"


def test_an_unchanged_file_is_not_read_again(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "read", lambda _: pytest.fail("it was read"))
    first = registry.current()
    for _ in range(5):
        time.sleep(EVERY_S)
        assert registry.current() is first
    time.sleep(PAUSE_S)
    assert registry.current() is first


def test_the_file_is_looked_at_once_in_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    stamp = following.stamp
    registry = Registry(file=clients.read(str(path)), every=60)
    monkeypatch.setattr(following, "stamp", lambda path: looks.append(path) or stamp(path))
    for _ in range(1000):
        registry.current()
    assert len(looks) == 1


def test_a_client_struck_out_while_nobody_called_is_gone_for_the_next_call(path: Path, registry: Registry) -> None:
    assert names(registry) == ["a"]
    path.write_text(listed("b"))
    long_ago(path)
    time.sleep(PAUSE_S)
    assert names(registry) == ["b"]


def test_a_process_that_was_just_forked_looks_before_its_first_call(path: Path) -> None:
    at_start = clients.read(str(path))
    path.write_text(listed("b"))
    long_ago(path)
    assert names(Registry(file=at_start)) == ["b"]


def test_a_faulty_file_leaves_the_former_in_force_and_says_so_once(
    path: Path, registry: Registry, wait: Any, log: Any
) -> None:
    path.write_text(listed("a", "b").replace(', {"client": "b"', ',\n{"client": "refused", "Sentinel-1": "Sentinel-2"'))
    assert wait(lambda: registry.current() and registry.faults != ())
    for _ in range(5):
        time.sleep(EVERY_S)
        assert names(registry) == ["a"]
    said = log()
    assert [line["level"] for line in said] == ["error"] * 3
    assert said[0]["event"] == "the changed clients file is at fault: the former one stays in force"
    assert [(line["event"], line["line"]) for line in said[1:]] == [("clients file at fault", 2)] * 2
    assert (
        "entry refused: client: is a word" in said[2]["reason"]
        or "entry refused: client: is a word" in said[1]["reason"]
    )
    assert "Sentinel" not in json.dumps(said)
    path.write_text(listed("b"))
    assert wait(lambda: names(registry) == ["b"])
    assert registry.faults == ()


def test_a_file_that_vanishes_leaves_the_former_in_force(path: Path, registry: Registry, wait: Any) -> None:
    path.unlink()
    assert wait(lambda: registry.current() and registry.faults != ())
    assert names(registry) == ["a"]
    path.write_text(listed("b"))
    assert wait(lambda: names(registry) == ["b"])


def test_a_link_that_is_turned_is_noticed(tmp_path: Path, wait: Any) -> None:
    """As Kubernetes changes a mounted ConfigMap or Secret: a link to a folder is replaced by another."""
    for folder, client in (("one", "a"), ("two", "b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clients.yaml").write_text(listed(client))
        long_ago(tmp_path / folder / "clients.yaml")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "clients.yaml").symlink_to("..data/clients.yaml")
    registry = Registry(file=clients.read(str(tmp_path / "clients.yaml")), every=EVERY_S)
    assert names(registry) == ["a"]
    (tmp_path / "..tmp").symlink_to("two")
    (tmp_path / "..tmp").rename(tmp_path / "..data")
    assert wait(lambda: names(registry) == ["b"])


def test_a_key_file_beside_is_followed_too(path: Path, tmp_path: Path, wait: Any) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [{**PUBLIC, "kid": "1"}]}))
    path.write_text(json.dumps([{"client": "a", "issuer": "i", "jwksFile": "keys.json"}]))
    registry = Registry(file=clients.read(str(path)), every=EVERY_S)
    keys.write_text(json.dumps({"keys": [{**PUBLIC, "kid": "1"}, {**PUBLIC, "kid": "2"}]}))
    assert wait(lambda: list(registry.current().clients[0].keys) == ["1", "2"])
    keys.unlink()
    assert wait(lambda: registry.current() and registry.faults != ())
    keys.write_text(json.dumps({"keys": [{**PUBLIC, "kid": "3"}]}))
    assert wait(lambda: list(registry.current().clients[0].keys) == ["3"])


def test_a_file_that_is_being_written_is_left_alone(path: Path, wait: Any, log: Any) -> None:
    """Its first half would be valid YAML, with half of the clients."""
    registry = Registry(file=clients.read(str(path)), every=0.2)
    whole = "".join(f"- {json.dumps(json.loads(listed(name))[0])}\n" for name in ("a", "b", "c", "d"))
    assert names(registry) == ["a"]
    seen = set()
    with path.open("w") as file:
        for line in whole.splitlines(keepends=True):
            file.write(line)
            file.flush()
            ends = time.monotonic() + 0.1
            while time.monotonic() < ends:
                seen.add(tuple(names(registry)))
                time.sleep(0.005)
    assert seen == {("a",)}
    assert wait(lambda: seen.add(tuple(names(registry))) or names(registry) == ["a", "b", "c", "d"])
    assert seen <= {("a",), ("a", "b", "c", "d")}
    assert wait(lambda: [line["level"] for line in log()] == ["info"]), "it is said once it is in force"


def test_callers_in_many_threads_see_one_whole_version_or_the_other(path: Path, registry: Registry, wait: Any) -> None:
    whole = {("a",), ("b", "c"), ("d", "e", "f")}
    seen: set[tuple[str, ...]] = set()
    failures: list[Exception] = []
    stop = threading.Event()

    def call() -> None:
        try:
            while not stop.is_set():
                in_force = registry.current()
                assert all(in_force.by_issuer(client.issuer) == (client,) for client in in_force.clients)
                seen.add(tuple(client.name for client in in_force.clients))
        except Exception as error:  # noqa: BLE001  told by the test below
            failures.append(error)

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    try:
        for version in sorted(whole) * 3:
            path.write_text("[")
            time.sleep(EVERY_S)
            new = path.with_suffix(".new")
            new.write_text(listed(*version))
            new.rename(path)
            assert wait(lambda version=version: tuple(names(registry)) == version)
    finally:
        stop.set()
        for caller in callers:
            caller.join(5)
    assert failures == []
    assert seen <= whole


def test_no_thread_is_left_when_nothing_changes(registry: Registry, threads: list[threading.Thread]) -> None:
    for _ in range(5):
        registry.current()
        time.sleep(EVERY_S)
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


def test_a_file_system_that_hangs_stops_no_call_for_long(
    path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()
    read = clients.read

    def hanging(path: str) -> clients.ClientsFile:
        reading.set()
        go_on.wait(30)
        return read(path)

    assert names(registry) == ["a"]
    monkeypatch.setattr(clients, "read", hanging)
    path.write_text(listed("a", "b"))
    long_ago(path)
    time.sleep(EVERY_S * 2)
    assert names(registry) == ["a"]
    assert reading.wait(5)
    time.sleep(PAUSE_S)
    answered: list[list[str]] = []
    caller = threading.Thread(target=lambda: answered.append(names(registry)), daemon=True)
    caller.start()
    caller.join(5)
    assert answered == [["a"]]
    go_on.set()


def test_what_goes_wrong_in_reading_reaches_the_log_and_no_call(
    path: Path, registry: Registry, wait: Any, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise ZeroDivisionError("Sentinel-1")

    def failures() -> set[str]:  # a reader that another test has left behind may still say that all went well
        return {line["error_type"] for line in log() if "error_type" in line}

    registry.current()
    monkeypatch.setattr(clients, "read", fail)
    path.write_text(listed("b"))
    assert wait(lambda: registry.current() and failures())
    assert names(registry) == ["a"]
    assert failures() == {"ZeroDivisionError"}
    assert "Sentinel" not in json.dumps(log())
    monkeypatch.undo()
    assert wait(lambda: names(registry) == ["b"])
