"""A store that cannot be used: nobody waits long for it, nothing is acknowledged, and it comes back by itself."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from store_samples import ANSWER, CARD, CLIENT, MARKS, PATIENT, card

from chassis.environment import Environment, SettingsError
from chassis.testing_postgresql import Server
from screening.store import Store, StoreDown, StoreSettings, breaker, settings
from screening.store.breaker import Breaker
from screening.store.lanes import BACKGROUND, FEEDBACK, READING, Lane
from screening.store.schema import VERSIONS
from screening.store.settings import FILE_NAME
from screening.store.sqlite import SqliteFile


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has failed may be tried again at once."""
    monkeypatch.setattr(Breaker, "lets_through", lambda _: True)


@pytest.fixture
def locked(tmp_path: Path, on_file: Any) -> Iterator[sqlite3.Connection]:
    """The file in which stores of `on_file` are, while somebody else writes to it and does not come to an end."""
    connection = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def is_down(store: Store) -> bool:
    try:
        store.keep([ANSWER], CLIENT, "")
    except StoreDown:
        return True
    return False


def test_without_a_place_there_is_no_store() -> None:
    store = Store(StoreSettings(), None, MARKS)
    assert not store.exists
    assert not store.prepare()
    with pytest.raises(StoreDown):
        store.record([CARD])
    store.begin()
    store.close()


def test_file_and_directory_are_for_us_alone(tmp_path: Path, migrated: Path) -> None:
    directory = tmp_path / "state" / "deep"
    directory.mkdir(parents=True, mode=0o700)
    shutil.copy(migrated, directory / FILE_NAME)
    (directory / FILE_NAME).chmod(0o644)
    store = Store(StoreSettings(), directory, MARKS)
    store.record([CARD])
    made = list(directory.iterdir())
    assert {path.name for path in made} == {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    store.close()


def test_tables_that_a_later_version_has_changed_meanwhile_are_left_alone(on_file: Any, tmp_path: Path) -> None:
    store = on_file()
    store.record([CARD])
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE screening_schema SET version_num = '9999'")
    with pytest.raises(StoreDown):
        store.keep_up(CARD.at)
    assert is_down(store)
    with pytest.raises(StoreDown):
        store.record([card(2)])


def test_what_is_only_read_needs_no_lock(on_file: Any, locked: sqlite3.Connection) -> None:
    store = on_file()
    assert store.answers(PATIENT) == []
    with pytest.raises(StoreDown):
        store.record([CARD])
    assert store.answers(PATIENT) == []


def test_what_failed_is_left_alone_for_a_while(on_file: Any, locked: sqlite3.Connection) -> None:
    store = on_file()
    with pytest.raises(StoreDown):
        store.record([CARD])
    locked.execute("ROLLBACK")
    with pytest.raises(StoreDown):
        store.record([CARD])
    store.answers(PATIENT)
    assert not is_down(store)


def test_it_comes_back(on_file: Any, locked: sqlite3.Connection, restless: None) -> None:
    store = on_file()
    with pytest.raises(StoreDown):
        store.record([CARD])
    locked.execute("ROLLBACK")
    store.record([CARD])
    assert [kept.status for kept in store.keep([ANSWER], CLIENT, "")] == ["kept"]


def test_one_at_a_time_tries_what_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    monkeypatch.setattr(breaker.time, "monotonic", lambda: moment)
    one = Breaker(2.0)
    assert one.lets_through()
    assert one.failed()
    assert not one.failed()
    assert not one.lets_through()
    moment += 2.0
    assert one.lets_through()
    assert not one.lets_through()
    assert one.succeeded()
    assert one.lets_through()
    assert not one.succeeded()


def test_nobody_connects_in_a_call_and_each_lane_for_itself(
    on_file: Any, monkeypatch: pytest.MonkeyPatch, restless: None
) -> None:
    """Connecting may take as long as it likes; and what calls find too slow is good enough for feedback."""
    connect, made = SqliteFile._connect, []

    def noted(self: SqliteFile, lane: Lane) -> sqlite3.Connection:
        made.append((lane, threading.current_thread().name))
        return connect(self, lane)

    monkeypatch.setattr(SqliteFile, "_connect", noted)
    store = on_file()
    store.answers(PATIENT)
    store.keep([ANSWER], CLIENT, "")
    with pytest.raises(StoreDown):
        store.run(READING, lambda connection: connection.invalidate())
    while len(made) < 3:  # a call waits for it only so long
        with suppress(StoreDown):
            store.answers(PATIENT)
    store.keep([ANSWER], CLIENT, "")
    assert made == [(lane, "store") for lane in (READING, FEEDBACK, READING)]


@pytest.mark.wide
def test_what_the_database_cannot_hold_costs_nobody_else_the_store(server: Server) -> None:
    store = Store(StoreSettings(url=server.url), None, MARKS)
    with pytest.raises(StoreDown):
        store.record([card(module="m" * 65)])
    store.record([card(2)])
    store.close()


@pytest.mark.parametrize("what", ["removed", "replaced"])
def test_another_file_in_its_place_is_noticed(on_file: Any, tmp_path: Path, migrated: Path, what: str) -> None:
    """What is acknowledged must be where everybody looks for it."""
    store = on_file()
    store.record([CARD])
    for path in tmp_path.iterdir():
        path.unlink()
    if what == "replaced":
        shutil.copy(migrated, tmp_path / FILE_NAME)
    assert [kept.status for kept in store.keep([ANSWER], CLIENT, "")] == ["unknown-card"]
    store.record([CARD])
    assert len(on_file().answers(PATIENT)) == 1


def test_a_file_that_is_no_database(on_file: Any, tmp_path: Path, restless: None) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1_000)
    store = on_file()
    assert not store.prepare()
    assert is_down(store)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(StoreSettings(), tmp_path / "file" / "state", MARKS)
    assert not store.prepare()
    assert is_down(store)


def test_a_file_that_leads_elsewhere_is_not_followed(on_file: Any, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).rename(tmp_path / "elsewhere")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    assert is_down(on_file())


def test_a_full_disk_acknowledges_nothing(on_file: Any, monkeypatch: pytest.MonkeyPatch, restless: None) -> None:
    connect = SqliteFile._connect
    full: list[bool] = [True]

    def of_limited_size(self: SqliteFile, lane: Any) -> sqlite3.Connection:
        connection = connect(self, lane)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages if full[0] else 1_000_000}")
        return connection

    monkeypatch.setattr(SqliteFile, "_connect", of_limited_size)
    store = on_file()
    many = [card(n) for n in range(1, 200)]
    with pytest.raises(StoreDown):
        store.record(many)
    assert store.answers(PATIENT) == []
    full[0] = False
    store.close()
    store.record(many)


def test_a_child_process_goes_on_with_connections_of_its_own(on_file: Any) -> None:
    store = on_file()
    store.record([CARD])
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if store.keep([ANSWER], CLIENT, "")[0].status == "kept" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(store.answers(PATIENT)) == 1


def test_tables_of_a_later_version_are_not_written_to(make: Any, restless: None) -> None:
    store = make()
    store.record([CARD])
    store.run(
        BACKGROUND, lambda connection: connection.execute(text("UPDATE screening_schema SET version_num = '9999'"))
    )
    try:
        later = make()
        assert not later.prepare()
        assert is_down(later)
        with pytest.raises(StoreDown):
            later.answers(PATIENT)
    finally:
        _say_version(store, VERSIONS[-1])
    assert not is_down(later)


@pytest.mark.wide
def test_a_server_that_goes_and_comes_back(server: Server, restless: None) -> None:
    store = Store(StoreSettings(url=server.url), None, MARKS)
    store.record([CARD])
    server.stop()
    try:
        assert is_down(store)
        with pytest.raises(StoreDown):
            store.record([card(2)])
        cold = Store(StoreSettings(url=server.url), None, MARKS)
        assert not cold.prepare()
    finally:
        server.start()
    assert not is_down(store), "connections that broke meanwhile are replaced"
    assert not is_down(cold)
    server.stop()
    server.start()
    assert store.answers(PATIENT), "nobody notices a restart between two calls"
    for one in (store, cold):
        one.close()


@pytest.mark.wide
def test_a_server_that_stands_still_keeps_nobody_waiting(server: Server, restless: None) -> None:
    store = Store(StoreSettings(url=server.url), None, MARKS)
    store.record([CARD])
    server.pause(on=True)
    try:
        with pytest.raises(StoreDown):
            store.answers(PATIENT)
        with pytest.raises(StoreDown):
            store.record([card(3)])
    finally:
        server.pause(on=False)
    for _ in range(100):
        if not is_down(store):
            break
        time.sleep(0.05)
    assert not is_down(store)
    store.close()


@pytest.mark.parametrize("url", ["mysql://user:s3cret@host/x", "postgresql://user:s3cret@host:port:port/x?y"])
def test_a_wrong_address_is_said_without_its_password(url: str) -> None:
    env = Environment({"STORE_URL": url})
    settings.read(env)
    with pytest.raises(SettingsError) as caught:
        env.finish()
    assert "STORE_URL: must be a URL such as postgresql://" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def _say_version(store: Store, version: str) -> None:
    said = text("UPDATE screening_schema SET version_num = :version")
    store.run(BACKGROUND, lambda connection: connection.execute(said, {"version": version}))


def test_another_process_that_closes_the_file_takes_nothing_away(on_file: Any, tmp_path: Path) -> None:
    """SQLite removes the log of a file that nobody has open; that somebody has, it knows by our locks alone."""
    store = on_file()
    reader = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute(sys.argv[2]).fetchone()); c.close()"
    )
    command = [sys.executable, "-S", "-c", reader, str(tmp_path / FILE_NAME), "SELECT count(*) FROM screening_feedback"]
    seen = []
    for answer in (ANSWER, replace(ANSWER, reason="wrong-data"), replace(ANSWER, reason="not-indicated")):
        store.keep([answer], CLIENT, "")
        store.traces.find("opens the file once more")
        seen.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603
    assert seen == ["1\n", "2\n", "3\n"]
