"""The stack as it is deployed, two workers each, of which any process may be killed and begun anew."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import requests
from attack.signing import Signer, claims, ec_signer
from contract.deployed import LOGS, LOOPBACK, PUBLIC_URL, STATE, free_ports, inherited, secret
from cryptography.hazmat.primitives.asymmetric import ec

from crash import processes
from tryout import children

CONTENT: Final = "content"
SCREENING: Final = "screening"
GATEWAY: Final = "gateway"
SERVICES: Final = (CONTENT, SCREENING, GATEWAY)

_SUITE: Final = Path(__file__).parents[1]
_MARK: Final = "CRASH_SUITE"
_READY_WITHIN_S: Final = 60.0
_ENDED_WITHIN_S: Final = 40.0
_ORPHANS_END_WITHIN_S: Final = 10.0
_TENANTS: Final = {"alpha": "", "beta": "north", "gamma": ""}


@dataclass(frozen=True)
class Known:
    """A client of the gateway.

    Attributes:
        name: as the clients file has it.
        tenant: that its tokens name; empty: none.
        signer: its key.
        members: of its entry in the clients file besides; `jwksUrl` takes the place of the keys themselves.
    """

    name: str
    tenant: str
    signer: Signer
    members: Mapping[str, Any] = field(default_factory=dict)

    def token(self, path: str, **more: Any) -> str:
        """A new token for this address; `more` changes its claims."""
        return self.signer.sign(claims(self._issuer, f"{PUBLIC_URL}{path}", tenant=self.tenant or None, **more))

    def entry(self) -> dict[str, Any]:
        """Its entry in the clients file, without a limit that counts."""
        made: dict[str, Any] = {"client": self.name, "issuer": self._issuer, "algorithms": [self.signer.algorithm]}
        if "jwksUrl" not in self.members:
            made["jwks"] = {"keys": [self.signer.public_jwk()]}
        made["rateLimit"] = {"perMinute": 600_000}
        return {**made, **({"tenants": [self.tenant]} if self.tenant else {}), **self.members}

    @property
    def _issuer(self) -> str:
        return f"https://{self.name}.example/fhir"


@dataclass
class Service:
    """One service. All of it is done by the thread that began it: with that thread the kernel ends its processes."""

    name: str
    port: int
    environ: Mapping[str, str]
    arguments: Sequence[str]
    logs: Path
    host: str = LOOPBACK
    times: int = 0
    child: children.Child | None = None

    @property
    def url(self) -> str:
        """Its base URL, without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    @property
    def master(self) -> int:
        """Its first process; 0: there is none."""
        return self.child.process.pid if self.child is not None and self.child.process.poll() is None else 0

    def workers(self) -> list[int]:
        """The processes that do the work."""
        return processes.children_of(self.master) if self.master else []

    def start(self) -> None:
        """Begin it."""
        self.times += 1
        log = self.logs / f"{self.name}-{self.times}.log"
        command = [sys.executable, "-m", "crash.launched", *self.arguments]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the command is ours, no shell
                command,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.child = children.Child(self.name, process, log)

    def kill(self) -> None:
        """Kill its first process only; the workers see that they are alone, and end."""
        if self.child is not None:
            self.child.process.kill()
            self.child.process.wait()

    def end(self) -> None:
        """Tell it to end, and wait until it has."""
        if self.child is not None:
            self.child.process.terminate()
            self.child.process.wait(_ENDED_WITHIN_S)

    def start_again(self) -> None:
        """Begin it anew, when those that the one before has left behind are gone: they hold the port."""
        before = self.child.process.pid if self.child is not None else 0
        ends = time.monotonic() + _ORPHANS_END_WITHIN_S
        while left := processes.group(before):
            if time.monotonic() > ends:
                raise OSError(f"workers of {self.name} outlive it: {left}")
            time.sleep(0.05)
        self.start()

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.child.last_lines(15)) if self.child is not None else ""


@dataclass
class Stack:
    """Content, screening, gateway.

    Attributes:
        services: by name.
        clients: of the gateway.
        folder: state, secrets and logs.
        mark: stands in the environment of each process that was begun.
    """

    services: dict[str, Service]
    clients: Sequence[Known]
    folder: Path
    mark: str = field(repr=False)

    @property
    def door(self) -> str:
        """The base URL of the gateway."""
        return self.services[GATEWAY].url

    @property
    def state(self) -> Path:
        """STATE_DIR of screening."""
        return self.folder / STATE / SCREENING

    def all_pids(self) -> list[int]:
        """Every process of the stack."""
        return [pid for one in self.services.values() for pid in (one.master, *one.workers()) if pid]

    def kill_everything(self) -> int:
        """Kill all processes at one go, and begin anew; how many there were."""
        pids = self.all_pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for one in self.services.values():
            one.kill()
            one.start_again()
        return len(pids)

    def revive(self) -> list[str]:
        """Begin anew whatever has ended by itself, which nothing should; its last words."""
        found = []
        for one in self.services.values():
            if not one.master:
                found.append(f"{one.name} ended by itself: {one.last_words()}")
                one.start_again()
        return found

    def wait_until_ready(self, *names: str) -> None:
        """Come back when all, or those named, are ready and have their workers.

        Raises:
            OSError: they do not get ready.
        """
        for one in [self.services[name] for name in names or self.services]:
            ends = time.monotonic() + _READY_WITHIN_S
            while not _is_ready(one):
                if time.monotonic() > ends or not one.master:
                    raise OSError(f"{one.name} does not get ready:\n{one.last_words()}")
                time.sleep(0.05)

    def left(self) -> list[str]:
        """What still runs of all that was begun, by its own words."""
        return [f"{pid} {processes.words_of(pid)}" for pid in processes.marked(self.mark, self.folder)]


@contextlib.contextmanager
def running(folder: Path, store: Mapping[str, str], screening_app: str = "") -> Iterator[Stack]:
    """The stack, ready, until the end of the block.

    Args:
        folder: an empty directory.
        store: what the environment of screening has besides, to say where the store is.
        screening_app: served in the place of screening's own application.
    """
    made = prepared(folder, known(), {SCREENING: store}, {SCREENING: screening_app} if screening_app else {})
    with ended_afterwards(made):
        for one in made.services.values():
            one.start()
        made.wait_until_ready()
        yield made


@contextlib.contextmanager
def ended_afterwards(made: Stack) -> Iterator[None]:
    """Have nothing of the stack run after the block."""
    try:
        yield
    finally:
        children.stop([one.child for one in made.services.values() if one.child is not None])


def known() -> list[Known]:
    """Three clients with keys of their own, one of them with a tenant."""
    return [Known(name, tenant, ec_signer(f"{name}-1", ec.SECP256R1())) for name, tenant in _TENANTS.items()]


def prepared(
    folder: Path,
    clients: Sequence[Known],
    further: Mapping[str, Mapping[str, str]],
    apps: Mapping[str, str] = MappingProxyType({}),
) -> Stack:
    """The stack, of which nothing runs yet.

    Args:
        folder: an empty directory.
        clients: of the gateway.
        further: service -> what its environment has besides, or instead.
        apps: service -> what is served in the place of its own application.
    """
    for name in (LOGS, STATE):
        (folder / name).mkdir(mode=0o700)
    for name in ("identity.key", "internal.key"):
        secret(folder / name)
    clients_file = folder / "clients.yaml"
    clients_file.write_text(json.dumps([client.entry() for client in clients], indent=1), "utf-8")
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    mark = secrets.token_hex(16)
    ours = inherited()
    common = ours | {
        _MARK: mark,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_SUITE), ours.get("PYTHONPATH")])),
        "IDENTITY_KEY_FILE": str(folder / "identity.key"),
        "INTERNAL_KEY_FILE": str(folder / "internal.key"),
        "CONTENT_URL": f"http://{LOOPBACK}:{ports[CONTENT]}",
        "UPSTREAMS": f"screening=http://{LOOPBACK}:{ports[SCREENING]}",
        "PUBLIC_URL": PUBLIC_URL,
        "WEB_CONCURRENCY": "2",
        "GRACEFUL_TIMEOUT": "2",
    }
    own = {GATEWAY: {"DEPLOYMENT": "production", "CLIENTS_FILE": str(clients_file)}}
    services = {}
    for name, port in ports.items():
        state = folder / STATE / name
        state.mkdir(mode=0o700)
        environ = {**common, "PACKAGE": name, "BIND": f"{LOOPBACK}:{port}", "STATE_DIR": str(state)}
        environ |= {
            "AUDIT_FILE": str(folder / LOGS / f"{name}-audit.jsonl"),
            **own.get(name, {}),
            **further.get(name, {}),
        }
        services[name] = Service(name, port, environ, [apps[name]] if name in apps else [], folder / LOGS)
    return Stack(services, clients, folder, mark)


def _is_ready(service: Service) -> bool:
    with contextlib.suppress(requests.RequestException):
        answer = requests.get(f"{service.url}/readyz", timeout=2)
        return answer.status_code == requests.codes.ok and len(service.workers()) >= 1
    return False
