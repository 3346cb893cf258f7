"""Everything the environment may tell the gateway, checked whole at start, frozen."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError
from marshmallow.validate import OneOf, Range

from chassis import peers
from chassis.environment import Environment
from gateway import audit, clients, entries, listening, trust
from gateway.clients import Client, ClientsFile
from gateway.limits import Limits
from gateway.trust import Trust

TRY_OUT: Final = "try-out"
PRODUCTION: Final = "production"
_UPSTREAM: Final = re.compile(r"\s*([a-z][a-z0-9-]{0,31})=(\S+)\s*")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORT: Final = Range(1, 65535)


@dataclass(frozen=True)
class Settings:
    """Settings of the gateway.

    Attributes:
        internal_keys: secrets with which our services prove to each other who they are.
        deployment: `try-out` or `production`.
        public_url: base URL under which callers reach us, without a slash at the end; part of every `aud`.
        upstreams: name -> base URL of the services whose CDS services we offer.
        content_url: base URL of the content service.
        clients: who may sign tokens at start.
        clients_file: the file that says who may from then on; None in try-out.
        origins: browser origins that may call us besides those of the clients.
        call_deadline: hard limit of one call to an upstream, in seconds.
        discovery_ttl: age from which discovery is read anew, in seconds.
        max_body: largest request body, in bytes.
        limits: how much one call may hold.
        connections: idle connections kept per upstream and process: the number of threads.
        trust: what trust rests on.
        audit_file: where audit lines go; `-` is standard output.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    internal_keys: tuple[bytes, ...] = field(repr=False)
    deployment: str = PRODUCTION
    public_url: str = "http://localhost:8080"
    upstreams: Mapping[str, str] = field(default_factory=lambda: {"screening": "http://127.0.0.1:8081"})
    content_url: str = "http://127.0.0.1:8082"
    clients: tuple[Client, ...] = ()
    clients_file: ClientsFile | None = field(default=None, repr=False)
    origins: frozenset[str] = frozenset()
    call_deadline: float = 5.0
    discovery_ttl: float = 60.0
    max_body: int = 10_000_000
    limits: Limits = field(default_factory=Limits)
    connections: int = 16
    trust: Trust = field(default_factory=Trust)
    audit_file: str = audit.STANDARD_OUTPUT
    log_level: str = "INFO"

    @property
    def try_out(self) -> bool:
        """Whether this is a try-out: no patients, callers on this machine."""
        return self.deployment == TRY_OUT


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`.

    Raises:
        SettingsError: with all settings at fault at once.
    """
    env = Environment(environ)

    def checked(name: str, default: str, check: Callable[[str], Any]) -> Any:
        try:
            return check(env.str(name, default))
        except ValueError as error:
            env.fault(name, str(error))
            return None

    internal_keys = peers.read_keys(env)
    port = env.int("GATEWAY_PORT", 8080, validate=_PORT)
    screening_port = env.int("SCREENING_PORT", 8081, validate=_PORT)
    content_port = env.int("CONTENT_PORT", 8082, validate=_PORT)
    deployment = env.str("DEPLOYMENT", PRODUCTION, validate=OneOf([TRY_OUT, PRODUCTION]))
    call_deadline = env.float("CALL_DEADLINE_S", 5.0, validate=Range(0.1, 60))
    discovery_ttl = env.float("DISCOVERY_TTL_S", 60.0, validate=Range(1, 3600))
    max_body = env.int("MAX_BODY_BYTES", 10_000_000, validate=Range(1_000, 200_000_000))
    call_limits = _limits(env)
    connections = env.int("UPSTREAM_CONNECTIONS", 16, validate=Range(1, 1_000))
    log_level = env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
    if deployment == TRY_OUT and (words := listening.fault(env.str("BIND", ""), env.str("GUNICORN_CMD_ARGS", ""))):
        env.fault("BIND", words)
    public_url = checked("PUBLIC_URL", f"http://localhost:{port or 0}", _base_url)
    upstreams = checked("UPSTREAMS", f"screening=http://127.0.0.1:{screening_port or 0}", _upstreams)
    content_url = checked("CONTENT_URL", f"http://127.0.0.1:{content_port or 0}", _base_url)
    audit_file = checked("AUDIT_FILE", audit.STANDARD_OUTPUT, audit.checked)
    origins = checked("CORS_ORIGINS", "", _origins)
    clients_file = _clients_file(env, deployment)
    trusted = trust.load(env)
    if deployment == PRODUCTION and public_url and not _is_private(public_url):
        env.fault("PUBLIC_URL", "must be an https URL in production")
    env.finish()
    return Settings(
        internal_keys=internal_keys,
        deployment=deployment,
        public_url=public_url,
        upstreams=upstreams,
        content_url=content_url,
        clients=clients_file.clients if clients_file else clients.sandbox(),
        clients_file=clients_file,
        origins=origins,
        call_deadline=call_deadline,
        discovery_ttl=discovery_ttl,
        max_body=max_body,
        limits=call_limits,
        connections=connections,
        trust=trusted,
        audit_file=audit_file,
        log_level=log_level,
    )


def _limits(env: Environment) -> Limits:
    """How much one call may hold; the names of the settings stand in `Limits`."""
    defaults = Limits()
    return Limits(
        containers=env.int("MAX_JSON_CONTAINERS", defaults.containers, validate=Range(1_000, 10_000_000)),
        values=env.int("MAX_JSON_VALUES", defaults.values, validate=Range(1_000, 20_000_000)),
        prefetch_keys=env.int("MAX_PREFETCH_KEYS", defaults.prefetch_keys, validate=Range(1, 10_000)),
        bundle_entries=env.int("MAX_BUNDLE_ENTRIES", defaults.bundle_entries, validate=Range(1, 1_000_000)),
        all_entries=env.int("MAX_ALL_ENTRIES", defaults.all_entries, validate=Range(1, 1_000_000)),
        draft_orders=env.int("MAX_DRAFT_ORDERS", defaults.draft_orders, validate=Range(1, 10_000)),
        selections=env.int("MAX_SELECTIONS", defaults.selections, validate=Range(1, 10_000)),
        feedback_items=env.int("MAX_FEEDBACK_ITEMS", defaults.feedback_items, validate=Range(1, 100_000)),
    )


def _clients_file(env: Environment, deployment: str) -> ClientsFile | None:
    """The file of trusted clients, which production needs and a try-out must not have; each fault of it is noted."""
    path = env.str("CLIENTS_FILE", "")
    if deployment == TRY_OUT and path:
        env.fault("CLIENTS_FILE", "is for production, a try-out trusts only the CDS Hooks Sandbox")
    if deployment == PRODUCTION and not path:
        words = "must name the file of trusted clients in production (or set DEPLOYMENT=try-out)"
        env.fault("CLIENTS_FILE", words)
    if deployment != PRODUCTION or not path:
        return None
    file = clients.read(path)
    for fault in file.faults:
        env.fault("CLIENTS_FILE", str(fault))
    return file


def _base_url(text: str) -> str:
    """A base URL without a slash at its end."""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or "@" in url.netloc:
        raise ValueError("must be an http or https URL without user, query or fragment")
    _ = url.port
    return text.rstrip("/")


def _is_private(base_url: str) -> bool:
    """Whether what is sent to this URL stays unreadable on its way: TLS, or it does not leave the machine."""
    url = urlsplit(base_url)
    return url.scheme == "https" or url.hostname in _LOOPBACK


def _upstreams(text: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for part in text.split(","):
        found = _UPSTREAM.fullmatch(part)
        if not found or found[1] in table:
            raise ValueError("must be name=url, separated by commas, with different names in lower case")
        table[found[1]] = _base_url(found[2])
    return table


def _origins(text: str) -> frozenset[str]:
    origins = frozenset(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        try:
            entries.ORIGIN(origin)
        except ValidationError as error:
            raise ValueError(error.messages[0]) from error
    return origins
