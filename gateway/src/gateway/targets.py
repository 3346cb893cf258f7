"""What a request must be before anything else looks at it: its address as we write addresses, and addressed to us."""

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, request

from chassis.problems import Problem
from gateway.listening import without_port
from gateway.settings import Settings

_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_HOOKS: Final = "/cds-services"


def install(app: Flask, settings: Settings) -> None:
    """Have `app` refuse requests for another host (in try-out), and addresses that only look like ours.

    A page in a browser may point a name of its own at this machine; what it then sends comes from loopback, but its
    Host is that name. Addresses here hold nothing that needs percent-encoding, so an encoded slash, dot or anything
    else cannot lead two readers of one address to different places.
    """
    own = urlsplit(settings.public_url).netloc
    hosts = frozenset((*_LOCAL_NAMES, without_port(own).lower()))

    @app.before_request
    def address_is_ours() -> None:
        target = str(request.environ.get("RAW_URI") or request.path)
        host = request.environ.get("HTTP_HOST", "")
        if not target.startswith("/"):
            absolute = urlsplit(target)
            if not absolute.netloc or absolute.netloc.lower() != host.lower():
                raise Problem(400, "The address and the Host header of the request name different hosts.")
            target = absolute.path
        if settings.try_out and without_port(host).lower() not in hosts:
            names = ", ".join(sorted(hosts))
            raise Problem(403, f"This is a try-out: it answers only where the Host header is one of {names}.")
        path = target.partition("?")[0]
        if "%" in path:
            raise Problem(404, "There is nothing at this address: addresses here hold no percent-encoded characters.")
        if "//" in path or (path.endswith("/") and path.startswith(_HOOKS)):
            raise Problem(404, "There is nothing at this address: write each slash once, and none at the end.")
