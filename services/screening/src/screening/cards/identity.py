"""Card ids: the same card for the same patient keeps its id, and no id can be traced back without the secret."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from chassis.macs import mac


@dataclass(frozen=True, slots=True)
class Identity:
    """Derives UUIDs for one client and tenant, one patient of one FHIR server, in one encounter.

    Two clients of one FHIR server never share a card: each answers its own only.
    """

    key: bytes
    scope: tuple[str, ...]

    def uuid(self, *parts: str) -> str:
        """A UUID (RFC 9562, name-based form) from the scope and `parts`, keyed so that it tells nothing by itself."""
        named = "\x1f".join(_framed((*self.scope, *parts)))
        digest = mac(self.key, named.encode())
        return str(uuid.UUID(bytes=digest[:16], version=5))


def _framed(parts: Iterable[str]) -> Iterable[str]:
    return (f"{len(part)}:{part}" for part in parts)
