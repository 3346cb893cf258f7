"""A gunicorn worker whose threads meet only requests that are here whole, and never wait for a reader.

gunicorn's thread worker gives a thread to a connection when its first byte is there; head, body and answer then move
at the client's pace. Here the loop that waits for sockets anyway reads head and body into memory, hands the whole
request to a thread, and sends what of the answer the client does not take at once. Every phase of a connection has
a deadline, and what is held in memory has a limit.
"""

import contextlib
import errno
import io
import os
import selectors
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from chassis import arrival
from chassis.logs import Log
from chassis.serving.connections import READING, TO_EVICT, Connection, Limits, Outbox, Phase
from chassis.serving.crew import Crew
from chassis.serving.intake import Intake, Received, Settled
from chassis.serving.refusals import Notes, Refused, message
from chassis.serving.turns import LONGEST_S, Turns

_LOG: Final = Log("serving")
_PIECE: Final = 65_536
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINGER_SECONDS: Final = 2.0
_STOPPING_SECONDS: Final = 2.0
_SIGN_OF_LIFE_SECONDS: Final = 1.0
_SWEEP_SECONDS: Final = 0.05
_DISCARDED_AT_MOST: Final = 64_000_000
_NO_MORE_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NOBODY_THERE: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR})


class PatientWorker(ThreadWorker):  # type: ignore[misc, unused-ignore]
    """`ThreadWorker` with intake and answers in the loop. Plain HTTP/1.1 only: TLS ends before us.

    gunicorn's hooks `pre_request` and `post_request` and its access log are not served: our services write their own.
    """

    alive: bool
    limits: Limits = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settled_cfg = Settled(self.cfg)
        self._by_phase: dict[Phase, dict[Connection, None]] = {phase: {} for phase in Phase}
        self._turns = Turns(self.limits.at_once or self.cfg.threads, self._begin)
        self._settled: deque[Connection] = deque()
        self._sweep_at = 0.0
        self._sign_at = 0.0
        self._held = 0
        self._notes = Notes(_LOG)
        idle = float(self.cfg.keepalive)
        self._seconds = {
            Phase.IDLE: idle,
            Phase.HEAD: self.limits.head,
            Phase.BODY: self.limits.body,
            Phase.WORK: float("inf"),
            Phase.ANSWER: self.limits.answer,
            Phase.LINGER: _LINGER_SECONDS,
            Phase.DISCARD: self.limits.body,
        }

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what this worker does not do."""
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise ValueError("this worker speaks plain HTTP: end TLS before it")

    # The loop.

    def run(self) -> None:
        """Serve until told to stop, then let what is under way come to its end."""
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        self.set_accept_enabled(True)
        while self.alive and self.is_parent_alive():
            self._turn()
            self.set_accept_enabled(len(self._by_phase[Phase.WORK]) < self.worker_connections)
        self.alive = False
        self.set_accept_enabled(False)
        self._stop()

    def _turn(self) -> None:
        self.wait_for_and_dispatch_events(timeout=LONGEST_S / 2 if self._turns.crowded else 1.0)
        self._settle()
        if self._turns.crowded:
            self._turns.share()
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP_SECONDS
            self._sweep(now)
        if now >= self._sign_at:
            self._sign_at = now + _SIGN_OF_LIFE_SECONDS
            self.notify()
        self._notes.turn_over()

    def _stop(self) -> None:
        self._settle()
        self._close_door()
        now = time.monotonic()
        for conn in [conn for conn in self._by_phase[Phase.HEAD] if not conn.intake.begun]:
            self._enter(conn, Phase.IDLE)  # who has just come may still send one request
        for conn in list(self._by_phase[Phase.IDLE]):
            conn.deadline = min(conn.deadline, now + _STOPPING_SECONDS)
        end = now + self.cfg.graceful_timeout
        while self.nr_conns > 0 and time.monotonic() < end:
            self._turn()
        for conn in [conn for connections in self._by_phase.values() for conn in connections]:
            self._drop(conn)
        self.tpool.shutdown(wait=False)
        self.poller.close()
        self.method_queue.close()

    def _close_door(self) -> None:
        """Take the connections that the kernel has made for us already, and let it make no more.

        A listener that nobody takes from, but that is still open, would have further clients wait for nothing.
        """
        for listener in self.sockets:
            for _ in range(self.worker_connections):
                before = self.nr_conns
                self.accept(listener)
                if self.nr_conns == before:
                    break
            listener.close()

    def _sweep(self, now: float) -> None:
        """End what is late. Within a phase all have the same time, so the first is the first to be late."""
        for phase, connections in self._by_phase.items():
            while connections and (conn := next(iter(connections))).deadline <= now:
                if phase in READING and conn.intake.begun:
                    self._refuse(conn, Refused(408, phase.name))
                else:
                    self._drop(conn)

    # Connections come and go.

    def accept(self, listener: Any) -> None:
        """Take a new connection; at the limit an older one that nobody works for has to go."""
        if self.nr_conns >= self.worker_connections and not self._evict():
            return
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_MORE_FILES:
                self._evict()
            elif error.errno not in _NOBODY_THERE:
                raise
            return
        sock.setblocking(False)
        self.nr_conns += 1
        intake = Intake(self._settled_cfg, self.limits.body_bytes, client)
        conn = Connection(sock, client, listener.getsockname(), intake)
        self._wait(conn, Phase.HEAD)

    def _evict(self) -> bool:
        """Make room: end the oldest connection of the first phase that has one. False if all are worked for."""
        for phase in TO_EVICT:
            if connections := self._by_phase[phase]:
                self._drop(next(iter(connections)))
                return True
        return False

    def _enter(self, conn: Connection, phase: Phase) -> None:
        self._by_phase[conn.phase].pop(conn, None)
        conn.phase = phase
        if phase is not Phase.GONE:
            conn.deadline = time.monotonic() + self._seconds[phase]
            self._by_phase[phase][conn] = None

    def _wait(self, conn: Connection, phase: Phase, events: int = selectors.EVENT_READ) -> None:
        """Begin a phase that ends with something at the socket."""
        self._enter(conn, phase)
        if conn.watched != events:
            act = self._readable if events == selectors.EVENT_READ else self._writable
            watch = self.poller.modify if conn.watched else self.poller.register
            watch(conn.sock, events, partial(act, conn))
            conn.watched = events

    def _forget_socket(self, conn: Connection) -> None:
        if conn.watched:
            conn.watched = 0
            with contextlib.suppress(KeyError, ValueError, OSError):
                self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        if conn.phase is Phase.GONE:
            return
        self._forget_socket(conn)
        self._hold(conn, 0)
        self._enter(conn, Phase.GONE)
        self.nr_conns -= 1
        conn.sock.close()

    def _hold(self, conn: Connection, size: int) -> None:
        self._held += size - conn.held
        conn.held = size

    def _make_room(self) -> None:
        """Keep to the limit of memory: the oldest that are not whole yet have to go, and then who reads slowly."""
        for phase in (*reversed(READING), Phase.ANSWER):
            while self._held > self.limits.held_bytes:
                conn = next((conn for conn in self._by_phase[phase] if conn.held), None)
                if conn is None:
                    break
                if phase in READING:
                    self._refuse(conn, Refused(503, "Memory"))
                else:
                    self._drop(conn)

    # Requests come in.

    def _readable(self, conn: Connection, _sock: Any) -> None:
        if conn.phase is Phase.WORK and not self._is_settled(conn):
            return
        if conn.phase is Phase.GONE:  # by something that happened in the same turn
            return
        try:
            data = conn.sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
        elif conn.phase in (Phase.LINGER, Phase.DISCARD):
            conn.discarded += len(data)
            if conn.discarded > _DISCARDED_AT_MOST:
                self._drop(conn)
        else:
            self._feed(conn, data)

    def _feed(self, conn: Connection, data: bytes) -> None:
        """Give bytes to the intake, and go on as far as they reach. The socket is registered for reading."""
        intake = conn.intake
        try:
            intake.feed(data)
            if intake.whole:
                self._submit(conn, intake.take())
                return
        except Refused as refused:
            self._refuse(conn, refused)
            return
        self._hold(conn, intake.held)
        if intake.has_head:
            if intake.wants_continue():
                conn.send(_CONTINUE)
            if conn.phase is not Phase.BODY:
                self._enter(conn, Phase.BODY)
        elif conn.phase is not Phase.HEAD:
            self._enter(conn, Phase.HEAD)
        self._make_room()

    def _is_settled(self, conn: Connection) -> bool:
        """Whether the work on a connection where something comes in is done; if not, the socket rests until it is."""
        self._settle()
        if conn.phase is Phase.WORK:
            self._forget_socket(conn)
            self._settle()  # a thread that had not seen that the socket rests has left the connection here by now
        return conn.phase is not Phase.WORK

    def _submit(self, conn: Connection, received: Received) -> None:
        """Have a thread work for a request. The socket stays watched: as a rule nothing comes before the answer."""
        self._enter(conn, Phase.WORK)
        self._hold(conn, len(received.body) + conn.intake.held)
        self._make_room()
        if self._held > self.limits.held_bytes:
            self._refuse(conn, Refused(503, "Memory"))
            return
        received.request._expected_100_continue = False  # answered here, or not at all
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        self._turns.put(partial(self._work, conn, received, time.monotonic()))

    def get_thread_pool(self) -> Crew:
        """Override gunicorn's pool, to which this worker gives no futures."""
        return Crew(self.cfg.threads)

    def _begin(self, job: Callable[[], None]) -> None:
        self.tpool.put(job)

    # In a thread.

    def _work(self, conn: Connection, received: Received, whole_at: float) -> None:
        """Have the application answer, and send what the client takes at once."""
        keep = False
        try:
            answer, keep = self._answer(conn, received, whole_at)
        except Refused as refused:
            answer = message(refused.status, self._notes.take(refused))
        except Exception as error:  # noqa: BLE001 - the application's last line of defense; it is logged
            request_id = uuid.uuid4().hex
            _LOG.error("the application failed", error, request_id=request_id)
            answer = message(500, request_id)
        sent = conn.send(answer)
        if keep and sent == len(answer) and self.alive and not received.cut and not conn.intake.begun:
            self._settled.append(conn)
            if not conn.watched:
                self.method_queue.defer(self._settle)
        else:
            self.method_queue.defer(self._worked, conn, memoryview(answer)[sent:], keep, received.cut)

    def _answer(self, conn: Connection, received: Received, whole_at: float) -> tuple[bytes, bool]:
        """The bytes of the application's answer, and whether the connection may be used again.

        Raises:
            Refused: the request has waited so long for a thread that nobody waits for its answer.
        """
        if time.monotonic() - whole_at > self.limits.queue:
            raise Refused(503, "Queue")
        outbox = Outbox()
        response, environ = wsgi.create(received.request, outbox, conn.client, conn.server, self._settled_cfg)
        environ["wsgi.multithread"] = True
        environ[arrival.ENVIRON] = whole_at
        environ["wsgi.input"] = io.BytesIO(received.body)
        pieces = self.wsgi(environ, response.start_response)
        if received.cut or not self.alive or not self.cfg.keepalive:
            response.force_close()
        try:
            for piece in pieces:
                response.write(piece)
            response.close()
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        return outbox.whole(), not response.should_close()

    # Answers go out.

    def _settle(self) -> None:
        """Let connections whose answer is out wait for the next request. Nobody has to wake the loop for that."""
        while self._settled:
            conn = self._settled.popleft()
            if conn.phase is Phase.WORK:
                conn.then = Phase.IDLE
                self._answered(conn)

    def _worked(self, conn: Connection, rest: memoryview, keep: bool, cut: bool) -> None:
        if conn.phase is not Phase.WORK:
            return
        conn.then = Phase.IDLE if keep else Phase.DISCARD if cut else Phase.LINGER
        if rest:
            conn.rest = rest
            self._hold(conn, len(rest))
            self._wait(conn, Phase.ANSWER, selectors.EVENT_WRITE)
            self._make_room()
        else:
            self._answered(conn)

    def _writable(self, conn: Connection, _sock: Any) -> None:
        if conn.phase is not Phase.ANSWER:
            return
        conn.rest = conn.rest[conn.send(conn.rest) :]
        if not conn.rest:
            self._answered(conn)

    def _answered(self, conn: Connection) -> None:
        """Wait for the next request, part of which may be here already, or for the client to close."""
        self._hold(conn, conn.intake.held)
        if conn.then is not Phase.IDLE:
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_WR)
            self._wait(conn, conn.then)
            return
        self._wait(conn, Phase.IDLE)
        if not self.alive:
            conn.deadline = min(conn.deadline, time.monotonic() + _STOPPING_SECONDS)
        if conn.intake.begun:
            self._feed(conn, b"")

    def _refuse(self, conn: Connection, refused: Refused) -> None:
        """Answer without the application, and let the client see the answer before the connection ends."""
        conn.intake = Intake(self._settled_cfg, 0, conn.client)
        conn.send(message(refused.status, self._notes.take(refused)))
        conn.then = Phase.DISCARD
        self._answered(conn)

    def is_parent_alive(self) -> bool:
        """Whether the arbiter that started us is still there."""
        return bool(self.ppid == os.getppid())
