"""What is measured: our stack, the same with tokens, the floor, and the Python peer, each started from cold."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import jwt
import processes
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from load import HOST
from payloads import SERVICE

from tryout import children, launcher, settings

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
PEER_APP: Final = ROOT.parent / "shared" / "bench" / "peer_healthchain.py"
SERVICES: Final = ("content", "screening", "gateway")
"""In the order in which they are started."""
PEER_HOME: Final = ROOT / "build" / "bench-peer"
ISSUER: Final = "https://ehr.example"
_READY_WITHIN: Final = 40.0
_INSTALL_WITHIN: Final = 240.0


class CannotMeasure(Exception):
    """A contender did not start; words for the user."""


@dataclass(frozen=True)
class Contender:
    """Something that answers calls.

    Attributes:
        key: stack, tokens, floor, adapter or raw.
        name: in tables.
        port: where it listens, on loopback.
        path: what is called.
        roots: processes whose families do the work.
        ours: whether it takes our payloads or the measured ones.
    """

    key: str
    name: str
    port: int
    path: str
    roots: tuple[int, ...]
    ours: bool = True

    def processes(self) -> list[int]:
        """All processes that work for it."""
        return [pid for root in self.roots for pid in processes.family(root)]


@dataclass(frozen=True)
class Stack:
    """The default stack, as `make run` starts it: `seconds` from the start to its first answered call."""

    contender: Contender
    ports: Mapping[str, int]
    seconds: float
    launcher_pid: int

    def services(self) -> list[int]:
        """The processes of the three services, without the launcher."""
        return [pid for pid in processes.family(self.launcher_pid) if pid != self.launcher_pid]

    def templates(self) -> Mapping[str, str]:
        """The prefetch templates of the service that is called, as discovery announces them."""
        answer = requests.get(f"http://{HOST}:{self.ports['GATEWAY_PORT']}/cds-services", timeout=5)
        services = {service["id"]: service for service in answer.json()["services"]}
        templates: Mapping[str, str] = services[SERVICE]["prefetch"]
        return templates


class Starter:
    """Starts contenders in a scratch directory, and ends them all."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._running: list[children.Child] = []

    def stop(self) -> None:
        """End everything that was started."""
        children.stop(self._running)
        self._running.clear()

    def starts(self) -> dict[str, float]:
        """Service -> seconds from its start to its first good /readyz; each starts when the one that it asks is ready.

        They end before this returns.
        """
        ports = dict(zip(SERVICES, _free_ports(len(SERVICES)), strict=True))
        numbers = {f"{name.upper()}_PORT": str(port) for name, port in ports.items()}
        state = tempfile.mkdtemp(prefix="starts-", dir=self._scratch)
        surroundings = launcher.prepare(settings.load(numbers | {"STATE_DIR": state}), os.environ)
        others, took = list(self._running), {}
        for name, port in ports.items():
            address = f"{HOST}:{port}"
            process = {"PACKAGE": name, "BIND": address, "GRACEFUL_TIMEOUT": "2"}
            begun = time.perf_counter()
            child = self._start(f"{name}-alone", launcher.command(), surroundings | process)
            self._wait(child, partial(_answers, f"http://{address}/readyz"), 0.01)
            took[name] = time.perf_counter() - begun
        children.stop(self._running[len(others) :])
        self._running = others
        return took

    def stack(self) -> Stack:
        """The default stack, by the try-out's own launcher."""
        ports = dict(zip(("GATEWAY_PORT", "SCREENING_PORT", "CONTENT_PORT"), _free_ports(3), strict=True))
        environ = {name: str(port) for name, port in ports.items()} | {"STATE_DIR": str(self._scratch / "state")}
        begun = time.perf_counter()
        child = self._start("stack", [sys.executable, "-m", "tryout", "run"], environ)
        self._wait(child, lambda: "Serving." in child.log.read_text(encoding="utf-8", errors="replace"), 0.01)
        seconds = time.perf_counter() - begun
        contender = Contender(
            "stack", "gateway + screening", ports["GATEWAY_PORT"], _path(SERVICE), (child.process.pid,)
        )
        return Stack(contender, ports, seconds, child.process.pid)

    def stack_with_tokens(self, stack: Stack) -> tuple[Contender, Callable[[int], list[str]]]:
        """A gateway in production mode before the same screening, and what signs tokens for it."""
        (port,) = _free_ports(1)
        key = ec.generate_private_key(ec.SECP384R1())
        public: Any = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        clients = self._scratch / "clients.json"
        jwks = {"keys": [public | {"kid": "bench", "use": "sig", "alg": "ES384"}]}
        clients.write_text(json.dumps([{"client": "bench", "issuer": ISSUER, "jwks": jwks}]), encoding="utf-8")
        public_url = f"http://localhost:{port}"
        environ = {
            "DEPLOYMENT": "production",
            "CLIENTS_FILE": str(clients),
            "PUBLIC_URL": public_url,
            "UPSTREAMS": f"screening=http://{HOST}:{stack.ports['SCREENING_PORT']}",
            "CONTENT_URL": f"http://{HOST}:{stack.ports['CONTENT_PORT']}",
            "GATEWAY_PORT": str(port),
            "STATE_DIR": str(self._scratch / "production"),
            "INTERNAL_KEY_FILE": str(self._scratch / "state" / "internal.key"),
            "PACKAGE": "gateway",
            "BIND": f"{HOST}:{port}",
            "GRACEFUL_TIMEOUT": "2",
        }
        child = self._start("gateway-with-tokens", launcher.command(), environ)
        self._wait(child, lambda: _answers(f"http://{HOST}:{port}/readyz"))

        def sign(count: int) -> list[str]:
            now = int(datetime.now(UTC).timestamp())
            claims = {"iss": ISSUER, "aud": public_url + _path(SERVICE), "iat": now, "exp": now + 900}
            head = {"kid": "bench", "typ": "JWT"}
            return [
                jwt.encode(claims | {"jti": str(uuid.uuid4())}, key, algorithm="ES384", headers=head)
                for _ in range(count)
            ]

        roots = (child.process.pid, stack.launcher_pid)
        return Contender("tokens", "the same with ES384 tokens", port, _path(SERVICE), roots), sign

    def floor(self) -> Contender:
        """One pass over the body, in one sync worker."""
        (port,) = _free_ports(1)
        how = ["--bind", f"{HOST}:{port}", "--workers", "1", "--worker-class", "sync", "--no-control-socket"]
        child = self._start("floor", [sys.executable, "-m", "gunicorn", "--chdir", str(HERE), *how, "floor:app"], {})
        self._wait(child, lambda: _listens(port))
        return Contender("floor", "floor (WSGI, one pass)", port, "/", (child.process.pid,))

    def fhir_servers(self, moods: Sequence[str]) -> dict[str, int]:
        """FHIR servers of these moods; mood -> port."""
        there = dict(zip(moods, _free_ports(len(moods)), strict=True))
        words = [f"{mood}={port}" for mood, port in there.items()]
        child = self._start("fhir", [sys.executable, str(HERE / "fhir_server.py"), *words], {})
        self._wait(child, lambda: all(_listens(port) for port in there.values()))
        return there

    def peer(self, mode: str) -> Contender:
        """HealthChain: `adapter` is its documented way with two workers, `raw` reads the dicts in one worker."""
        (port,) = _free_ports(1)
        how = {"adapter": "--workers 2 --loop uvloop --http httptools", "raw": "--workers 1 --loop asyncio --http h11"}
        options = ["--app-dir", str(PEER_APP.parent), "--host", HOST, "--port", str(port), *how[mode].split()]
        python = str(PEER_HOME / "bin" / "python")
        environ = {"PEER_MODE": mode, "PYTHONDONTWRITEBYTECODE": "1"}
        child = self._start(f"peer-{mode}", [python, "-m", "uvicorn", "peer_healthchain:app", *options], environ)
        self._wait(child, lambda: _listens(port))
        workers = {"adapter": "documented adapter, 2 workers", "raw": "raw dicts, 1 worker"}[mode]
        return Contender(
            mode, f"HealthChain, {workers}", port, "/cds/cds-services/perf", (child.process.pid,), ours=False
        )

    def _start(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> children.Child:
        child = children.start(name, command, dict(os.environ) | dict(environ), self._scratch / f"{name}.log")
        self._running.append(child)
        return child

    @staticmethod
    def _wait(child: children.Child, ready: Callable[[], bool], step: float = 0.05) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while not ready():
            if child.process.poll() is not None or time.monotonic() > deadline:
                end = "\n".join(child.last_lines(15))
                raise CannotMeasure(f"{child.name} did not start. The end of its log:\n{end}")
            time.sleep(step)


def install_peer() -> str:
    """Make the peer's environment, once. Empty when it is there, else why not."""
    if not PEER_APP.is_file():
        return "its application does not lie beside the project"
    pins = HERE / "peer.txt"
    stamp = PEER_HOME / ".installed"
    if stamp.is_file() and stamp.read_bytes() == pins.read_bytes():
        return ""
    python = str(PEER_HOME / "bin" / "python")
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(PEER_HOME)],
        [python, "-m", "pip", "install", "-q", "--no-cache-dir", "--require-hashes", "-r", str(pins)],
    )
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, check=False, timeout=_INSTALL_WITHIN)  # noqa: S603
        except subprocess.TimeoutExpired:
            return f"it could not be installed within {_INSTALL_WITHIN:.0f} s"
        if done.returncode != 0:
            return "its packages could not be installed"
    stamp.write_bytes(pins.read_bytes())
    return ""


def _path(service: str) -> str:
    return f"/cds-services/{service}"


def _free_ports(count: int) -> list[int]:
    """Ports that are free on this machine now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind((HOST, 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).status_code == 200
    except requests.RequestException:
        return False
