"""The faults suite's own machinery: what it breaks is broken, what was not survived is said and fails the command."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from contract.deployed import LOOPBACK
from faults import __main__ as command
from faults import crowding
from faults.ground import Ground
from faults.holding import LeftOut, must, until
from faults.lines import Line
from faults.played import ALL, Fault


@contextlib.contextmanager
def nothing() -> Iterator[Ground]:
    yield Ground(None, None, None, {}, shared=True)  # type: ignore[arg-type]  # none of it is used


def lost(_ground: Ground) -> str:
    must(False, "a call was lost")
    return "well"


def missing(_ground: Ground) -> str:
    raise LeftOut("no nginx")


def test_the_sum_counts_what_was_played(capsys: pytest.CaptureFixture[str]) -> None:
    well = Fault("disk full", nothing, lambda _ground: "all is well")
    bad, absent = Fault("clock wrong", nothing, lost), Fault("two gateways", nothing, missing)
    for faults, required, status, words in (
        (
            [well, absent],
            False,
            0,
            ("survived  disk full: all is well", "left out  two gateways: no nginx", "1 of 1 faults"),
        ),
        ([well, absent], True, 1, ("1 of 2 faults survived",)),
        ([bad, well], False, 1, ("NOT SURVIVED  clock wrong: a call was lost", "1 of 2 faults survived")),
        ([absent], False, 1, ("0 of 0 faults survived",)),
    ):
        assert command.played(faults, required=required) == status
        said = capsys.readouterr().out
        assert all(one in said for one in words), said


def test_faults_are_chosen_by_words_of_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["-l", "-k", "store,rolling restart"], {}) == 0
    named = capsys.readouterr().out.splitlines()
    assert "store locked" in named
    assert len([name for name in named if name.startswith("rolling restart")]) == 2
    assert not any("ledger" in name for name in named)
    assert len({fault.name for fault in ALL}) == len(ALL) >= 30


def test_what_never_holds_is_said_with_what_was_seen() -> None:
    with pytest.raises(Exception, match=r"not ready \(after 0 s\)"):
        until(lambda: False, 0, lambda: "not ready")


def test_slow_clients_that_are_gone_are_told_by_how_they_were_ended() -> None:
    endings = {"open": b"", "refused": b"HTTP/1.1 408 Request Timeout\r\n\r\n", "other": b"HTTP/1.1 503 Busy\r\n\r\n"}
    pairs = {name: socket.socketpair() for name in (*endings, "silent")}
    with contextlib.ExitStack() as all_of_them:
        for one in (end for pair in pairs.values() for end in pair):
            all_of_them.enter_context(one)
            one.setblocking(False)
        for name, said in endings.items():
            pairs[name][1].sendall(said)
        pairs["silent"][1].close()
        slow = crowding._Slow([near for near, _ in pairs.values()])
        slow.send(b"P")
        assert slow.there == [pairs["open"][0]]
        assert (slow.refused, slow.broken) == (1, [endings["other"], b""])
        assert pairs["open"][1].recv(9) == b"P"


def test_a_line_can_be_cut_held_and_mended() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        line = Line(server.getsockname()[1])
        with socket.create_connection((LOOPBACK, line.port), 5) as near, server.accept()[0] as far:
            far.settimeout(5)
            near.sendall(b"1")
            assert far.recv(1) == b"1"
            line.hold()
            near.sendall(b"2")
            far.settimeout(0.05)
            with pytest.raises(TimeoutError):
                far.recv(1)
            far.settimeout(5)
            line.mend()
            assert far.recv(1) == b"2"
            line.cut()
            assert far.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, line.port), 5)
        line.mend()
        socket.create_connection((LOOPBACK, line.port), 5).close()
        line.cut()
