"""Starts: settings with which the gateway must not begin to listen, each with the words that the operator gets."""

import contextlib
import json
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from contract.deployed import LOOPBACK, PUBLIC_URL, command, free_ports, inherited, secret
from cryptography.hazmat.primitives.asymmetric import rsa

from attack.cases import Answer, Case
from attack.field import Field
from attack.sending import Reply
from attack.signing import Signer, ec_signer
from chassis.environment import SettingsError
from gateway import clients, settings

GROUP: Final = "starts"
_REFUSED: Final = 403
"""Stands for: it ended with a failure, and nothing ever listened."""

_WITHIN_S: Final = 20.0
Entry = dict[str, Any]


def table(field: Field) -> list[Case]:
    """All rows about starting."""
    own = _entry(ec_signer("k"))
    started: list[Row] = [
        ("a try-out for everybody", {"DEPLOYMENT": "try-out", "BIND": f"0.0.0.0:{free_ports(1)[0]}"}, None, "BIND"),
        ("production without clients", {}, None, "CLIENTS_FILE"),
        ("production without an internal key", {"INTERNAL_KEY_FILE": ""}, [own], "INTERNAL_KEY"),
        ("the Sandbox's key, whose private half is public", {}, [_sandbox()], "Sandbox"),
    ]
    read: list[Row] = [
        (
            "a try-out for everybody in IPv6",
            {"DEPLOYMENT": "try-out", "BIND": f"[::]:{free_ports(1)[0]}"},
            None,
            "BIND",
        ),
        ("a try-out with clients", {"DEPLOYMENT": "try-out"}, [own], "CLIENTS_FILE"),
        ("production over http", {"PUBLIC_URL": "http://cds.example"}, [own], "https"),
        ("production with an empty list", {}, [], "clients"),
        (
            "an operator's token of one letter",
            {"OPERATOR_TOKEN": "x", "OPERATOR_TOKEN_FILE": ""},
            [own],
            "OPERATOR_TOKEN",
        ),
        ("a private key in the list", {}, [_private()], "private"),
        ("an RSA key of 1024 bits", {}, [_short()], "2048"),
        ("a symmetric algorithm", {}, [{**own, "algorithms": ["HS256"]}], "algorithms"),
        ("the algorithm none", {}, [{**own, "algorithms": ["none"]}], "algorithms"),
        ("keys over http", {}, [{**_without(own, "jwks"), "jwksUrl": "http://ehr.example/jwks"}], "https"),
        ("FHIR servers over http", {}, [{**own, "fhirServers": ["http://ehr.example/fhir"]}], "https"),
        ("any FHIR server", {}, [{**own, "fhirServers": ["https://*/fhir"]}], "fhirServers"),
        ("any FHIR server of a top domain", {}, [{**own, "fhirServers": ["https://*.example/fhir"]}], "fhirServers"),
        ("any origin", {}, [{**own, "origins": ["*"]}], "origins"),
        ("two clients with one issuer", {}, [own, {**own, "client": "other"}], "issuer"),
        ("a member that nobody knows", {}, [{**own, "fhirServer": "https://ehr.example"}], "fhirServer"),
    ]
    del field
    return [*(_case(row, _run) for row in started), *(_case(row, _load) for row in read), _twice(own)]


Environ = Mapping[str, str]
Row = tuple[str, Environ, list[Entry] | None, str]
"""Name, what the environment says, the clients file (None: there is none), and what the refusal says."""


def _case(row: Row, how: Callable[[Environ], Reply]) -> Case:
    name, environ, entries, words = row
    text = None if entries is None else json.dumps(entries)
    return Case(GROUP, name, partial(_tried, how, environ, text), Answer(_REFUSED, words=words, outcome=False))


def _twice(own: Entry) -> Case:
    text = json.dumps([own])[:-2] + ', "audiences": ["a"], "audiences": ["b"]}]'
    return Case(
        GROUP, "a member twice", partial(_tried, _load, {}, text), Answer(_REFUSED, words="line", outcome=False)
    )


def _entry(signer: Signer) -> Entry:
    return {"client": "ehr", "issuer": "https://ehr.example", "jwks": {"keys": [signer.public_jwk()]}}


def _sandbox() -> Entry:
    (sandbox,) = clients.sandbox()
    keys = [{**key.jwk._jwk_data, "kid": kid} for kid, found in sandbox.keys.items() for key in found]
    return {"client": "sandbox", "issuer": "https://sandbox.example", "jwks": {"keys": keys}}


def _private() -> Entry:
    entry = _entry(ec_signer("k"))
    entry["jwks"]["keys"][0]["d"] = "A" * 64
    return entry


def _short() -> Entry:
    return _entry(Signer("k", "RS384", rsa.generate_private_key(public_exponent=65537, key_size=1024)))  # noqa: S505


def _without(entry: Entry, name: str) -> Entry:
    return {key: value for key, value in entry.items() if key != name}


def _tried(how: Callable[[Environ], Reply], environ: Environ, text: str | None) -> Reply:
    """What becomes of a gateway with these settings: the reply's status stands for it, its body is what it said."""
    port = free_ports(1)[0]
    with tempfile.TemporaryDirectory(prefix="attack-start-") as name:
        folder = Path(name)
        for file in ("internal.key", "operator.token"):
            secret(folder / file)
        given = inherited() | {
            "PACKAGE": "gateway", "DEPLOYMENT": "production", "PUBLIC_URL": PUBLIC_URL, "BIND": f"{LOOPBACK}:{port}",
            "STATE_DIR": name, "INTERNAL_KEY_FILE": str(folder / "internal.key"),
            "OPERATOR_TOKEN_FILE": str(folder / "operator.token"),
        }  # fmt: skip
        if text is not None:
            (folder / "clients.yaml").write_text(text, "utf-8")
            given["CLIENTS_FILE"] = str(folder / "clients.yaml")
        return how(given | dict(environ))


def _load(environ: Environ) -> Reply:
    """Read the settings as a start does, without a process."""
    try:
        settings.load(environ)
    except SettingsError as error:
        return Reply(_REFUSED, body=str(error).encode())
    return Reply(200, body=b"it would have started")


def _run(environ: Environ) -> Reply:
    """Start it as it is deployed."""
    process = subprocess.Popen(  # noqa: S603 - the command is ours, no shell
        command(), env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        said, _ = process.communicate(timeout=_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        said, _ = process.communicate()
        return Reply(200, body=said)
    host, _, port = environ["BIND"].rpartition(":")
    return Reply(200 if process.returncode == 0 or _listens(host.strip("[]"), int(port)) else _REFUSED, body=said)


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False
