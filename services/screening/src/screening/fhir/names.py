"""Host names of EHRs to addresses, by the machine's own resolver, so that hosts files and split DNS hold.

The resolver has no time limit of its own: a name server that hangs keeps a thread for half a minute. So every name has
a thread of its own, nobody waits for it longer than for an answer, and a client has only so many: those of others are
not its business.
"""

import asyncio
import contextlib
import socket
import threading
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from screening.fhir.addresses import NotPublicError, is_public

MOST_LOOKUPS: Final = 4
"""How many names of one client are looked up at a time. Names that were found are remembered for a while."""

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Names(AbstractResolver):
    """Looks up the names of one client's hosts; all of it but the looking up happens in one event loop."""

    def __init__(self) -> None:
        self._under_way = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            OSError: there are none, or as many names as may be are being looked up.
        """
        if self._under_way >= MOST_LOOKUPS:
            raise OSError("too many names are being looked up")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[ResolveResult]] = loop.create_future()

        def take(result: list[ResolveResult] | OSError) -> None:
            self._under_way -= 1
            if found.cancelled():
                return
            if isinstance(result, OSError):
                found.set_exception(result)
            else:
                found.set_result(result)

        def look_up() -> None:
            result = _addresses(host, port, family)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(take, result)

        self._under_way += 1
        threading.Thread(target=look_up, name="ehr-name", daemon=True).start()
        return await found

    async def close(self) -> None:
        """Nothing is kept."""


class PublicNames(AbstractResolver):
    """Resolves names to public addresses only. The connection is made to what was checked here, not resolved again."""

    def __init__(self) -> None:
        self._names = Names()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            NotPublicError: one of them is not public: a name may not be public in part.
            OSError: as for `Names`.
        """
        found = await self._names.resolve(host, port, family)
        if not found or not all(is_public(one["host"]) for one in found):
            raise NotPublicError
        return found

    async def close(self) -> None:
        """Nothing is kept."""


def _addresses(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult] | OSError:
    try:
        infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except (OSError, UnicodeError) as error:
        return error if isinstance(error, OSError) else OSError("no name that can be looked up")
    return [
        ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=_NUMERIC)
        for kind, _, proto, _, address in infos
    ]
