"""For tests of services inside: a test client whose requests are signed as the gateway signs them."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from chassis import peers

KEYS: Final[peers.Keys] = (b"internal-key-of-tests-and-no-other",)
CALLER: Final[Mapping[str, Any]] = {"client": "tests", "dialect": "strict", "fhir": {"base": "", "why": "none"}}


class SignedClient(FlaskClient):
    """Signs every request with `KEYS`, for `caller`, unless the request brings a header of its own."""

    caller: Mapping[str, Any] = CALLER
    by = "gateway"

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], EnvironBuilder | dict | Request):
            return super().open(*args, **kwargs)
        headers = Headers(kwargs.pop("headers", None) or {})
        path = unquote(str(args[0] if args else kwargs.get("path", "/")).partition("?")[0])
        if peers.HEADER not in headers:
            method = kwargs.get("method", "GET")
            headers[peers.HEADER] = peers.sign(KEYS, self.by, method, path, self.caller)
        return super().open(*args, headers=headers, **kwargs)


def signed(app: Flask, caller: Mapping[str, Any] = CALLER) -> Flask:
    """`app`, whose `test_client()` signs from now on; the app's own keys must be `KEYS`."""
    app.test_client_class = type("SignedClient", (SignedClient,), {"caller": caller})
    return app
