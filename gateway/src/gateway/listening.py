"""Where a try-out may listen: on this machine, since it answers calls that nobody has signed."""

import ipaddress
import re
from typing import Final

_BIND_ARGUMENT: Final = re.compile(r"(?:^|\s)(?:-b|--bind)")
_WHY: Final = "a try-out answers unidentified calls and listens on 127.0.0.1, [::1], localhost or a unix: socket only;"
_INSTEAD: Final = "to listen elsewhere, set DEPLOYMENT=production and CLIENTS_FILE"


def fault(bind: str, arguments: str) -> str:
    """What keeps a try-out from listening as it is told, in words; empty when nothing does.

    Args:
        bind: BIND, addresses as gunicorn takes them, separated by commas; empty for the default, which is loopback.
        arguments: GUNICORN_CMD_ARGS, which could name other addresses.
    """
    elsewhere = bind and not all(is_loopback(address) for address in bind.split(","))
    if elsewhere or _BIND_ARGUMENT.search(arguments):
        return f"{_WHY} {_INSTEAD}"
    return ""


def is_loopback(address: str) -> bool:
    """Whether what listens on an address, as gunicorn takes it, is reached from this machine only."""
    plain = address.strip().removeprefix("tcp://")
    if plain.startswith("unix:"):
        return True
    host = without_port(plain)
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def without_port(authority: str) -> str:
    """The host of `host:port` or `[address]:port`, with its brackets."""
    if authority.startswith("["):
        return authority[: authority.find("]") + 1]
    return authority.partition(":")[0]
