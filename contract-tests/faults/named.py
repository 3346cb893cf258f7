"""A gateway for which `screening.example` stands for the addresses in `REPLICAS`, as a name does in a cluster."""

import os
import socket
from typing import Any

_ADDRESSES = os.environ["REPLICAS"].split(",")
_NAME = "screening.example"
_looked_up = socket.getaddrinfo


def _named(host: Any, *given: Any, **named: Any) -> list[Any]:
    if host != _NAME:
        return _looked_up(host, *given, **named)
    return [one for address in _ADDRESSES for one in _looked_up(address, *given, **named)]


socket.getaddrinfo = _named

from gateway.wsgi import app  # noqa: E402 - what it is made of had to have another look-up first

__all__ = ["app"]
