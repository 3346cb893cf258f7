"""The command `clients`: check a clients file, and make keys, entries and tokens for trying out.

clients check FILE                                       exit 0 and a summary, or exit 2 and every fault
clients mint DIR --issuer URL --name NAME [--alg RS384]  a key, and an entry for it
clients token --key FILE --issuer URL --aud URL          a token that is good for one call within five minutes
clients try DIR                                          all that `docker-compose --profile try up try` needs
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chassis.environment import MOST_FAULTS
from gateway import clients, entries, minting
from gateway.clients import Client

TRY_NAME: Final = "try"
TRY_ISSUER: Final = "https://try-ehr.example"
SECRETS: Final = ("identity.key", "internal.key", "operator.token")
CONTAINER_USER: Final = (1000, 1000)
"""Whom the containers of the compose profile `try` run as unless TRY_USER says another."""

_FAULT: Final = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 if all went well, 2 if not."""
    parser = argparse.ArgumentParser(prog="clients", description="Clients files: check them, and try out with one.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check a clients file whole and say what it means")
    check.add_argument("file")
    check.set_defaults(run=lambda given: _check(given.file))
    mint = commands.add_parser("mint", help="make a key and an entry for it")
    mint.add_argument("dir", type=Path)
    mint.add_argument("--issuer", required=True, help="the iss of its tokens")
    mint.add_argument("--name", required=True, help="how logs call the client")
    mint.add_argument("--alg", choices=minting.ALGORITHMS, default="ES384")
    mint.set_defaults(run=lambda given: _mint(given.dir, given.name, given.issuer, given.alg))
    token = commands.add_parser("token", help="make a token, good for one call within five minutes")
    token.add_argument("--key", type=Path, required=True, help="file with the private key as a JWK")
    token.add_argument("--issuer", required=True)
    token.add_argument("--aud", required=True, help="the address that is called, as the caller sees it")
    token.add_argument("--tenant", default="")
    token.set_defaults(run=lambda given: _token(given.key, given.issuer, given.aud, given.tenant))
    try_out = commands.add_parser("try", help="make what the compose profile try needs")
    try_out.add_argument("dir", type=Path)
    try_out.set_defaults(run=lambda given: _try(given.dir))
    given = parser.parse_args(argv)
    try:
        status: int = given.run(given)
    except (OSError, ValueError) as error:
        words = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else str(error)
        return _refuse(words)
    return status


def _check(path: str) -> int:
    file = clients.read(path)
    if file.faults:
        for fault in file.faults[:MOST_FAULTS]:
            _refuse(str(fault))
        if len(file.faults) > MOST_FAULTS:
            _refuse(f"and {len(file.faults) - MOST_FAULTS} more")
        return _FAULT
    _say(f"{len(file.clients)} {'client' if len(file.clients) == 1 else 'clients'}, nothing at fault")
    for client in file.clients:
        _say("", *_summary(client))
    return 0


def _summary(client: Client) -> list[str]:
    """What the entry of a client comes to, defaults included."""
    keys = [f"{kid} ({key.algorithm})" for kid, one in client.keys.items() for key in one]
    renamed = [f"{ours} = {theirs}" for ours, theirs in client.prefetch_keys.items()]
    mapped = [f"{theirs} = {ours}" for theirs, ours in client.override_reasons.items()]
    rate = client.rate
    return [
        client.name,
        f"  issuer        {client.issuer}",
        f"  keys          {f'fetched from {client.jwks_url}' if client.jwks_url else ', '.join(keys)}",
        f"  jku           {_listed(client.jkus, 'none: a token that carries one is refused')}",
        f"  algorithms    {_listed(client.algorithms)}",
        f"  audiences     {_listed((*sorted(client.audiences), 'the address that is called'))}",
        f"  tenants       {_listed(client.tenants, 'any')}",
        f"  services      {_listed(client.services, 'all')}",
        f"  FHIR servers  {_listed([s.base for s in client.fhir_servers], 'none: only what prefetch brings')}",
        f"  origins       {_listed(client.origins, 'none: no browser calls for it')}",
        f"  rate          {f'{rate.per_minute} a minute, {rate.burst} at once' if rate else 'no limit'}",
        f"  dialect       {client.dialect}",
        f"  prefetch keys {_listed(renamed, 'as ours')}",
        f"  reasons       {_listed(mapped, 'as ours')}",
    ]


def _listed(values: Sequence[str] | frozenset[str], none: str = "") -> str:
    return ", ".join(sorted(values) if isinstance(values, frozenset) else values) or none


def _mint(folder: Path, name: str, issuer: str, algorithm: str) -> int:
    """A key, and an entry for it; what is there already is not touched."""
    if not (entries.fits("client", name) and entries.fits("issuer", issuer)):
        return _refuse("--name must be letters, digits, '.', '_', '-', and --issuer one line of text")
    key_file, entry_file = folder / f"{name}-key.json", folder / "clients.yaml"
    if key_file.exists() or entry_file.exists():
        return _refuse(f"{key_file} or {entry_file} is there already, and nothing is overwritten")
    _make_folder(folder)
    key = minting.new_key(algorithm)
    minting.write_new(key_file, minting.key_text(key))
    minting.write_new(entry_file, minting.entries_text(minting.entry(name, issuer, key)))
    _say(f"{key_file}: the private key, for whoever plays the EHR; it must not leave this machine")
    _say(f"{entry_file}: a clients file with one entry, which has the public half")
    return 0


def _token(key_file: Path, issuer: str, audience: str, tenant: str) -> int:
    try:
        key = json.loads(key_file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError("the key file is not JSON") from error
    if not isinstance(key, dict):
        raise ValueError("the key file does not hold a private key as a JWK")  # noqa: TRY004  told to a person
    _say(minting.token(key, issuer, audience, tenant))
    return 0


def _try(folder: Path) -> int:
    """Clients file, key and secrets for the compose profile `try`; what is there already is kept."""
    _make_folder(folder)
    key_file, entry_file = folder / f"{TRY_NAME}-key.json", folder / "clients.yaml"
    if entry_file.exists() and not key_file.exists():
        return _refuse(f"{entry_file} is there, but its key {key_file} is not: remove both, and run this again")
    if not key_file.exists():
        minting.write_new(key_file, minting.key_text(minting.new_key("ES384")))
    if not entry_file.exists():
        key = json.loads(key_file.read_text(encoding="utf-8"))
        entry = minting.entry(TRY_NAME, TRY_ISSUER, key, rateLimit={"perMinute": 600, "burst": 60})
        minting.write_new(entry_file, minting.entries_text(entry))
    for name in SECRETS:
        minting.write_new(folder / name, minting.secret())
    if os.getuid() == 0:
        for name in (entry_file.name, *SECRETS):
            os.chown(folder / name, *CONTAINER_USER)
    _say(*_next_steps(folder, key_file))
    return 0


def _next_steps(folder: Path, key_file: Path) -> list[str]:
    """What to run next, ready to be copied."""
    owner = (folder / SECRETS[0]).stat()
    user = "" if (owner.st_uid, owner.st_gid) == CONTAINER_USER else f"TRY_USER={owner.st_uid}:{owner.st_gid} "
    where = "" if folder == Path("var/try") else f"TRY_DIR={shlex.quote(str(folder.resolve()))} "
    port = os.environ.get("GATEWAY_PORT", "8080")
    moved = "" if port == "8080" else f"GATEWAY_PORT={port} "
    url = f"http://localhost:{port}/cds-services"
    program = os.path.relpath(sys.argv[0]) if Path(sys.argv[0]).name == "clients" else "python -m gateway.commands"
    return [
        f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}",
        "",
        "Start gateway, screening and content in production mode (docker compose, without the hyphen, does as well):",
        f"  {where}{user}{moved}docker-compose --profile try up --build try",
        "Then ask what there is; each call needs a token of its own, for the address that is called:",
        f"  TOKEN=$({program} token --key {shlex.quote(str(key_file))} --issuer {TRY_ISSUER} --aud {url})",
        f'  curl -H "Authorization: Bearer $TOKEN" {url}',
    ]


def _make_folder(folder: Path) -> None:
    """A folder that nobody else can look into, and no more open ones above it than there were."""
    former = os.umask(0o077)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(former)
    folder.chmod(0o700)


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


def _refuse(words: str) -> int:
    sys.stderr.write(words + "\n")
    return _FAULT


if __name__ == "__main__":
    raise SystemExit(main())
