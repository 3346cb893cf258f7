"""The clients that we trust: who signs tokens, with which keys, and what else we agreed with them.

The list is a JSON file, read and checked whole at start. Keys come from this file and from nowhere else: nothing
that a token says makes us fetch anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, Regexp

_MIN_RSA_BITS: Final = 2048
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_NAME: Final = Regexp(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", error="Must be letters, digits, '.', '_' or '-'.")
_HTTP_URL: Final = Regexp(r"https?://[^\s/]+\S*\Z", error="Must be an http or https URL.")
ORIGIN: Final = Regexp(
    r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?\Z",
    error="Must be an origin such as https://ehr.example: scheme, host in lower case, no path.",
)


class ClientsError(Exception):
    """The list of clients is not usable; the text says why, on one line and without key material."""


@dataclass(frozen=True)
class Key:
    """One public key and the only algorithm that may be used with it."""

    algorithm: str
    jwk: jwt.PyJWK = field(repr=False)


@dataclass(frozen=True)
class Client:
    """A client that we trust.

    Attributes:
        name: how logs call it.
        issuer: the `iss` of its tokens, compared character by character.
        keys: `kid` -> key.
        jku: the only `jku` that its tokens may carry; empty: they may carry none.
        audiences: values of `aud` that we accept from it at every endpoint, besides the endpoint's own URL.
        origins: browser origins that may call us for it.
        key_is_public: its private key is known to everybody, so its tokens identify nobody.
    """

    name: str
    issuer: str
    keys: Mapping[str, Key] = field(repr=False)
    jku: str = ""
    audiences: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    key_is_public: bool = False


class _ClientSchema(Schema):
    comment = fields.String()
    client = fields.String(required=True, validate=_NAME)
    issuer = fields.String(required=True, validate=Length(1, 500))
    jwks = fields.Dict(required=True)
    jku = fields.String(validate=_HTTP_URL)
    audiences = fields.List(fields.String(validate=Length(1, 500)))
    origins = fields.List(fields.String(validate=ORIGIN))


def read(path: str) -> tuple[Client, ...]:
    """The clients in the file at `path`.

    Raises:
        ClientsError: the file cannot be read, or any entry of it is wrong.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClientsError("the file cannot be read") from error
    clients = _parse(text)
    public = {thumbprint for client in sandbox() for thumbprint in _thumbprints(client)}
    for client in clients:
        if public & _thumbprints(client):
            raise ClientsError(f"{client.name}: this is the CDS Hooks Sandbox's key; its private half is public")
    return clients


def sandbox() -> tuple[Client, ...]:
    """The CDS Hooks Sandbox, the only client trusted in try-out. Its tokens identify nobody."""
    text = files("gateway").joinpath("trusted/sandbox.json").read_text(encoding="utf-8")
    return tuple(
        Client(client.name, client.issuer, client.keys, client.jku, origins=client.origins, key_is_public=True)
        for client in _parse(text)
    )


def _parse(text: str) -> tuple[Client, ...]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ClientsError("the file is not JSON") from error
    if not isinstance(document, list) or not document:
        raise ClientsError("the file must hold a JSON list with at least one client")
    clients = tuple(_client(entry, index) for index, entry in enumerate(document))
    for what, values in (("client", [c.name for c in clients]), ("issuer", [c.issuer for c in clients])):
        if len(set(values)) < len(values):
            raise ClientsError(f"two entries have the same {what}")
    return clients


def _client(entry: Any, index: int) -> Client:
    if not isinstance(entry, dict):
        raise ClientsError(f"entry {index}: not an object")
    try:
        loaded: dict[str, Any] = _ClientSchema().load(entry)
    except ValidationError as error:
        wrong = ", ".join(f"{name} ({_first(said)})" for name, said in error.messages_dict.items())
        raise ClientsError(f"entry {index}: {wrong}") from error
    return Client(
        name=loaded["client"],
        issuer=loaded["issuer"],
        keys=MappingProxyType(_keys(loaded["jwks"].get("keys"), f"entry {index}")),
        jku=loaded.get("jku", ""),
        audiences=frozenset(loaded.get("audiences", ())),
        origins=frozenset(loaded.get("origins", ())),
    )


def _first(said: Any) -> str:
    while not isinstance(said, str):
        said = next(iter(said.values())) if isinstance(said, dict) else said[0]
    return said


def _keys(jwks: Any, where: str) -> dict[str, Key]:
    """The signing keys of a JWKS that we can use; keys of other kinds are left aside."""
    if not isinstance(jwks, Sequence) or not all(isinstance(jwk, dict) for jwk in jwks):
        raise ClientsError(f"{where}: jwks.keys must be a list of objects")
    usable: dict[str, Key] = {}
    for jwk in jwks:
        if _SECRET_MEMBERS & jwk.keys():
            raise ClientsError(f"{where}: jwks holds a private or symmetric key; only public keys belong here")
        algorithm = _algorithm(jwk)
        if not algorithm:
            continue
        kid = jwk.get("kid")
        if not isinstance(kid, str) or not kid:
            raise ClientsError(f"{where}: a key has no kid")
        if kid in usable:
            raise ClientsError(f"{where}: two keys have the same kid")
        try:
            loaded = jwt.PyJWK(jwk, algorithm=algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise ClientsError(f"{where}: a key cannot be read") from error
        if algorithm == "RS384" and loaded.key.key_size < _MIN_RSA_BITS:
            raise ClientsError(f"{where}: an RSA key is shorter than {_MIN_RSA_BITS} bits")
        usable[kid] = Key(algorithm, loaded)
    if not usable:
        raise ClientsError(f"{where}: jwks holds no key for ES384 (EC, P-384) or RS384 (RSA)")
    return usable


def _algorithm(jwk: Mapping[str, Any]) -> str:
    """The algorithm that a key is for by its kind, or empty if it is none of ours."""
    if jwk.get("use", "sig") != "sig":
        return ""
    if jwk.get("kty") == "EC" and jwk.get("crv") == "P-384":
        algorithm = "ES384"
    elif jwk.get("kty") == "RSA":
        algorithm = "RS384"
    else:
        return ""
    return algorithm if jwk.get("alg", algorithm) == algorithm else ""


def _thumbprints(client: Client) -> frozenset[bytes]:
    der, info = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return frozenset(key.jwk.key.public_bytes(der, info) for key in client.keys.values())
