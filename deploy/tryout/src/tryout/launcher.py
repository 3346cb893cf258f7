"""`python -m tryout run`: the three services on loopback, one real call, and the addresses to go on with."""

import contextlib
import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from chassis import outgoing
from tryout import children, demo, make, patient, ports, terminal
from tryout.exits import Exit
from tryout.settings import CONTENT_PORT, GATEWAY_PORT, SCREENING_PORT, Settings

ROOT: Final = Path(__file__).resolve().parents[4]
"""The checkout: gunicorn's configuration lies in it."""

SECRET_BYTES: Final = 32
_READY_WITHIN: Final = 30.0
"""Seconds within which all services have to be ready."""

_MOST_FAULTS: Final = 20
_MORE: Final = re.compile(r"and (\d{1,9}) more")

_SERVICES: Final = (("content", CONTENT_PORT), ("screening", SCREENING_PORT), ("gateway", GATEWAY_PORT))
"""In the order in which they are started."""


class CannotStart(Exception):
    """The try-out cannot start; one line for the user. Nothing runs."""


class Failed(Exception):
    """A service died or did not get ready in time; words for the user, with its own reason or the end of its log."""


@dataclass
class Stop:
    """Whether we have been told to stop: by a signal, or by what happened to make."""

    watch: make.Watch
    told: bool = False

    def on_signal(self, _number: int, _frame: Any) -> None:
        """Note that we have been told."""
        self.told = True

    def now(self) -> bool:
        """Whether it is time to stop."""
        if self.watch.interrupted():  # a signal may come in while we look: never write back an older answer
            self.told = True
        return self.told


def run(settings: Settings, environ: Mapping[str, str], *, color: bool = False) -> int:
    """Start everything, show one card, serve until told to stop.

    Returns:
        0 after SIGINT or SIGTERM; 1 when a service failed; 2 when a port is taken or the state directory is
        no good, in which case nothing was started.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)  # takes the free descriptor 0, which nothing else should get
    stop = Stop(make.Watch())
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    for number in signals:
        signal.signal(number, stop.on_signal)
    if settings.under_make:
        children.end_when_parent_ends(signal.SIGTERM)
    try:
        _need_free(settings.ports)
        surroundings = prepare(settings, environ)
    except CannotStart as error:
        print(f"Nothing was started: {error}", file=sys.stderr)
        return 2
    running: list[children.Child] = []
    try:
        _start(settings, surroundings, running, stop)
        if not stop.now():
            _show_card(settings, running, color=color)
            _tell(settings, surroundings["PUBLIC_URL"], color=color)
        watched = list(running)
        while not stop.now():
            watched = _still_needed(watched)
            time.sleep(0.2)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        children.stop(running)
    with contextlib.suppress(OSError):
        print("Stopped.", flush=True)
    return 0


def _need_free(wanted: Mapping[str, int]) -> None:
    if taken := ports.faults(wanted):
        raise CannotStart("; ".join(taken))


def prepare(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Make the state directory with what a first start needs; the environment of the children.

    Raises:
        CannotStart: the directory cannot be made, written to or closed to others.
    """
    state = settings.state_dir
    secret = {f"{name}_KEY_FILE": _secret(environ, name, state) for name in ("IDENTITY", "INTERNAL")}
    try:
        for directory in (state, state / "log"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
        for name, path in secret.items():
            if not environ.get(name):
                _generate(path)
    except OSError as error:
        raise CannotStart(f"STATE_DIR {state} cannot be used: {error.strerror}") from None
    port = {name: str(number) for name, number in settings.ports.items()}
    loopback = {
        "PUBLIC_URL": f"http://localhost:{port[GATEWAY_PORT]}",
        "CONTENT_URL": f"http://127.0.0.1:{port[CONTENT_PORT]}",
        "UPSTREAMS": f"screening=http://127.0.0.1:{port[SCREENING_PORT]}",
    }
    ours = {"DEPLOYMENT": "try-out", "STATE_DIR": str(state)}
    ours |= {name: str(path.absolute()) for name, path in secret.items()}
    audit = {"AUDIT_FILE": str((state / "log" / "audit.jsonl").absolute())}
    synthetic = {"TRACE_FACTS": "true"}  # a try-out is for synthetic patients, so a trace may say what decided
    return loopback | audit | synthetic | dict(environ) | port | ours


def _secret(environ: Mapping[str, str], name: str, state: Path) -> Path:
    """Where a secret lies: what the user has said, or the one that a first start makes."""
    return Path(environ.get(f"{name}_KEY_FILE") or state / f"{name.lower()}.key")


def _generate(key: Path) -> None:
    """Write a random key in hexadecimal that only we may read, unless one is there."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_BYTES))


def _start(settings: Settings, surroundings: Mapping[str, str], running: list[children.Child], stop: Stop) -> None:
    """Start the services one after the other: each finds the one that it asks at its own start ready."""
    session = outgoing.session(connect=1, read=2)
    deadline = time.monotonic() + _READY_WITHIN
    for name, variable in _SERVICES:
        port = settings.ports[variable]
        environ = dict(surroundings) | _process(name, port, surroundings.get(f"{name.upper()}_METRICS_PORT", ""))
        child = children.start(name, command(), environ, settings.state_dir / "log" / f"{name}.log")
        running.append(child)
        while not _answers(session, f"http://{ports.IPV4}:{port}/readyz"):
            if stop.now():
                return
            _check(running)
            if time.monotonic() > deadline:
                raise Failed(_end_of_log(child, f"{name} was not ready in time"))
            time.sleep(0.03)


def command() -> Sequence[str]:
    """How a service is started; which one, and where it listens, its environment says."""
    return [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py")]


def _process(name: str, port: int, metrics_port: str) -> dict[str, str]:
    """What gunicorn's configuration reads for this service. Three services cannot share a port for metrics."""
    bind = [f"{ports.IPV4}:{port}"]
    if name == "gateway" and ports.has_ipv6():
        bind.append(f"[{ports.IPV6}]:{port}")
    return {"PACKAGE": name, "BIND": ",".join(bind), "GRACEFUL_TIMEOUT": "2", "METRICS_PORT": metrics_port}


def _answers(session: requests.Session, address: str) -> bool:
    try:
        return session.get(address).status_code == 200
    except requests.RequestException:
        return False


def _still_needed(watched: Sequence[children.Child]) -> list[children.Child]:
    """The services to go on watching. Cards go out without content, so its end is said and nothing else ends."""
    ended = [child for child in watched if child.name == "content" and child.process.poll() is not None]
    for child in ended:
        print(f"{child.name} has ended: cards go out without explanatory text, pages answer 503.", file=sys.stderr)
    left = [child for child in watched if child not in ended]
    _check(left)
    return left


def _check(running: Sequence[children.Child]) -> None:
    for child in running:
        if (code := child.process.poll()) is not None:
            raise Failed(_end_of_log(child, f"{child.name} has ended (exit code {code})"))


def _end_of_log(child: children.Child, what: str) -> str:
    """Words for the user: why the service cannot start, if it said so, else the end of its log."""
    if refusal := child.refusal():
        return "\n".join([f"{child.name} cannot start:", *(f"  - {fault}" for fault in _faults(refusal))])
    lines = "\n".join(f"  | {terminal.clean(text)}" for text in child.last_lines())
    return f"{what}. The end of {child.log}:\n{lines or '  | (nothing)'}"


def _faults(refusal: str) -> list[str]:
    """The faults that a service found, one a line: the first `_MOST_FAULTS`, then how many more there are."""
    faults = [terminal.line(part) for part in refusal.removeprefix("settings at fault: ").split("; ")]
    more = 0
    if counted := _MORE.fullmatch(faults[-1]):  # the service itself has left some out
        more = int(counted[1])
        faults.pop()
    more += len(faults[_MOST_FAULTS:])
    return faults[:_MOST_FAULTS] + ([f"and {more} more"] if more else [])


def _show_card(settings: Settings, running: Sequence[children.Child], *, color: bool) -> None:
    """Make one real call through the gateway with the built-in patient and print its card."""
    today = demo.now()
    file = settings.state_dir / "patient.json"
    file.write_text(json.dumps(patient.bundle(today), indent=2), encoding="utf-8")
    print("All services are ready. One call through the gateway, for a built-in synthetic patient:\n", flush=True)
    options = demo.Options(path=file, url=settings.gateway_url, hook="patient-view", today=today, color=color)
    if demo.run(options) != Exit.FINE:
        raise Failed("\n".join(_end_of_log(child, f"The first call failed; {child.name}") for child in running))


def _tell(settings: Settings, public_url: str, *, color: bool) -> None:
    """Say where to go on, and what a try-out must not be taken for."""
    loud = (
        "TRY-OUT, NOT FOR PATIENT CARE: it listens on this machine's loopback only, lets anonymous calls in,",
        "and trusts the public CDS Hooks Sandbox key, with which anybody can sign. Synthetic data only.",
    )
    lines = [
        *(terminal.paint(text, "warning", color=color) for text in loud),
        "",
        f"In a browser (the workbench):          {public_url}/",
        f"Discovery, for the CDS Hooks Sandbox:  {public_url}/cds-services",
        "Patients for it, as an R4 server:      make fhir",
        f"Explanations:                          {public_url}/explanations",
        f"With curl:                             curl {public_url}/cds-services",
        "A patient of yours (synthetic, R4):    make demo FILE=bundle.json [ADD=G24.9]",
        f"Why a card came, or none:              {public_url}/trace, or WHY=1 with make demo",
        "What came of the data asked for:       make doctor",
        f"The patient above and all logs:        {settings.state_dir}",
    ]
    if not ports.has_ipv6():
        lines.append("This machine has no IPv6 loopback address; the gateway listens on 127.0.0.1 only.")
    print("\n".join([*lines, "", "Serving. Ctrl-C stops everything."]), flush=True)
