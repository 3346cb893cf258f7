"""The counts of several worker processes as one."""

import multiprocessing
import os
import stat
import time
from pathlib import Path

import pytest

from screening import snapshots as snapshots_module
from screening.snapshots import Snapshots
from screening.tally import PREFETCH, Tally

KEYS = ("patient",)


def _count(directory: Path, times: int) -> None:
    """In a process of its own: count, write, and die."""
    tally = Tally(KEYS)
    snapshots = Snapshots(tally, directory, interval=60)
    for _ in range(times):
        tally.note("site", "patient", "delivered", PREFETCH)
    snapshots.write()
    os._exit(0)


def _in_processes(directory: Path, times: list[int]) -> None:
    fork = multiprocessing.get_context("fork")
    started = [fork.Process(target=_count, args=(directory, number)) for number in times]
    for process in started:
        process.start()
    for process in started:
        process.join(30)
        assert process.exitcode == 0


def test_a_process_alone_knows_its_own_counts() -> None:
    tally = Tally(KEYS)
    snapshots = Snapshots(tally, None)
    tally.note("site", "patient", "delivered", PREFETCH)
    whole = snapshots.whole()
    assert (whole.alone, whole.processes) == (True, 1)
    assert whole.counts.clients["site"].calls == 1


def test_processes_of_one_start_are_counted_together_even_when_they_have_died(tmp_path: Path) -> None:
    directory = tmp_path / "doctor"
    fork = multiprocessing.get_context("fork")
    told = fork.SimpleQueue()

    def reader() -> None:
        tally = Tally(KEYS)
        snapshots = Snapshots(tally, directory, interval=60)
        tally.note("site", "patient", "none", PREFETCH)
        whole = snapshots.whole()
        told.put((whole.alone, whole.processes, whole.counts.clients["site"].keys["patient"].prefetch))

    _in_processes(directory, [3, 4])
    process = fork.Process(target=reader)
    process.start()
    process.join(30)
    assert told.get() == (False, 3, {"delivered": 7, "none": 1})


def test_the_snapshot_is_written_a_moment_after_a_change(tmp_path: Path) -> None:
    tally = Tally(KEYS)
    snapshots = Snapshots(tally, tmp_path, interval=0.01)
    tally.note("site", "patient", "delivered", PREFETCH)
    assert snapshots.whole().processes == 1
    ends = time.monotonic() + 10
    while not list(tmp_path.glob("*.counts.json")) and time.monotonic() < ends:
        time.sleep(0.01)
    (file,) = tmp_path.glob("*.counts.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert snapshots.whole().counts.clients["site"].calls == 1  # its own file is not counted twice


OF_OTHERS = '{"since":1.0,"clients":{"site":{"keys":{"patient":{"prefetch":{"delivered":9}}}}}}'


def _left_by(directory: Path, start: str, *, days_ago: float = 0.0) -> Path:
    """A snapshot that another process wrote; `start` is its replica, its parent, and when that began."""
    file = directory / f"{start}-77-0123abcd.counts.json"
    file.write_text(OF_OTHERS)
    written = time.time() - 86_400 * days_ago
    os.utime(file, (written, written))
    return file


def test_what_is_over_is_cleared_and_what_others_still_write_is_left(tmp_path: Path) -> None:
    """Several replicas may share the directory, and several starts on one machine."""
    mine, start = snapshots_module._replica(), snapshots_module._start()
    alive = f"{mine}-{os.getpid()}.{snapshots_module._begun(os.getpid())}"
    over = [
        _left_by(tmp_path, f"{mine}-{os.getppid()}.1"),
        _left_by(tmp_path, f"{mine}-999999999.5"),
        _left_by(tmp_path, "0123456789ab-1.5", days_ago=1.1),
        _left_by(tmp_path, "1.5", days_ago=2),
    ]
    left = [
        _left_by(tmp_path, alive, days_ago=9),
        _left_by(tmp_path, start, days_ago=9),
        _left_by(tmp_path, "0123456789ab-1.6", days_ago=0.9),
    ]
    tally = Tally(KEYS)
    snapshots = Snapshots(tally, tmp_path, interval=60)
    assert snapshots.whole().processes == 2, "this process, and the other of its start"
    tally.note("site", "patient", "delivered", PREFETCH)
    assert [file.name for file in over if file.exists()] == []
    assert [file.name for file in left if not file.exists()] == []


def test_a_file_that_is_no_snapshot_is_left_out(tmp_path: Path) -> None:
    tally = Tally(KEYS)
    snapshots = Snapshots(tally, tmp_path, interval=60)
    tally.note("site", "patient", "delivered", PREFETCH)
    snapshots.write()
    (mine,) = tmp_path.glob("*.counts.json")
    for name, text in {"half": '{"since":1.0,"cli', "other": '{"since":"x"}', "none": ""}.items():
        (tmp_path / f"{mine.name.removesuffix('.counts.json')}{name}.counts.json").write_text(text)
    whole = snapshots.whole()
    assert (whole.processes, whole.counts.clients["site"].calls) == (1, 1)


def test_where_nothing_can_be_written_the_process_is_on_its_own(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    tally = Tally(KEYS)
    snapshots = Snapshots(tally, blocked / "doctor", interval=60)
    tally.note("site", "patient", "delivered", PREFETCH)
    snapshots.write()
    whole = snapshots.whole()
    assert whole.alone
    assert whole.counts.clients["site"].calls == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_closed_directory_leaves_the_process_on_its_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    tally = Tally(KEYS)
    snapshots = Snapshots(tally, tmp_path, interval=60)
    tally.note("site", "patient", "delivered", PREFETCH)
    assert snapshots.whole().alone
    tmp_path.chmod(0o700)
