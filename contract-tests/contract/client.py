"""A CDS client for tests: plain HTTP, no retries, nothing hidden."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from chassis import peers

JSON: Final = "application/json"
ORIGIN: Final = "http://localhost:8080"
"""A browser client's origin that a try-out accepts: the CDS Hooks Sandbox run locally."""


CALLER: Final = {"client": "contract-tests", "tenant": "", "dialect": "strict", "fhir": {"base": "", "why": "none"}}
"""What the gateway would tell of us."""


@dataclass(frozen=True)
class Client:
    """Calls one base URL.

    Attributes:
        base: base URL without a trailing slash.
        headers: sent with every request.
        internal_keys: with these, every request is signed as the gateway does: for services inside.
    """

    base: str
    headers: Mapping[str, str] = field(default_factory=dict)
    internal_keys: peers.Keys = field(default=(), repr=False)

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        """Any request; `path` starts with a slash. Redirects are not followed."""
        headers = {**self.headers, **more.pop("headers", {})}
        if self.internal_keys:
            plain = urlsplit(path).path
            headers[peers.HEADER] = peers.sign(self.internal_keys, "gateway", method, plain, CALLER)
        return requests.request(
            method, f"{self.base}{path}", headers=headers, timeout=30, allow_redirects=False, **more
        )

    def get(self, path: str, **more: Any) -> requests.Response:
        """GET."""
        return self.send("GET", path, **more)

    def post(self, path: str, body: object, **more: Any) -> requests.Response:
        """POST JSON, or the very bytes if bytes are given."""
        headers = {"Content-Type": JSON, **more.pop("headers", {})}
        if isinstance(body, bytes):
            return self.send("POST", path, data=body, headers=headers, **more)
        return self.send("POST", path, json=body, headers=headers, **more)

    def services(self) -> dict[str, dict[str, Any]]:
        """Hook -> the first service of that hook in discovery."""
        found: dict[str, dict[str, Any]] = {}
        for service in self.get("/cds-services").json()["services"]:
            found.setdefault(service["hook"], service)
        return found
