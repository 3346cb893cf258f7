"""Ports: whether they are free, asked before anything is started."""

import errno
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final

IPV4: Final = "127.0.0.1"
IPV6: Final = "::1"


def has_ipv6() -> bool:
    """Whether this machine has the IPv6 loopback address."""
    return _refusal(IPV6, 0) is None


def faults(ports: Mapping[str, int]) -> list[str]:
    """What stands in the way, one phrase for each port that cannot be listened on at both loopback addresses.

    Args:
        ports: variable name -> port.
    """
    families = [IPV4, *([IPV6] if has_ipv6() else [])]
    return list(_faults(ports, families))


def _faults(ports: Mapping[str, int], hosts: list[str]) -> Iterator[str]:
    for variable, port in ports.items():
        for host in hosts:
            if refusal := _refusal(host, port):
                address = f"[{host}]" if ":" in host else host
                what = "is taken" if refusal == errno.EADDRINUSE else f"cannot be used: {os.strerror(refusal)}"
                yield f"port {port} ({variable}) {what} on {address}"
                break


def _refusal(host: str, port: int) -> int | None:
    """The errno that listening at (host, port) gives, or None when it works."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, port))
            listener.listen(1)
    except OSError as error:
        return error.errno or errno.EINVAL
    return None
