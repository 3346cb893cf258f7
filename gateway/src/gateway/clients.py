"""The clients that we trust: who signs tokens, with which keys, and what else we agreed with them.

The list is a YAML or JSON file, checked whole; each fault is said with its line, and a file with a fault is not used
at all. Keys come from this file, from the files and addresses that it names, and from nowhere else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from chassis.following import Stamp, stamp
from chassis.positions import Document, Fault, Unreadable, text_of
from chassis.positions import Path as Place
from chassis.positions import read as read_document
from gateway import addresses, entries, jwks
from gateway.addresses import FhirServer
from gateway.jwks import Key

_MOST_BYTES: Final = 4_000_000
_MOST_ENTRIES: Final = 2_000


class _Wrong(Exception):
    """A file, or the top of it, cannot be read; `faults` say why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults = faults


@dataclass(frozen=True)
class Rate:
    """How often a client may call: requests per minute, and how many of them at once after a pause."""

    per_minute: int
    burst: int


@dataclass(frozen=True)
class Client:
    """A client that we trust.

    Attributes:
        name: how logs call it.
        issuer: the `iss` of its tokens, compared character by character. Several clients may share one if each
            lists tenants, and no tenant is listed twice.
        keys: `kid` -> the keys with this id, each for another algorithm; empty if they come from `jwks_url`.
        jwks_url: where its keys are published; empty if `keys` has them.
        jkus: what the `jku` of its tokens may be; empty: they may carry none.
        algorithms: with which its tokens may be signed.
        audiences: values of `aud` that we accept from it at every endpoint, besides the endpoint's own URL.
        tenants: what the `tenant` of its tokens may be; empty: anything or nothing.
        fhir_servers: on which its patients may be looked up; `addresses.fhir_access` judges by it.
        services: ids of the CDS services that it may use; empty: all.
        origins: browser origins that may call us for it.
        rate: how often it may call; None: as often as it likes.
        dialect: the ways of its EHR; one of `entries.DIALECTS`.
        prefetch_keys: our prefetch key -> the name under which its site sends that.
        override_reasons: the site's code for not following a card -> ours.
        key_is_public: its private key is known to everybody, so its tokens identify nobody.
    """

    name: str
    issuer: str
    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=dict, repr=False)
    jwks_url: str = ""
    jkus: frozenset[str] = frozenset()
    algorithms: frozenset[str] = jwks.DEFAULT_ALGORITHMS
    audiences: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    fhir_servers: tuple[FhirServer, ...] = ()
    services: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    rate: Rate | None = None
    dialect: str = "strict"
    prefetch_keys: Mapping[str, str] = field(default_factory=dict)
    override_reasons: Mapping[str, str] = field(default_factory=dict)
    key_is_public: bool = False


@dataclass(frozen=True)
class ClientsFile:
    """A clients file as it was read.

    Attributes:
        path: where it is.
        clients: what it says; none if it is at fault in any place.
        faults: what is wrong with it, in the order of its lines; without key material or other values.
        stamps: of the file and of the key files that it names, from just before they were read.
    """

    path: str
    clients: tuple[Client, ...] = ()
    faults: tuple[Fault, ...] = ()
    stamps: Mapping[str, Stamp | None] = field(default_factory=dict)


def read(path: str) -> ClientsFile:
    """The clients file at `path`, checked whole; whoever uses it looks at `faults` first."""
    parsing = _Parsing(Path(path).parent)
    try:
        clients = parsing.clients(parsing.text_of(path))
    except _Wrong as wrong:
        return ClientsFile(path, faults=tuple(sorted(wrong.faults)), stamps=MappingProxyType(parsing.stamps))
    return ClientsFile(path, clients, stamps=MappingProxyType(parsing.stamps))


def sandbox() -> tuple[Client, ...]:
    """The CDS Hooks Sandbox, the only client trusted in try-out. Its tokens identify nobody."""
    text = files("gateway").joinpath("trusted/sandbox.json").read_text(encoding="utf-8")
    clients = _Parsing(Path(), trying_out=True).clients(text)
    return tuple(replace(client, key_is_public=True) for client in clients)


class _Parsing:
    """One reading of a clients file and the key files beside it."""

    def __init__(self, folder: Path, *, trying_out: bool = False) -> None:
        self._folder = folder
        self._trying_out = trying_out
        self._faults: list[Fault] = []
        self.stamps: dict[str, Stamp | None] = {}

    def text_of(self, path: str) -> str:
        """The text of the clients file.

        Raises:
            _Wrong: it cannot be read.
        """
        self.stamps[path] = stamp(path)
        try:
            return text_of(Path(path), _MOST_BYTES)
        except ValueError as error:
            raise _Wrong(Fault(0, f"the file {error}")) from error

    def clients(self, text: str) -> tuple[Client, ...]:
        """The clients in `text`.

        Raises:
            _Wrong: anything in it is wrong.
        """
        try:
            document = read_document(text)
        except Unreadable as error:
            raise _Wrong(*error.faults) from error
        found: list[tuple[Place, Client]] = []
        for path, entry in _entries(document):
            client = self._client(document, path, entry)
            if client is not None:
                found.append((path, client))
        self._faults.extend(_clashes(document, found))
        if self._faults:
            raise _Wrong(*self._faults)
        return tuple(client for _, client in found)

    def _client(self, document: Document, path: Place, entry: Any) -> Client | None:
        if not isinstance(entry, dict):
            self._faults.append(Fault(document.line(path), f"entry {path[-1]}: must be an object"))
            return None
        wrong = entries.faults(entry)
        algorithms = jwks.DEFAULT_ALGORITHMS
        if "algorithms" in entry and not any(place[:1] == ("algorithms",) for place, _ in wrong):
            algorithms = frozenset(entry["algorithms"])
        keys, key_faults = self._keys(entry, algorithms)
        name = _name(entry, path)
        for place, words in [*wrong, *key_faults]:
            self._faults.append(Fault(document.line((*path, *place)), f"entry {name}: {_said(place, words)}"))
        return None if wrong or key_faults else _made(entries.loaded(entry), algorithms, keys)

    def _keys(
        self, entry: Mapping[str, Any], algorithms: frozenset[str]
    ) -> tuple[Mapping[str, tuple[Key, ...]], list[tuple[Place, str]]]:
        """The keys of an entry, and what is wrong with them; none if they are to be fetched."""
        if "jwks" in entry:
            found = jwks.read(entry["jwks"], algorithms, trying_out=self._trying_out)
            return found.keys, [(("jwks", *place), words) for place, words in found.faults]
        if "jwksFile" in entry and entries.fits("jwksFile", entry["jwksFile"]):
            keys, faults = self._key_file(self._folder / entry["jwksFile"], algorithms)
            return keys, [(("jwksFile",), words) for words in faults]
        return {}, []

    def _key_file(self, path: Path, algorithms: frozenset[str]) -> tuple[Mapping[str, tuple[Key, ...]], list[str]]:
        self.stamps[str(path)] = stamp(str(path))
        try:
            document = read_document(text_of(path, _MOST_BYTES))
        except Unreadable as error:
            return {}, [f"that file: {fault}" for fault in error.faults]
        except ValueError as error:
            return {}, [f"that file {error}"]
        found = jwks.read(document.value, algorithms)
        faults = [Fault(document.line(place), _said(place, words)) for place, words in found.faults]
        return found.keys, [f"that file: {fault}" for fault in faults]


def _said(place: Place, words: str) -> str:
    return f"{entries.place(place)}: {words}" if place else words


def _name(entry: Mapping[str, Any], path: Place) -> str:
    name = entry.get("client")
    return str(name) if entries.fits("client", name) else str(path[-1])


def _entries(document: Document) -> Iterator[tuple[Place, Any]]:
    """The entries of a file, a list or an object whose one member `clients` is the list, with their places.

    Raises:
        _Wrong: there is no such list, or it is empty or too long.
    """
    top, at = document.value, Place()
    if isinstance(top, dict):
        top, at = top.get("clients"), ("clients",)
        if set(document.value) != {"clients"}:
            raise _Wrong(Fault(1, "at the top there must be a list of clients, or an object with clients alone"))
    if not isinstance(top, list) or not 0 < len(top) <= _MOST_ENTRIES:
        raise _Wrong(Fault(document.line(at), f"there must be a list of 1 to {_MOST_ENTRIES} clients"))
    return (((*at, index), entry) for index, entry in enumerate(top))


def _clashes(document: Document, found: list[tuple[Place, Client]]) -> Iterator[Fault]:
    """Entries that could not be told from one another."""
    names: dict[str, Client] = {}
    issuers: dict[str, list[Client]] = {}
    for path, client in found:
        if client.name.lower() in names:
            yield Fault(document.line((*path, "client")), f"entry {client.name}: two entries have the same client")
        names[client.name.lower()] = client
        for other in issuers.setdefault(client.issuer, []):
            if not client.tenants or not other.tenants:
                line, said = document.line((*path, "issuer")), "if they do, each must list tenants"
                words = f"entry {client.name}: has the same issuer as {other.name}; {said}"
            elif client.tenants & other.tenants:
                line = document.line((*path, "tenants"))
                words = f"entry {client.name}: shares its issuer and a tenant with {other.name}"
            else:
                continue
            yield Fault(line, words)
        issuers[client.issuer].append(client)


def _made(entry: Mapping[str, Any], algorithms: frozenset[str], keys: Mapping[str, tuple[Key, ...]]) -> Client:
    jwks_url = entry.get("jwksUrl", "")
    rate = entry.get("rateLimit")
    return Client(
        name=entry["client"],
        issuer=entry["issuer"],
        keys=keys,
        jwks_url=jwks_url,
        jkus=frozenset(entry.get("jku", [jwks_url] if jwks_url else [])),
        algorithms=algorithms,
        audiences=frozenset(entry.get("audiences", ())),
        tenants=frozenset(entry.get("tenants", ())),
        fhir_servers=tuple(addresses.fhir_server(text) for text in entry.get("fhirServers", ())),
        services=frozenset(entry.get("services", ())),
        origins=frozenset(entry.get("origins", ())),
        rate=Rate(rate["perMinute"], rate.get("burst", rate["perMinute"])) if rate else None,
        dialect=entry.get("dialect", "strict"),
        prefetch_keys=MappingProxyType(entry.get("prefetchKeys", {})),
        override_reasons=MappingProxyType(entry.get("overrideReasons", {})),
    )
