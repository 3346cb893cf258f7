"""The ledger of used tokens and rates: the same promises on a SQLite file and on PostgreSQL."""

import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chassis import testing_postgresql as postgres
from gateway import ledger as policy
from gateway import stores
from gateway.ledger import Ledger, LedgerDown, Limit, Store, Use

NOW = 1_800_000_000.0
ISSUER = "https://ehr.example"
LIMIT = Limit("ehr", per_minute=60, burst=3)


def use(jti: str, issuer: str = ISSUER, expires: float = NOW + 360) -> Use:
    return Use(issuer, jti, expires)


def is_down(ledger: Ledger, jti: str) -> bool:
    try:
        ledger.admit(use(jti), None, NOW)
    except LedgerDown:
        return True
    return False


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    binaries = postgres.tools()
    if binaries is None:
        pytest.skip(postgres.NOT_HERE)
    with postgres.running(binaries) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes stores that are all the same one, empty at first."""
    if request.param == "sqlite":
        return lambda: stores.sqlite(tmp_path)
    url = request.getfixturevalue("server").url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS gateway_used_token, gateway_call_rate")
    return lambda: stores.postgresql(url)


@pytest.fixture
def ledger(store: Callable[[], Store]) -> Iterator[Ledger]:
    made = Ledger(store())
    yield made
    made.close()


# Tokens


def test_a_token_is_good_once(ledger: Ledger) -> None:
    assert ledger.admit(use("a"), None, NOW).let_in
    assert ledger.admit(use("a"), None, NOW).replayed
    assert ledger.admit(use("b"), None, NOW).let_in
    assert ledger.admit(use("a", "https://other.example"), None, NOW).let_in


def test_issuer_and_jti_do_not_run_into_one_another(ledger: Ledger) -> None:
    assert ledger.admit(use("bc", "a"), None, NOW).let_in
    assert ledger.admit(use("c", "ab"), None, NOW).let_in


def test_any_text_can_be_a_jti(ledger: Ledger) -> None:
    for jti in ("x" * 200, "\ud800", "\x00", "'; DROP TABLE gateway_used_token; --", "é", "%s", ":now"):
        assert ledger.admit(use(jti), None, NOW).let_in
        assert ledger.admit(use(jti), None, NOW).replayed


def test_a_jti_may_come_again_when_its_token_can_no_longer_be_valid(ledger: Ledger) -> None:
    assert ledger.admit(use("a", expires=NOW + 360), None, NOW).let_in
    assert ledger.admit(use("a", expires=NOW + 720), None, NOW + 360).replayed
    assert ledger.admit(use("a", expires=NOW + 720), None, NOW + 361).let_in
    assert ledger.admit(use("a", expires=NOW + 720), None, NOW + 362).replayed


def test_another_ledger_sees_what_was_used(ledger: Ledger, store: Callable[[], Store]) -> None:
    assert ledger.admit(use("a"), None, NOW).let_in
    ledger.close()
    again = Ledger(store())
    assert again.admit(use("a"), None, NOW).replayed
    again.close()


def test_a_call_for_which_nothing_could_be_forgotten_is_not_written_down(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, restless: None
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(policy, "_PURGE_EVERY", 1)
        broken.setattr(policy, "PURGE", "DELETE FROM there_is_no_such_table")
        with pytest.raises(LedgerDown):
            ledger.admit(use("a"), LIMIT, NOW)
    assert ledger.admit(use("a"), LIMIT, NOW).let_in, "who was told to try again with the same token may"


def test_what_has_long_expired_is_forgotten(
    ledger: Ledger, store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "_PURGE_EVERY", 10)
    for number in range(25):
        ledger.admit(use(str(number), expires=NOW + 10), None, NOW)
    for number in range(10):
        ledger.admit(use(f"later {number}", expires=NOW + 2_000), None, NOW + 1_000)
    count = store().connect().execute("SELECT count(*) FROM gateway_used_token", {}).fetchone()
    assert count == (10,)


# Rates


def test_a_client_may_burst_and_then_keep_its_rate(ledger: Ledger) -> None:
    def admitted(at: float, jti: str) -> policy.Verdict:
        return ledger.admit(use(jti), LIMIT, at)

    assert [admitted(NOW, f"a{n}").let_in for n in range(4)] == [True, True, True, False]
    assert admitted(NOW, "b").wait_s == pytest.approx(1.0)
    assert admitted(NOW + 0.75, "b").wait_s == pytest.approx(0.25)
    assert admitted(NOW + 1, "b").let_in
    assert not admitted(NOW + 1, "c").let_in
    assert [admitted(NOW + 100, f"d{n}").let_in for n in range(4)] == [True, True, True, False]


def test_over_a_minute_not_one_call_more_gets_in(ledger: Ledger) -> None:
    limit = Limit("ehr", per_minute=100, burst=1)
    assert sum(ledger.admit(use(str(n)), limit, NOW + n / 10).let_in for n in range(600)) == 100


def test_clients_do_not_pay_for_one_another(ledger: Ledger) -> None:
    for n in range(4):
        ledger.admit(use(f"a{n}"), LIMIT, NOW)
    assert ledger.admit(use("b"), Limit("other", 60, 1), NOW).let_in
    assert ledger.admit(use("c"), None, NOW).let_in


def test_a_call_that_came_too_soon_may_come_again_with_its_token(ledger: Ledger) -> None:
    for n in range(3):
        assert ledger.admit(use(f"a{n}"), LIMIT, NOW).let_in
    assert ledger.admit(use("b"), LIMIT, NOW).wait_s > 0
    assert ledger.admit(use("b"), LIMIT, NOW + 1).let_in


def test_a_replay_costs_the_client_nothing(ledger: Ledger) -> None:
    assert ledger.admit(use("a"), LIMIT, NOW).let_in
    assert all(ledger.admit(use("a"), LIMIT, NOW).replayed for _ in range(10))
    assert ledger.admit(use("b"), LIMIT, NOW).let_in
    assert ledger.admit(use("c"), LIMIT, NOW).let_in


def test_a_limit_that_was_raised_and_a_clock_that_was_set_back_lock_nobody_out(ledger: Ledger) -> None:
    slow = Limit("ehr", per_minute=1, burst=60)
    for n in range(60):
        assert ledger.admit(use(f"a{n}"), slow, NOW).let_in
    assert not ledger.admit(use("b"), slow, NOW).let_in
    assert ledger.admit(use("c"), Limit("ehr", per_minute=600, burst=10), NOW).let_in
    assert ledger.admit(use("d"), LIMIT, NOW + 86_400).let_in
    assert ledger.admit(use("e"), LIMIT, NOW + 100).let_in


# Many at once


def _race(store: Store, start: Any, jtis: list[str], limit: Limit | None, answers: Any) -> None:
    ledger = Ledger(store)
    start.wait(20)
    answers.put([ledger.admit(use(jti), limit, NOW).let_in for jti in jtis])
    ledger.close()


def race(store: Callable[[], Store], jtis: list[list[str]], limit: Limit | None = None) -> list[list[bool]]:
    """Lets one process for each list in `jtis` loose at the same moment."""
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(len(jtis)), context.Queue()
    running = [context.Process(target=_race, args=(store(), start, mine, limit, answers)) for mine in jtis]
    for process in running:
        process.start()
    told = [answers.get(timeout=30) for _ in running]
    for process in running:
        process.join(30)
        assert process.exitcode == 0
    return told


def test_of_two_workers_with_one_token_exactly_one_lets_it_in(store: Callable[[], Store]) -> None:
    jtis = [str(n) for n in range(200)]
    first, second = race(store, [jtis, jtis])
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_workers_share_one_rate(store: Callable[[], Store]) -> None:
    told = race(store, [[f"{who}-{n}" for n in range(40)] for who in range(3)], Limit("ehr", 1, 50))
    assert sum(map(sum, told)) == 50


def test_threads_share_one_connection(ledger: Ledger) -> None:
    told: list[bool] = []
    threads = [
        threading.Thread(target=lambda: told.extend([ledger.admit(use(str(n)), None, NOW).let_in for n in range(50)]))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(told) == 300
    assert sum(told) == 50


def test_a_child_process_makes_a_connection_of_its_own(ledger: Ledger) -> None:
    assert ledger.admit(use("before"), None, NOW).let_in
    pid = os.fork()
    if pid == 0:
        right = ledger.admit(use("before"), None, NOW).replayed and ledger.admit(use("child"), None, NOW).let_in
        os._exit(0 if right else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert ledger.admit(use("child"), None, NOW).replayed
    assert ledger.admit(use("after"), None, NOW).let_in


# What goes wrong


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rest after a failure, and with little patience."""
    monkeypatch.setattr(policy, "_REST_S", 0.0)


def test_a_locked_file_lets_nobody_in_and_keeps_nobody_waiting(tmp_path: Path, restless: None) -> None:
    ledger = Ledger(stores.sqlite(tmp_path))
    assert ledger.admit(use("a"), None, NOW).let_in
    other = sqlite3.connect(tmp_path / stores.FILE_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerDown):
        ledger.admit(use("b"), None, NOW)
    other.execute("ROLLBACK")
    other.close()
    assert ledger.admit(use("b"), None, NOW).let_in
    assert ledger.admit(use("a"), None, NOW).replayed
    ledger.close()


def test_after_a_failure_the_store_is_left_alone_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def connect() -> Any:
        tries.append(1)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(policy, "_REST_S", 60.0)
    ledger = Ledger(Store("broken", connect, (sqlite3.Error,)))
    for _ in range(5):
        with pytest.raises(LedgerDown):
            ledger.admit(use("a"), None, NOW)
    assert tries == [1]


def test_a_full_disk_lets_nobody_in(tmp_path: Path, restless: None) -> None:
    ledger = Ledger(stores.sqlite(tmp_path))
    assert ledger.admit(use("a"), None, NOW).let_in
    full: Any = ledger._connection
    pages = full.execute("PRAGMA page_count", {}).fetchone()[0]
    full.execute(f"PRAGMA max_page_count = {pages}", {})
    assert any(is_down(ledger, f"b{n}") for n in range(2_000))
    assert ledger.admit(use("a"), None, NOW).replayed
    ledger.close()


def test_a_file_that_was_removed_or_replaced_is_noticed(tmp_path: Path) -> None:
    one, other = Ledger(stores.sqlite(tmp_path)), Ledger(stores.sqlite(tmp_path))
    assert one.admit(use("a"), None, NOW).let_in
    assert other.admit(use("a"), None, NOW).replayed
    for file in tmp_path.iterdir():
        file.unlink()
    assert one.admit(use("b"), None, NOW).let_in
    assert other.admit(use("b"), None, NOW).replayed
    one.close()
    other.close()


def test_the_file_is_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    ledger = Ledger(stores.sqlite(folder))
    ledger.admit(use("a"), None, NOW)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    ledger.close()
    os.chmod(folder / stores.FILE_NAME, 0o644)
    stores.sqlite(folder)
    assert stat.S_IMODE((folder / stores.FILE_NAME).stat().st_mode) == 0o600


def test_a_place_that_cannot_be_used_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(stores.StoreError, match="STATE_DIR: file exists"):
        stores.sqlite(tmp_path / "file")
    with pytest.raises(stores.StoreError, match="STATE_DIR: no such file or directory"):
        stores.sqlite(tmp_path / "not" / "there")
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / stores.FILE_NAME).symlink_to(tmp_path / "file")
    with pytest.raises(stores.StoreError, match="STATE_DIR: "):
        stores.sqlite(tmp_path / "link")
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / stores.FILE_NAME).write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(stores.StoreError, match="STATE_DIR: file is not a database"):
        stores.sqlite(tmp_path / "junk")


def test_a_wrong_address_of_postgresql_is_said_without_its_password() -> None:
    with pytest.raises(stores.StoreError) as caught:
        stores.postgresql("postgresql://user:s3cret@host:port:port/x?y")
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_down_lets_nobody_in_until_it_is_back(server: postgres.Server, restless: None) -> None:
    ledger = Ledger(stores.postgresql(server.url))
    jti = str(time.time_ns())
    assert ledger.admit(use(jti), None, NOW).let_in
    server.stop()
    try:
        for _ in range(2):
            with pytest.raises(LedgerDown):
                ledger.admit(use(jti), None, NOW)
        cold = Ledger(stores.postgresql(server.url))
        assert not cold.was_reached()
    finally:
        server.start()
    assert cold.was_reached()
    assert ledger.admit(use(jti), None, NOW).replayed
    server.stop()
    server.start()
    assert ledger.admit(use(jti), None, NOW).replayed  # the connection broke while it lay idle: nobody notices
    ledger.close()
    cold.close()


def test_a_server_that_stands_still_keeps_nobody_waiting(server: postgres.Server, restless: None) -> None:
    ledger = Ledger(stores.postgresql(server.url))
    jti = str(time.time_ns())
    assert ledger.was_reached()
    server.pause(on=True)
    try:
        with pytest.raises(LedgerDown):
            ledger.admit(use(jti), None, NOW)
        with pytest.raises(LedgerDown):
            ledger.admit(use(jti), None, NOW)
    finally:
        server.pause(on=False)
    assert ledger.admit(use(jti), None, NOW).let_in
    ledger.close()


def test_a_failure_is_logged_without_the_token(tmp_path: Path, restless: None, caplog: Any) -> None:
    ledger = Ledger(stores.sqlite(tmp_path))
    (tmp_path / stores.FILE_NAME).unlink()
    (tmp_path / stores.FILE_NAME).mkdir()
    with pytest.raises(LedgerDown):
        ledger.admit(use("Sentinel-1", "Sentinel-2"), Limit("ehr", 1, 1), NOW)
    (record,) = [record for record in caplog.records if record.name == "cds.ledger"]
    assert "Sentinel" not in str(record.__dict__.get("fields")) + record.getMessage()


def test_a_gateway_that_keeps_a_file_loads_no_database_driver() -> None:
    told = "import sys, gateway.app; print('psycopg' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)  # noqa: S603 - our own words
    assert answer.stdout == b"False\n"
