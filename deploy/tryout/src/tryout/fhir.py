"""`python -m tryout fhir`: a FHIR R4 server with synthetic patients on loopback, for the CDS Hooks Sandbox."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tryout import demo, fhir_app, make, ports, sandbox_links, shelf, terminal
from tryout.exits import Exit
from tryout.launcher import Stop
from tryout.settings import FHIR_PORT, Settings


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        path: a Bundle as JSON, or a directory of them; None: the built-in patient and those of the workbench.
        condition: (system, code) of a Condition to add to the patients of `path`, or None.
        sandbox: base URL of the Sandbox that the links open.
    """

    path: Path | None = None
    condition: tuple[str, str] | None = None
    sandbox: str = sandbox_links.PUBLIC


class _Quiet(WSGIRequestHandler):
    """Says nothing about a request: its address may hold the id of a patient."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        pass


def run(settings: Settings, options: Options) -> int:
    """Serve until told to stop.

    Returns:
        0 after SIGINT or SIGTERM; 2 when the port is taken or a file is no good, in which case nothing was started.
    """
    if taken := ports.faults({FHIR_PORT: settings.fhir_port}):
        print(f"Nothing was started: {taken[0]}", file=sys.stderr)
        return Exit.USAGE
    stop = Stop(make.Watch())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.on_signal)
    today = demo.now()
    try:
        if options.path is None:
            full = shelf.of_workbench(settings.gateway_url, today)
        else:
            full = shelf.of_files(options.path, today, options.condition)
    except shelf.Unusable as error:
        print(f"Nothing was started: {terminal.line(error)}", file=sys.stderr)
        return Exit.USAGE
    base = f"http://localhost:{settings.fhir_port}"
    places = sandbox_links.Places(f"{base}{fhir_app.BASE}", settings.public_url, options.sandbox)
    with _serving(fhir_app.create_app(full, places, today), settings.fhir_port):
        _tell(full, places, base)
        while not stop.now():
            time.sleep(0.2)
    with contextlib.suppress(OSError):
        print("Stopped.", flush=True)
    return Exit.FINE


@contextlib.contextmanager
def _serving(app: Flask, port: int) -> Iterator[None]:
    """Serve at both loopback addresses as long as the block lasts."""
    hosts = [ports.IPV4, *([ports.IPV6] if ports.has_ipv6() else [])]
    servers: list[BaseWSGIServer] = []
    try:
        for host in hosts:
            server = make_server(host, port, app, threaded=True, request_handler=_Quiet)
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            servers.append(server)
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _tell(full: shelf.Shelf, places: sandbox_links.Places, base: str) -> None:
    """Say what is served, and where the links are."""
    many = len(full.patients)
    lines = [
        f"FHIR R4, read-only, on loopback: {many} patient{'s' * (many != 1)}.",
        f"NO REAL PATIENTS: without a password; pages of {places.sandbox_origin} may read all of it.",
        *full.told,
        "",
        f"Links that open the Sandbox on each of them:  {base}/",
        f"FHIR server, for the CDS Hooks Sandbox:       {places.fhir}",
        f"Discovery, for the CDS Hooks Sandbox:         {places.services}/cds-services   (make run)",
        "",
        "Serving. Ctrl-C stops it.",
    ]
    print("\n".join(lines), flush=True)
