"""Addresses in the clients file: which are fit to be trusted, and whether a call's FHIR server is one of them.

An address says exactly one thing: no user, query, fragment, escape or dot segment, the host in lower case, https.
http is accepted for this machine only, where it does not travel.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]+\]")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LONGEST: Final = 500
_LABELS_OF_PATTERN: Final = 2


@dataclass(frozen=True)
class FhirServer:
    """A FHIR server, or a family of them, on which a client's patients may be looked up.

    Attributes:
        base: the base URL without a slash at its end; in a family the first label of its host is `*`.
    """

    base: str

    @property
    def is_pattern(self) -> bool:
        """Whether this is a family of hosts; then the address that a host resolves to must be a public one."""
        return "://*." in self.base

    def includes(self, url: str) -> bool:
        """Whether `url`, without a slash at its end, is this server: character by character, but for the `*`."""
        if not self.is_pattern:
            return url == self.base
        before, after = self.base.split("*", 1)
        return re.fullmatch(re.escape(before) + _LABEL + re.escape(after), url) is not None


@dataclass(frozen=True)
class FhirAccess:
    """What a call's `fhirServer` comes to.

    Attributes:
        base: the base URL that may be asked, without a slash at its end; empty: none.
        public_only: whether its resolved addresses must be public ones.
        why: why `base` is empty: `none` (the call names no server) or `not-listed`; else empty.
    """

    base: str = ""
    public_only: bool = False
    why: str = ""


def fhir_access(said: object, servers: Iterable[FhirServer], *, try_out: bool = False) -> FhirAccess:
    """Judge the `fhirServer` of a call.

    Args:
        said: what the call says.
        servers: those agreed with the client.
        try_out: whether servers on this machine may be asked besides, on any port.
    """
    if not isinstance(said, str) or not said:
        return FhirAccess(why="none")
    url = said.removesuffix("/")
    for server in servers:
        if server.includes(url):
            return FhirAccess(url, public_only=server.is_pattern)
    if try_out and _is_on_this_machine(url):
        return FhirAccess(url)
    return FhirAccess(why="not-listed")


def checked(text: str) -> str:
    """`text`, if it is an exact address that can be trusted.

    Raises:
        ValueError: with what is wrong.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"must have at most {_LONGEST} characters")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise ValueError("must be an https URL") from error
    if url.scheme not in ("https", "http"):
        raise ValueError("must be an https URL")
    if "@" in url.netloc:
        raise ValueError("must not name a user")
    if "?" in text or "#" in text:
        raise ValueError("must have no query and no fragment")
    host = url.netloc.rpartition(":")[0] if port is not None else url.netloc
    if not _HOST.fullmatch(host) or not _is_name_or_plain_address(host):
        raise ValueError("must name its host in lower case, without anything odd in it")
    if port == _DEFAULT_PORTS[url.scheme]:
        raise ValueError("must leave out the port that is its scheme's own")
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        raise ValueError("must be an https URL (http is accepted for localhost, 127.0.0.1 and [::1] only)")
    if not _PATH.fullmatch(url.path) or {".", ".."} & set(url.path.split("/")):
        raise ValueError("must have a plain path: no escapes, no empty and no dot segments")
    if text != f"{url.scheme}://{url.netloc}{url.path}":
        raise ValueError("must be written plainly")
    return text


def fhir_server(text: str) -> FhirServer:
    """The FHIR server, or the family of them, that an entry of the clients file means.

    Raises:
        ValueError: with what is wrong.
    """
    scheme, _, rest = text.partition("://")
    if "*" not in rest.partition("/")[0]:
        return FhirServer(checked(text).removesuffix("/"))
    if scheme != "https" or not rest.startswith("*."):
        raise ValueError("may have a * only in place of the whole first label of an https host: https://*.ehr.example")
    fixed = rest[2:]
    host = fixed.partition("/")[0].partition(":")[0]
    if host.count(".") + 1 < _LABELS_OF_PATTERN or host.replace(".", "").isdigit():
        raise ValueError("must have a name of two labels or more after the *: https://*.ehr.example")
    return FhirServer("https://*." + checked("https://" + fixed).removeprefix("https://").removesuffix("/"))


def _is_name_or_plain_address(host: str) -> bool:
    """Whether a host is a name, or an address in its usual form: 2130706433 and 127.1 are addresses in disguise."""
    if not host.startswith("[") and not re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2]):
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_on_this_machine(url: str) -> bool:
    try:
        return urlsplit(checked(url)).hostname in LOOPBACK
    except ValueError:
        return False
