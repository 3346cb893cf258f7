"""The container engine and docker-compose (1.29, or v2 as `docker compose`), as somebody at a prompt uses them."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from e2e.site import ROOT, Site

PACKAGES: Final = ("content", "screening", "gateway")
REPLICAS: Final = ("screening-1", "screening-2")
LASTING: Final = ("database", "content", *REPLICAS, "gateway", "edge")
"""What goes on running; `migrate` ends."""

_QUICK_S: Final = 120.0
_BUILD_S: Final = 900.0
_HEALTHY_WITHIN_S: Final = 240.0


class Failed(Exception):
    """A command of the engine did not do what it should; the text is what it said."""


def there_is_an_engine() -> bool:
    """Whether a container engine answers, and a docker-compose is there to talk to it."""
    return _works("docker", "info") and (_works("docker", "compose", "version") or _works("docker-compose", "version"))


def _works(*command: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@dataclass(frozen=True)
class Compose:
    """The compose file with the settings of a site, as a project of its own.

    Attributes:
        site: what the institution has brought.
        project: under which name the engine keeps our containers, networks and volumes.
    """

    site: Site
    project: str
    _command: Sequence[str] = field(default=(), repr=False)

    @classmethod
    def of(cls, site: Site) -> "Compose":
        """With the newer command if it is there; COMPOSE, if it is set, names another."""
        wanted = os.environ.get("COMPOSE", "").split()
        newer = ["docker", "compose"] if _works("docker", "compose", "version") else ["docker-compose"]
        return cls(site, f"dystonia-e2e-{os.getpid()}", wanted or newer)

    @property
    def release(self) -> str:
        """Tag of our images, which are nobody else's."""
        return self.project

    def environment(self) -> dict[str, str]:
        """In which commands are run."""
        own = {"COMPOSE_PROJECT_NAME": self.project, "COMPOSE_FILE": str(ROOT / "docker-compose.yml")}
        return {**os.environ, **self.site.environment(), **own, "RELEASE": self.release}

    def run(self, *arguments: str, within: float = _QUICK_S, stdin: bytes | None = None) -> str:
        """docker-compose with these arguments; what it wrote to standard output.

        Raises:
            Failed: its exit status was not 0, or it took too long.
        """
        return self._run([*self._command, *arguments], within, stdin)

    def engine(self, *arguments: str) -> str:
        """docker with these arguments; as `run`."""
        return self._run(["docker", *arguments], _QUICK_S, None)

    def shell(self, script: str, folder: Path, within: float = _QUICK_S) -> str:
        """Commands as a document gives them, run in `folder`; as `run`."""
        named = " ".join(self._command)
        known = f'docker-compose() {{ command {named} "$@"; }}\nset -euo pipefail\n'
        return self._run(["bash", "-c", known + script], within, None, folder)

    def _run(self, command: Sequence[str], within: float, stdin: bytes | None, folder: Path = ROOT) -> str:
        try:
            done = subprocess.run(  # noqa: S603
                command, env=self.environment(), cwd=folder, input=stdin, capture_output=True, timeout=within,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{' '.join(command)} did not end within {within:g} s") from error
        if done.returncode:
            said = (done.stdout + done.stderr).decode("utf-8", "replace")
            raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{said[-4000:]}")
        return done.stdout.decode("utf-8", "replace")

    def build(self) -> None:
        """The images, one after the other: the larger part is the same for all and is built once."""
        for service in ("content", "gateway", "screening-1"):
            self.run("build", service, within=_BUILD_S)

    def container(self, service: str) -> str:
        """The id of the container of a service.

        Raises:
            Failed: there is none.
        """
        found = self.engine(
            "ps", "-aq", "--no-trunc",
            "--filter", f"label=com.docker.compose.project={self.project}",
            "--filter", f"label=com.docker.compose.service={service}",
        ).split()  # fmt: skip
        if len(found) != 1:
            raise Failed(f"{service} has {len(found)} containers")
        return found[0]

    def state(self, service: str) -> Mapping[str, Any]:
        """What the engine knows of the container of a service."""
        (told,) = json.loads(self.engine("inspect", self.container(service)))
        state: Mapping[str, Any] = told
        return state

    def inside(self, service: str, program: str, *arguments: str) -> str:
        """Run Python in the container of a service."""
        return self.run("exec", "-T", service, "python", "-c", program, *arguments)

    def wait_until_healthy(self, services: Sequence[str] = LASTING) -> None:
        """Until the health checks of all of them have passed.

        Raises:
            Failed: one has not within four minutes; with its last lines.
        """
        ends = time.monotonic() + _HEALTHY_WITHIN_S
        for service in services:
            while (state := self.state(service)["State"])["Health"]["Status"] != "healthy":
                if time.monotonic() > ends:
                    lines = self.run("logs", "--tail", "20", service)
                    raise Failed(f"{service} is {state['Status']}, {state['Health']}:\n{lines[-3000:]}")
                time.sleep(0.5)

    def left(self) -> list[str]:
        """What the engine still has of this project."""
        label = f"label=com.docker.compose.project={self.project}"
        kinds = {"container": ["ps", "-aq"], "volume": ["volume", "ls", "-q"], "network": ["network", "ls", "-q"]}
        found = [
            f"{kind} {one}" for kind, listed in kinds.items() for one in self.engine(*listed, "--filter", label).split()
        ]
        images = self.engine("images", "-q", "--filter", f"reference=dystonia-cds/*:{self.release}").split()
        return found + [f"image {one}" for one in images]


@contextmanager
def started(compose: Compose) -> Iterator[None]:
    """Built and up, until the end of the block; then nothing is left of it."""
    try:
        compose.build()
        compose.run("up", "-d", within=_BUILD_S)
        compose.wait_until_healthy()
        yield
    finally:
        compose.run(
            "--profile",
            "monitoring",
            "--profile",
            "try",
            "down",
            "-v",
            "--remove-orphans",
            "--timeout",
            "10",
            within=_BUILD_S,
        )
        for package in PACKAGES:
            _works("docker", "rmi", "-f", f"dystonia-cds/{package}:{compose.release}")
