"""The stack as it is deployed: the three services as processes under gunicorn, two workers each, on free ports."""

import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from tryout import children

LOOPBACK: Final = "127.0.0.1"
PUBLIC_URL: Final = "https://cds.example"
"""What callers of a production stack see; the edge with TLS is left out, and its place is known by this name only."""

LOGS: Final = "log"
STATE: Final = "state"

_CONFIGURATION: Final = Path(__file__).parents[2] / "deploy" / "gunicorn.conf.py"
_READY_WITHIN: Final = 40.0


@dataclass(frozen=True)
class Running:
    """Services that run as processes of ours.

    Attributes:
        ports: service -> port on 127.0.0.1.
        children: the processes, in the order of their start.
        folder: state, secrets and logs.
    """

    ports: Mapping[str, int]
    children: Sequence[children.Child]
    folder: Path

    def url(self, service: str) -> str:
        """Base URL of a service, without a trailing slash."""
        return f"http://{LOOPBACK}:{self.ports[service]}"

    def written(self) -> str:
        """All that the services have written so far: logs, audit lines, and what lies in their state folders."""
        files = sorted(path for name in (LOGS, STATE) for path in (self.folder / name).rglob("*") if path.is_file())
        return "\n".join(path.read_text("utf-8", "replace") for path in files)

    def ended(self) -> list[str]:
        """The services that have ended although nobody asked them to."""
        return [child.name for child in self.children if child.process.poll() is not None]


def free_ports(count: int, host: str = LOOPBACK) -> list[int]:
    """Ports that nobody listens on at the moment, all different."""
    with contextlib.ExitStack() as block:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        held = [block.enter_context(socket.socket(family, socket.SOCK_STREAM)) for _ in range(count)]
        for one in held:
            one.bind((host, 0))
        return [one.getsockname()[1] for one in held]


@contextlib.contextmanager
def deployed(folder: Path, gateways: Mapping[str, Mapping[str, str]]) -> Iterator[Running]:
    """Content, screening and one gateway or more, ready to be called, until the end of the block.

    Args:
        folder: an empty directory; secrets are made in it, and logs are written there.
        gateways: name -> what the environment of that gateway has besides addresses and secrets.
    """
    for name in (LOGS, STATE):
        (folder / name).mkdir(mode=0o700)
    for name in ("identity.key", "internal.key", "operator.token"):
        secret(folder / name)
    names = ("content", "screening", *gateways)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    common = inherited() | {
        "IDENTITY_KEY_FILE": str(folder / "identity.key"),
        "INTERNAL_KEY_FILE": str(folder / "internal.key"),
        "OPERATOR_TOKEN_FILE": str(folder / "operator.token"),
        "CONTENT_URL": f"http://{LOOPBACK}:{ports['content']}",
        "UPSTREAMS": f"screening=http://{LOOPBACK}:{ports['screening']}",
        "PUBLIC_URL": PUBLIC_URL,
        "WEB_CONCURRENCY": "2",
        "GRACEFUL_TIMEOUT": "2",
    }
    started: list[children.Child] = []
    try:
        for name, port in ports.items():
            state = folder / STATE / name
            state.mkdir(mode=0o700)
            package = "gateway" if name in gateways else name
            own = {"PACKAGE": package, "BIND": f"{LOOPBACK}:{port}", "STATE_DIR": str(state)}
            own |= {"AUDIT_FILE": str(folder / LOGS / f"{name}-audit.jsonl")}
            log = folder / LOGS / f"{name}.log"
            started.append(children.start(name, command(), {**common, **own, **gateways.get(name, {})}, log))
            _wait_until_ready(f"http://{LOOPBACK}:{port}/readyz", started[-1])
        yield Running(ports, started, folder)
    finally:
        children.stop(started)


def inherited() -> dict[str, str]:
    """What a service needs of our own environment: where programs are, and nothing that would configure it."""
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def command() -> list[str]:
    """How a service is started; which one, its environment says."""
    return [sys.executable, "-m", "gunicorn", "-c", str(_CONFIGURATION)]


def secret(path: Path) -> str:
    """A new secret in a file that only we may read."""
    made = secrets.token_hex(32)
    path.touch(mode=0o600)
    path.write_text(made, "utf-8")
    return made


def _wait_until_ready(address: str, child: children.Child) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        if child.process.poll() is not None:
            break
        with contextlib.suppress(requests.RequestException):
            if requests.get(address, timeout=2).status_code == requests.codes.ok:
                return
        time.sleep(0.05)
    end = "\n".join(child.last_lines())
    raise RuntimeError(f"{child.name} did not get ready:\n{end}")
