"""The server as it is deployed, on real sockets: slow clients, hostile ones, and an end without a call lost."""

import contextlib
import http.client
import json
import os
import random
import select
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chassis.serving.turns import LONGEST_S
from tryout import children, ports

ROOT = Path(__file__).resolve().parents[2]
HEAD = b"POST /a HTTP/1.1\r\nHost: localhost\r\n"
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py")]
WITHIN = 30.0
"""Seconds after which a test gives up; nothing is said about how long anything takes."""

SLOW = {
    "head": (HEAD, b"X-A: b\r\n"),
    "body": (HEAD + b"Content-Length: 5000\r\n\r\n", b"x"),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a chunk that looks like the last": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nFF\r\n0\r\n\r\n", b"x"),
}
"""What slow clients send first, and then again and again."""

REFUSED_SHAPES = (b"\x16\x03\x01", b"GET / HTTP/1.1\n\n", HEAD + b"Content-Length: x\r\n\r\n")


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    child: children.Child

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((host, self.port), WITHIN)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.child.last_lines(200) if line.startswith("{")]


def start(directory: Path, **environ: str) -> Server:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bind = f"127.0.0.1:{port}" + (f",[::1]:{port}" if ports.has_ipv6() else "")
    surroundings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "BIND": bind,
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "2",
        "REQUEST_HEAD_TIMEOUT_S": "2",
        "REQUEST_BODY_TIMEOUT_S": "3",
        "ANSWER_TIMEOUT_S": "2",
        "MAX_BODY_BYTES": "1000000",
        "MAX_HELD_BYTES": "8000000",
    } | environ
    child = children.start("serving", [*GUNICORN, "serving_app:app"], surroundings, directory / "serving.log")
    server = Server(port, child)
    end = time.monotonic() + WITHIN
    while time.monotonic() < end and child.process.poll() is None:
        with contextlib.suppress(OSError):
            ask(server)
            return server
        time.sleep(0.05)
    children.stop([child])
    pytest.fail("\n".join(child.last_lines()))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("serving"))
    try:
        yield running
    finally:
        children.stop([running.child])


def ask(server: Server, path: str = "/", body: bytes = b"hi", **headers: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WITHIN)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        assert answer.status == 200, told
        return told
    finally:
        connection.close()


def takes_connections(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


def all_of(connection: socket.socket) -> bytes:
    """What the server sends until it closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            received += piece
    return received


def said(server: Server, data: bytes) -> bytes:
    with server.connect() as connection:
        connection.sendall(data)
        return all_of(connection)


def dripping(server: Server, first: bytes, drip: bytes, count: int) -> list[bytes]:
    """What `count` clients are told that send `first` and then `drip` until they are answered; others go on."""
    waiting = selectors.DefaultSelector()
    answers = []
    for _ in range(count):
        connection = server.connect()
        connection.sendall(first)
        waiting.register(connection, selectors.EVENT_READ)
    end = time.monotonic() + WITHIN
    while waiting.get_map() and time.monotonic() < end:
        assert ask(server)["length"] == 2
        for key, _ in waiting.select(0.2):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            answers.append(all_of(connection))
            waiting.unregister(connection)
            connection.close()
        for key in list(waiting.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            with contextlib.suppress(OSError):
                key.fileobj.sendall(drip)
    assert not waiting.get_map()
    return answers


@pytest.mark.parametrize(("first", "drip"), SLOW.values(), ids=SLOW)
def test_two_hundred_slow_clients_stop_nobody_and_are_told_so(server: Server, first: bytes, drip: bytes) -> None:
    answers = dripping(server, first, drip, 200)
    assert len(answers) == 200
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
    outcome = json.loads(answers[0].partition(b"\r\n\r\n")[2])
    assert outcome["issue"][0]["code"] == "timeout"


def test_silent_connections_stop_nobody_and_end(server: Server) -> None:
    assert dripping(server, b"", b"", 200) == [b""] * 200


def test_readers_that_do_not_read_stop_nobody_and_end(server: Server) -> None:
    connections = []
    for _ in range(30):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.settimeout(WITHIN)
        connection.sendall(b"GET /?size=6000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connections.append(connection)
    for _ in range(20):
        assert ask(server)["length"] == 2
    time.sleep(4)  # longer than ANSWER_TIMEOUT_S: the server has given up by now
    received = [len(all_of(connection)) for connection in connections]
    for connection in connections:
        connection.close()
    assert max(received) < 6_000_000
    assert ask(server)["length"] == 2


def test_a_reader_who_reads_gets_all_of_a_large_answer(server: Server) -> None:
    answer = said(server, b"GET /?size=5000000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert len(answer.partition(b"\r\n\r\n")[2]) == 5_000_000


def test_calls_that_wait_hold_no_more_than_their_threads(server: Server) -> None:
    with server.connect() as slow:
        slow.sendall(b"GET /?sleep=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ask(server)["length"] == 2
        assert slow.recv(100).startswith(b"HTTP/1.1 200 ")


def test_what_waits_without_saying_so_stops_nobody(tmp_path: Path) -> None:
    server = start(tmp_path, WEB_THREADS="16", WEB_AT_ONCE="1")
    try:
        waiting = [server.connect() for _ in range(8)]
        for connection in waiting:
            connection.sendall(b"GET /?sleep=20 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = ask(server)
        assert told["length"] == 2
        assert told["waited"] > LONGEST_S  # for its turn, and it is told since when
        for connection in waiting:
            connection.close()
        os.killpg(server.child.process.pid, signal.SIGKILL)
    finally:
        children.stop([server.child])


def test_who_waits_too_long_for_a_thread_is_told_to_come_again(tmp_path: Path) -> None:
    server = start(tmp_path, WEB_THREADS="1", QUEUE_TIMEOUT_S="0.1")
    try:
        with server.connect() as first, server.connect() as second:
            first.sendall(b"GET /?sleep=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.3)
            second.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert first.recv(100).startswith(b"HTTP/1.1 200 ")
            answer = all_of(second)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in answer
    finally:
        children.stop([server.child])


def test_what_lies_in_memory_has_a_limit_and_the_oldest_goes(server: Server) -> None:
    first = HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 990_000
    connections = [server.connect() for _ in range(10)]
    for connection in connections:
        connection.sendall(first)
    assert connections[0].recv(100).startswith(b"HTTP/1.1 503 ")
    connections[-1].sendall(b"x" * 10_000)
    assert connections[-1].recv(100).startswith(b"HTTP/1.1 200 ")
    for connection in connections:
        connection.close()


def test_a_long_header_reaches_the_application_and_a_longer_one_is_refused(server: Server) -> None:
    """So that a token that is too long is refused in words that a browser may read, too."""
    assert ask(server, **{"X-Long": "x" * 32_000})["length"] == 2
    answer = said(server, HEAD + b"X-Long: " + b"x" * 33_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"32 KB each" in answer


def test_what_is_unfinished_gives_way_to_a_request_that_is_whole(server: Server) -> None:
    """Clients that fill the memory and never end their requests, unidentified as they are, shut nobody out."""
    first = HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 999_980
    connections = [server.connect() for _ in range(8)]
    for connection in connections:
        connection.sendall(first)
    time.sleep(0.3)
    assert [ask(server, body=b"x" * 2_000)["length"] for _ in range(3)] == [2_000] * 3
    assert connections[0].recv(100).startswith(b"HTTP/1.1 503 ")
    for connection in connections:
        connection.close()


def test_when_there_is_no_room_who_waited_longest_goes(tmp_path: Path) -> None:
    server = start(tmp_path, WEB_CONNECTIONS="20", REQUEST_HEAD_TIMEOUT_S="20")
    try:
        connections = [server.connect() for _ in range(60)]
        for _ in range(5):
            assert ask(server)["length"] == 2
        assert all_of(connections[0]) == b""
        for connection in connections:
            connection.close()
    finally:
        children.stop([server.child])


@pytest.mark.parametrize("how", ["announced", "chunked"])
def test_who_sends_too_much_is_answered_by_the_application_and_may_send_it_all_first(server: Server, how: str) -> None:
    size = 3_000_000
    with server.connect() as connection:
        if how == "announced":
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        else:
            connection.sendall(
                HEAD + b"Transfer-Encoding: chunked\r\n\r\n%X\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"
            )
        head, _, body = all_of(connection).partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert json.loads(body)["length"] == (0 if how == "announced" else 1_000_001)


def test_leave_to_send_is_given_when_it_is_asked_for(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hi")
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_leave_to_send_too_much_is_not_given(server: Server) -> None:
    answer = said(server, HEAD + b"Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"length": 0' in answer


def test_requests_in_one_go_are_answered_in_turn(server: Server) -> None:
    get = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /3 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = said(server, get % 1 + HEAD + b"Content-Length: 2\r\n\r\nhi" + get % 2 + last)
    paths = [json.loads(part.partition(b"\r\n\r\n")[2])["path"] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert paths == ["/1", "/a", "/2", "/3"]


def test_an_answer_of_unknown_length_is_whole(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WITHIN)
    connection.request("GET", "/?stream=1&size=100000")
    answer = connection.getresponse()
    assert (answer.getheader("Transfer-Encoding"), len(answer.read())) == ("chunked", 100_000)
    connection.close()


def test_a_head_request_and_an_old_client_get_what_is_theirs(server: Server) -> None:
    answer = said(server, b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")
    assert said(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_peer_is_the_one_at_the_socket_whatever_headers_say(server: Server, host: str) -> None:
    if host == "::1" and not ports.has_ipv6():
        pytest.skip("this machine has no IPv6 loopback address")
    with server.connect(host) as connection:
        claims = b"X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nX-Real-Ip: 192.0.2.1\r\n"
        connection.sendall(HEAD + claims + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        assert json.loads(all_of(connection).partition(b"\r\n\r\n")[2])["peer"] == host


def test_a_failing_application_is_answered_for_and_quoted_nowhere(server: Server) -> None:
    mark = b"zz-patient-data"
    answer = said(server, b"POST /?fail=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n" + mark)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert mark not in answer
    outcome = json.loads(answer.partition(b"\r\n\r\n")[2])
    request_id = outcome["issue"][0]["diagnostics"].split()[-1]
    (line,) = [line for line in server.lines() if line.get("request_id") == request_id]
    assert line["error_type"] == "ValueError"
    assert mark.decode() not in json.dumps(server.lines())


def test_a_refusal_is_found_in_the_log_and_quotes_nothing(server: Server) -> None:
    answer = said(server, HEAD + b"Authorization Bearer zz-token\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"zz-token" not in answer
    request_id = json.loads(answer.partition(b"\r\n\r\n")[2])["issue"][0]["diagnostics"].split()[-1]
    assert [line["status"] for line in server.lines() if line.get("request_id") == request_id] == [400]
    assert "zz-token" not in json.dumps(server.lines())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open sockets are counted in /proc, which is not here")
def test_no_connection_is_forgotten(server: Server) -> None:
    """Whatever the clients before this test did, nothing of it is left open."""
    pid = ask(server)["pid"]
    shapes = random.Random(1)  # noqa: S311 - shapes of requests, no secret
    for data in [HEAD + b"Content-Length: 9\r\n\r\nhi", *REFUSED_SHAPES, *(first for first, _ in SLOW.values())] * 10:
        with server.connect() as connection:
            connection.sendall(data[: shapes.randrange(len(data) + 1)])
            if shapes.random() < 0.5:  # leave with a reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    listeners = 2 if ports.has_ipv6() else 1
    end = time.monotonic() + WITHIN
    while (left := sockets_of(pid)) > listeners and time.monotonic() < end:
        time.sleep(0.1)
    assert left == listeners
    assert ask(server)["pid"] == pid


def sockets_of(pid: int) -> int:
    """How many sockets a process has open."""
    count = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += str(file.readlink()).startswith("socket:")
    return count


def test_told_to_stop_it_ends_what_it_began(tmp_path: Path) -> None:
    server = start(tmp_path, GRACEFUL_TIMEOUT="10", REQUEST_BODY_TIMEOUT_S="20")
    try:
        with contextlib.ExitStack() as block:
            working, sending, idle, new = (block.enter_context(server.connect()) for _ in range(4))
            working.sendall(b"GET /?sleep=3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sending.sendall(HEAD + b"Content-Length: 2\r\n\r\nh")
            idle.sendall(b"GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"keep-alive" in idle.recv(1000)
            time.sleep(0.3)
            os.kill(server.child.process.pid, signal.SIGTERM)
            while takes_connections(server):
                assert not select.select([working], [], [], 0.05)[0], "somebody is taken in who waits in vain"
            for connection in (idle, new):
                connection.sendall(b"GET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sending.sendall(b"i")
            for connection in (working, sending, idle, new):
                answer = all_of(connection)
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert b"Connection: close" in answer
        assert server.child.process.wait(WITHIN) == 0
    finally:
        children.stop([server.child])
