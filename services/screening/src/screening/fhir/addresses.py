"""Which network addresses an EHR may have, whose certificates it may show, and whether a URL lies below its base."""

import ipaddress
import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

LONGEST_LINK: Final = 4_000

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TRANSLATED: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "::/96")
)
"""IPv6 ranges whose addresses stand for IPv4 ones (NAT64, Teredo, 6to4) or for a site's own."""
_STRANGE: Final = re.compile(r"[^\x21-\x7e]|[\\<>\"^`{}]")
_CLIMBS: Final = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:[/;]|%3b|$)|%2f|%5c|%00", re.IGNORECASE)
"""Paths that one server or another takes for a way up: dot segments, bare or encoded, and hidden separators."""


class NotPublicError(OSError):
    """A host has an address that is not one of the public internet."""


def is_public(text: str) -> bool:
    """Whether an address is a global unicast one; IPv6 forms that stand for an IPv4 address are not."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if "%" in text or address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped is None and not any(address in network for network in _TRANSLATED)
    return True


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None when the URL has another scheme than http or https, a user, or no host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname.lower(), default if port is None else port


def may_be_asked(base: str, *, public_only: bool) -> bool:
    """Whether a base URL is one to send requests to: https, or http to this machine; never a bare private address."""
    found = origin(base)
    if found is None or _STRANGE.search(base) or "?" in base or "#" in base:
        return False
    scheme, host, _ = found
    if public_only and (host in _LOOPBACK or _is_address(host)):
        return is_public(host)
    return scheme == "https" or host in _LOOPBACK


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def next_page(base: str, asked: str, link: str) -> str | None:
    """The URL of a next page; None when it must not be followed.

    Args:
        base: of the FHIR server, without a slash at its end.
        asked: the URL of the search that the link came from, without `/_search`.
        link: as the server gave it; a relative one is relative to the base, or to the search when it is a query only.
    """
    if not link or len(link) > LONGEST_LINK or _STRANGE.search(link):
        return None
    try:
        url = urljoin(asked if link.startswith("?") else f"{base}/", link).partition("#")[0]
        path = urlsplit(url).path
    except ValueError:
        return None
    own = urlsplit(base).path.rstrip("/")
    if origin(url) is None or origin(url) != origin(base) or _CLIMBS.search(path):
        return None
    return url.replace("|", "%7C") if path == own or path.startswith(f"{own}/") else None


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The authorities that an EHR's certificate may come from: the machine's, and those of `ca_file`.

    Raises:
        OSError: the file cannot be read, or holds no certificate (`ssl.SSLError` is one).
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
