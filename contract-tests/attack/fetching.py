"""Fetching: FHIR servers, next links, redirections and key addresses that lead where nobody may go.

The traps note every connection; a row fails when one of them was made, whatever the answer.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from attack.cases import Answer, Case
from attack.field import DISCOVERY, Field
from attack.sending import Reply
from attack.traps import NEXT_BASES, REDIRECT_BASES
from screening.fhir.addresses import NotPublicError, is_public
from screening.fhir.names import PublicNames

GROUP: Final = "fetching"
_NOT_LISTED: Final = Answer(412, "required", "not among the servers agreed")
_MALFORMED: Final = Answer(400, "invalid", "fhirServer")


def table(field: Field) -> list[Case]:
    """All rows about fetching. The keys of clients come last, for a client that has none waits for them."""
    return [
        *_servers(field),
        *_patterns(field),
        *_next_links(field),
        *_redirections(field),
        *_resolved(),
        *_key_addresses(field),
        *_welcome(field),
    ]


def _servers(field: Field) -> Iterator[Case]:
    """FHIR servers that are not on the client's list, however like one that is."""
    ehr, other = field.traps.ehr, field.traps.other
    good = field.traps.base("fhir")
    rows: dict[str, str] = {
        "an address of the cloud": "http://169.254.169.254/latest/meta-data",
        "the same in decimal": "http://2852039166/latest/meta-data",
        "the same in IPv6": "http://[fd00:ec2::254]/latest/meta-data",
        "the same mapped": "http://[::ffff:169.254.169.254]/latest/meta-data",
        "a private address, 10": "https://10.0.0.1/fhir",
        "a private address, 172": "https://172.16.0.1/fhir",
        "a private address, 192": "https://192.168.0.1/fhir",
        "a shared address": "https://100.64.0.1/fhir",
        "link-local in IPv6": "https://[fe80::1]/fhir",
        "unique local in IPv6": "https://[fd00::1]/fhir",
        "loopback, another port": f"http://127.0.0.1:{other}/fhir",
        "loopback by name, another port": f"http://localhost:{other}/fhir",
        "loopback in IPv6": f"http://[::1]:{other}/fhir",
        "loopback in IPv6, the same port": f"http://[::1]:{ehr}/fhir",
        "loopback mapped into IPv6": f"http://[::ffff:127.0.0.1]:{other}/fhir",
        "loopback in hexadecimal IPv6": f"http://[::ffff:7f00:1]:{other}/fhir",
        "loopback in long IPv6": f"http://[0:0:0:0:0:0:0:1]:{other}/fhir",
        "loopback with a zone": f"http://[::1%25lo]:{other}/fhir",
        "another loopback address": f"http://127.0.0.2:{ehr}/fhir",
        "decimal": f"http://2130706433:{other}/fhir",
        "octal": f"http://0177.0.0.1:{other}/fhir",
        "hexadecimal": f"http://0x7f000001:{other}/fhir",
        "hexadecimal in parts": f"http://0x7f.0x0.0x0.0x1:{other}/fhir",
        "two parts": f"http://127.1:{other}/fhir",
        "zero": f"http://0:{other}/fhir",
        "zeros": f"http://0.0.0.0:{other}/fhir",
        "a name that leads to loopback": f"http://127.0.0.1.nip.example:{other}/fhir",
        "a user that looks like the listed server": f"http://127.0.0.1:{ehr}@127.0.0.1:{other}/fhir",
        "a user before the listed server": f"http://me@127.0.0.1:{ehr}/fhir",
        "a user and a password": f"http://me:secret@127.0.0.1:{ehr}/fhir",
        "a backslash": f"http://127.0.0.1:{other}\\@127.0.0.1:{ehr}/fhir",
        "a fragment": f"http://127.0.0.1:{other}#@127.0.0.1:{ehr}/fhir",
        "a query": f"http://127.0.0.1:{other}/x?@127.0.0.1:{ehr}/fhir",
        "the listed server in a path": f"http://127.0.0.1:{other}/{good}",
        "the listed server with a query": f"{good}?x=1",
        "the listed server with a fragment": f"{good}#x",
        "the listed server with two slashes": f"{good}//",
        "the listed server by another name": good.replace("127.0.0.1", "localhost"),
        "the listed server over https": good.replace("http:", "https:"),
        "a final dot in the host": good.replace("127.0.0.1", "127.0.0.1."),
        "a longer port": good.replace(f":{ehr}", f":0{ehr}"),
        "no port": "http://127.0.0.1/fhir",
        "a path that goes up": f"{good}/../outside",
        "a path that goes up, escaped": f"{good}/%2e%2e/outside",
        "a path that goes up, escaped twice": f"{good}/%252e%252e/outside",
        "a path that goes up by a backslash": f"{good}/..\\outside",
        "a longer path": f"{good}2",
        "a deeper path": f"{good}/deeper",
        "a shorter path": good[:-1],
        "the path in upper case": good.replace("/fhir", "/FHIR"),
        "an escaped letter": good.replace("/fhir", "/fhi%72"),
        "parameters in the path": f"{good};x=1",
        "another client's pattern": "https://a.ehr.example/fhir",
        "a zero byte": f"{good}\x00",
        "a full-width dot": good.replace("127.0.0.1", "127\uff0e0\uff0e0\uff0e1"),
        "an ideographic dot": good.replace("127.0.0.1", "127\u30020\u30020\u30021"),
        "digits in circles": good.replace("127", "①②⑦"),
        "an invisible character": good.replace("127", "127\u200b"),
    }
    for name, server in rows.items():
        yield Case(GROUP, f"fhirServer: {name}", partial(field.fetching, server), _NOT_LISTED, after=_silent(field))
    for name, server in (
        ("a file", "file:///etc/hostname"),
        ("gopher", f"gopher://127.0.0.1:{other}/_GET"),
        ("ftp", f"ftp://127.0.0.1:{other}/"),
        ("a script", "javascript:alert(1)"),
        ("data", "data:application/json,{}"),
        ("no scheme", f"//127.0.0.1:{other}/fhir"),
        ("a path", "/fhir"),
        ("a word", "localhost"),
        ("the scheme in upper case", good.replace("http:", "HTTP:")),
        ("a Unix socket", "unix:///var/run/docker.sock"),
        ("a space in it", f"{good} {good}"),
        ("a line break", f"{good}\r\nX: y"),
        ("empty", ""),
    ):
        yield Case(GROUP, f"fhirServer: {name}", partial(field.fetching, server), _MALFORMED, after=_silent(field))


def _silent(field: Field) -> Callable[[Reply], list[str]]:
    def looked(_: Reply) -> list[str]:
        return [f"the EHR was asked for {one.path}" for one in field.traps.seen.asked]

    return looked


def _patterns(field: Field) -> Iterator[Case]:
    """Client beta may name any host of a pattern: one label in place of the star, and nothing else."""
    other = field.traps.other
    for name, server in (
        ("no label", "https://ehr.example/fhir"),
        ("an empty label", "https://.ehr.example/fhir"),
        ("two labels", "https://a.b.ehr.example/fhir"),
        ("a longer host", "https://a.ehr.example.evil.example/fhir"),
        ("a host that ends alike", "https://evilehr.example/fhir"),
        ("a slash in place of a dot", "https://evil.example/.ehr.example/fhir"),
        ("a fragment", "https://evil.example#.ehr.example/fhir"),
        ("a query", "https://evil.example?.ehr.example/fhir"),
        ("a user", "https://evil.example@a.ehr.example/fhir"),
        ("a backslash", "https://evil.example\\.ehr.example/fhir"),
        ("a port", f"https://a.ehr.example:{other}/fhir"),
        ("http", "http://a.ehr.example/fhir"),
        ("another path", "https://a.ehr.example/other"),
        ("a star", "https://*.ehr.example/fhir"),
        ("an underscore", "https://a_b.ehr.example/fhir"),
        ("a label that ends with a hyphen", "https://a-.ehr.example/fhir"),
        ("a full-width dot", "https://evil.example\uff0eehr.example/fhir"),
        ("upper case", "https://A.ehr.example/fhir"),
        ("an escape", "https://a%2eb.ehr.example/fhir"),
    ):
        sent = partial(field.fetching, server, client="beta")
        yield Case(GROUP, f"pattern: {name}", sent, _NOT_LISTED, after=_silent(field))
    nowhere = partial(field.fetching, "https://a.ehr.example/fhir", client="beta")
    yield Case(GROUP, "pattern: a host that does not resolve", nowhere, Answer(412, "required", "could not be reached"))


def _next_links(field: Field) -> Iterator[Case]:
    """Searches whose next link leads elsewhere: the first page counts, and the rest is said to be missing."""
    for base in NEXT_BASES:
        sent = partial(field.fetching, field.traps.base(base))
        yield Case(GROUP, f"{base}: a next link elsewhere", sent, _INCOMPLETE, after=_unfollowed(field))


_INCOMPLETE: Final = Answer(
    200, words="Problem list incomplete: a recorded cause may not have been seen", outcome=False
)
_TOO_LARGE: Final = Answer(412, "required", "too large")


def _unfollowed(field: Field) -> Callable[[Reply], list[str]]:
    def looked(_: Reply) -> list[str]:
        asked = field.traps.seen.asked
        return [] if asked else ["the EHR was not asked at all, so nothing is proven"]

    return looked


def _redirections(field: Field) -> Iterator[Case]:
    for base in REDIRECT_BASES:
        sent = partial(field.fetching, field.traps.base(base))
        yield Case(GROUP, f"{base}: the EHR sends us elsewhere", sent, _LACKING, after=_unfollowed(field))
    huge = partial(field.fetching, field.traps.base("huge"))
    yield Case(GROUP, "the EHR pours out 60 MB", huge, _TOO_LARGE, after=_unfollowed(field))


_LACKING: Final = Answer(412, "required", "redirect, which is not followed")


def _resolved() -> Iterator[Case]:
    """Where the list has a pattern, each address that a name resolves to must be public at the moment of use."""
    for name, addresses in (
        ("loopback", ["127.0.0.1"]),
        ("private", ["10.1.2.3"]),
        ("link-local", ["169.254.169.254"]),
        ("IPv6 loopback", ["::1"]),
        ("mapped", ["::ffff:10.0.0.1"]),
        ("unique local", ["fd00::1"]),
        ("NAT64", ["64:ff9b::a00:1"]),
        ("6to4", ["2002:a00:1::"]),
        ("zero", ["0.0.0.0"]),
        ("multicast", ["224.0.0.1"]),
        ("shared", ["100.64.0.1"]),
        ("documentation", ["192.0.2.1"]),
        ("public and private", ["8.8.8.8", "10.0.0.1"]),
        ("none", []),
    ):
        yield Case(GROUP, f"a name that resolves to: {name}", partial(_looked_up, [addresses]), _REFUSED)
    changing = [["8.8.8.8"], ["127.0.0.1"]]
    yield Case(GROUP, "a name whose address changes between two looks", partial(_looked_up, changing), _REFUSED)
    public = partial(_looked_up, [["8.8.8.8"]])
    yield Case(GROUP, "a name that resolves to a public address", public, Answer(200, outcome=False), control=True)


_REFUSED: Final = Answer(403, outcome=False)


def _looked_up(answers: list[list[str]]) -> Reply:
    """What our resolver makes of a name: 403 stands for its refusal at the last of these looks."""

    class Written:
        """The system's resolver, with answers that are written down."""

        def __init__(self) -> None:
            self.left = list(answers)

        async def resolve(self, host: str, port: int, family: int) -> list[dict[str, Any]]:
            """The next answer."""
            return [{"hostname": host, "host": one, "port": port, "family": family} for one in self.left.pop(0)]

    async def look() -> Reply:
        resolver = PublicNames()
        resolver._names = Written()  # type: ignore[assignment]
        for number in range(len(answers)):
            try:
                found = await resolver.resolve("a.ehr.example", 443, socket.AF_INET)
            except NotPublicError:
                return Reply(403) if number == len(answers) - 1 else Reply(0)
            if not all(is_public(one["host"]) for one in found):
                return Reply(0)
        return Reply(200)

    return asyncio.run(look())


def _key_addresses(field: Field) -> Iterator[Case]:
    """Clients whose published keys cannot be had; nobody is let in, and nobody goes where a redirection leads."""
    unavailable = Answer(503, "transient", "keys")
    for client, what, path in (
        ("gamma", "redirects", "/redirect.json"),
        ("delta", "pours out 60 MB", "/huge.json"),
        ("theta", "never ends", "/slow.json"),
        ("iota", "is no JSON", "/html.json"),
        ("kappa", "is down", ""),
    ):
        sent = partial(field.get, DISCOVERY, [field.bearer(DISCOVERY, client)])
        looked = partial(_was_read, field, path)
        yield Case(GROUP, f"the key address of a client {what}", sent, unavailable, after=looked)


def _was_read(field: Field, path: str, _: Reply) -> list[str]:
    """A refusal proves nothing unless somebody had a look."""
    return ["the key address was never read"] if path and path not in field.traps.seen.keys else []


def _welcome(field: Field) -> Iterator[Case]:
    asked = partial(field.fetching, field.traps.base("fhir"))
    for name, sent in (
        ("a listed server", asked),
        ("a listed server with a slash at its end", partial(field.fetching, field.traps.base("fhir") + "/")),
    ):
        yield Case(
            GROUP, f"{name} is asked", sent, Answer(200, outcome=False), control=True, after=partial(_carded, field)
        )


def _carded(field: Field, reply: Reply) -> list[str]:
    """Whether the EHR was asked with the token of this call and no other, and a card came of it."""
    granted = {one.authorization for one in field.traps.seen.asked}
    tokens = {f"Bearer {secret}" for secret in field.spent[-2:]}
    if not granted:
        return ["the EHR was not asked"]
    if not granted <= tokens:
        return ["the EHR was asked without the token of this call, or with another"]
    cards = json.loads(reply.body)["cards"]
    return [] if cards else ["no card came of it"]
