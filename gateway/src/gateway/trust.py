"""Settings of what trust rests on: where used tokens are kept, how long keys hold, whom TLS believes, operators."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from marshmallow.validate import Range

from chassis.environment import Environment
from gateway import operators, stores
from gateway.keys import KEPT_S
from gateway.ledger import Store

STATE_DIR: Final = "var"
_PRINTABLE: Final = re.compile(rb"[ -~]+")
"""Headers carry nothing else that everybody reads alike: with another secret a browser gets in, and no program does."""


@dataclass(frozen=True)
class Trust:
    """What trust rests on.

    Attributes:
        state_dir: where the ledger's file is, unless `replay_store_url` is set.
        replay_store_url: the PostgreSQL database that keeps the ledger of all replicas; empty: a file does.
        keys_kept: for how long fetched keys hold while they cannot be read again, in seconds.
        tls_ca_file: certificates of authorities that are trusted besides the system's; empty: none.
        operator_tokens: secrets that open the pages for operators.
    """

    state_dir: Path = Path(STATE_DIR)
    replay_store_url: str = field(default="", repr=False)
    keys_kept: float = KEPT_S
    tls_ca_file: str = ""
    operator_tokens: tuple[bytes, ...] = field(default=(), repr=False)


def load(env: Environment) -> Trust:
    """Read these settings; faults are noted in `env`."""
    state_dir = env.str("STATE_DIR", STATE_DIR)
    url = env.str("REPLAY_STORE_URL", "")
    keys_kept = env.float("KEYS_KEPT_S", KEPT_S, validate=Range(60, 7 * 86_400))
    tls_ca_file = env.str("TLS_CA_FILE", "")
    text = env.str("OPERATOR_TOKEN", "")
    tokens = tuple(line.strip().encode() for line in (text or "").splitlines() if line.strip())
    if any(len(token) < operators.MIN_CHARS or not _PRINTABLE.fullmatch(token) for token in tokens):
        words = (
            f"each line must hold a secret of at least {operators.MIN_CHARS} characters, all of them printable ASCII"
        )
        env.fault("OPERATOR_TOKEN", words)
    try:
        tls_context(tls_ca_file or "")
    except (OSError, ValueError):
        env.fault("TLS_CA_FILE", "must name a file of certificates in PEM that can be read")
    if url:
        try:
            stores.postgresql(url)
        except stores.StoreError as error:
            env.fault("REPLAY_STORE_URL", str(error))
    return Trust(Path(state_dir or STATE_DIR), url or "", keys_kept or KEPT_S, tls_ca_file or "", tokens)


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Whom we believe to be the host of an https URL: the system's authorities and those in `ca_file`.

    Raises:
        OSError: the file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def store(trust: Trust) -> Store:
    """Where the ledger is kept.

    Raises:
        StoreError: it cannot be kept there.
    """
    return stores.postgresql(trust.replay_store_url) if trust.replay_store_url else stores.sqlite(trust.state_dir)
