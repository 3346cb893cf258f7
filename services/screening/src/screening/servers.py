"""One name for one FHIR server, however a call writes it: patient ids are unique only within a server."""

import re
from typing import Final

_ADDRESS: Final = re.compile(r"(https?)://([^/?#]*)(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_OWN_PORTS: Final = {"https": ":443", "http": ":80"}


def one_name(address: str) -> str:
    """The address without what makes no other server of it (RFC 3986, 6.2): the case of scheme and host, the port that
    is the scheme's own, slashes at the end. Paths keep their case. What is no web address stays as it is.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return address.rstrip("/")
    scheme, host = found[1].lower(), found[2].lower()
    return f"{scheme}://{host.removesuffix(_OWN_PORTS[scheme])}{found[3]}".rstrip("/")
