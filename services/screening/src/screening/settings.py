"""Everything the environment may tell the screening service, checked whole at start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from marshmallow.validate import URL, Length, OneOf, Range, Regexp

from chassis import peers
from chassis.environment import Environment
from screening import report as reporting
from screening.domain.thresholds import DEFAULTS, SiteValues
from screening.fhir import addresses
from screening.fhir.reading import MOST_RESOURCES
from screening.knowledge import rule_modes_file, site_values
from screening.knowledge.local_codes import SETTING as MAPS
from screening.knowledge.order_codes import SETTING as ORDER_MAPS
from screening.knowledge.rule_modes_file import RuleModesFile
from screening.store import settings as store_settings
from screening.store.settings import StoreSettings

_KEY_LENGTH: Final = 32
_PLAIN: Final = Regexp(
    r"https?://[A-Za-z0-9._~:/%\[\]-]+\Z", error="Must be a plain URL: no query, no fragment, no brackets."
)

_SHORT: Final = Length(max=200)
"""For what stands many times over in every document that we publish."""

TRY_OUT: Final = "try-out"
PRODUCTION: Final = "production"
SITE_VALUES: Final = "SITE_VALUES_FILE"
RULE_MODES: Final = "RULE_MODES_FILE"
LINKS: Final = "ALLOWED_LINKS"
_LINK: Final = re.compile(
    r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:\d{1,5})?(/[A-Za-z0-9._~%/-]*)?"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one process.

    Attributes:
        identity_key: secret with which card ids are derived from patient and content.
        internal_keys: secrets with which our services prove to each other who they are.
        public_url: base of the links on cards, without a trailing slash.
        canonical_base: base of our own code systems.
        content_url: where the content service listens; None: cards go out without explanatory text.
        content_refresh: seconds between looks at the content service.
        include_unverified_codes: load codes whose display has not been checked (level V2).
        local_code_maps: files with the site's ConceptMaps, local codes to the codes that the rules read.
        order_code_maps: files with ConceptMaps, one for each client: the orders that we suggest to its order catalog.
        allowed_links: the addresses that EHRs with a list of links let through: exact ones, and those that end in `/`
            with all below; empty: whatever lies below `public_url`.
        site_values: thresholds that the site has set itself.
        rule_modes: the file that says which rules are shown to whom; None: all of them to everybody.
        answer_within: seconds within which a call is to be answered.
        ehr_share: the part of that for which the EHR's FHIR server may be waited for.
        ehr_slots_per_host: how many calls of a process may ask one FHIR server at a time; a further one does not wait.
        ehr_max_pages: how many pages of one search are read.
        max_resources: how many resources of a kind are read whole in one call.
        tls_ca_file: certificates of authorities that FHIR servers may have theirs from, besides the usual ones.
        state_dir: where the store's file is, and where the counts of all worker processes are put together; None:
            nothing is remembered, unless the store is elsewhere, and each process knows its own counts.
        store: where cards and answers are kept, and for how long.
        report: how the report judges, and what it does not tell.
        trace_facts: whether traces hold the deciding facts, each as its code, its day and the band that it lies in.
        try_out: whether this is a try-out: synthetic patients, and a workbench to see them in.
        max_body: largest request body in bytes.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    identity_key: bytes = field(repr=False)
    internal_keys: tuple[bytes, ...] = field(repr=False)
    public_url: str = "http://localhost:8080"
    canonical_base: str = "https://dystonia-cds.example/fhir"
    content_url: str | None = None
    content_refresh: float = 30.0
    include_unverified_codes: bool = False
    local_code_maps: tuple[Path, ...] = ()
    order_code_maps: tuple[Path, ...] = ()
    allowed_links: tuple[str, ...] = ()
    site_values: SiteValues = field(default_factory=lambda: DEFAULTS)
    rule_modes: RuleModesFile | None = None
    answer_within: float = 0.5
    ehr_share: float = 0.7
    ehr_slots_per_host: int = 4
    ehr_max_pages: int = 10
    max_resources: int = MOST_RESOURCES
    tls_ca_file: Path | None = None
    state_dir: Path | None = None
    store: StoreSettings = field(default_factory=StoreSettings)
    report: reporting.Terms = field(default_factory=reporting.Terms)
    trace_facts: bool = False
    try_out: bool = False
    max_body: int = 10_000_000
    log_level: str = "INFO"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`; the secret from IDENTITY_KEY or the file that IDENTITY_KEY_FILE names.

    Raises:
        chassis.environment.SettingsError: with all settings at fault at once.
    """
    env = Environment(environ)
    url = [URL(schemes={"http", "https"}, require_tld=False), _PLAIN]
    port = env.int("GATEWAY_PORT", 8080, validate=Range(1, 65_535))
    content_port = env.int("CONTENT_PORT", 8082, validate=Range(1, 65_535))
    identity_key = env.str("IDENTITY_KEY", validate=Length(min=_KEY_LENGTH))
    internal_keys = peers.read_keys(env)
    public_url = env.str("PUBLIC_URL", f"http://localhost:{port}", validate=url)
    canonical_base = env.str("CANONICAL_BASE", "https://dystonia-cds.example/fhir", validate=[*url, _SHORT])
    content_url = env.str("CONTENT_URL", f"http://127.0.0.1:{content_port}", validate=url)
    refresh = env.float("CONTENT_REFRESH_SECONDS", 30.0, validate=Range(0.1, 86_400))
    unverified = env.bool("INCLUDE_V2_CODES", False)
    maps = _map_files(env, MAPS)
    order_maps = _map_files(env, ORDER_MAPS)
    links = _links(env)
    own = _site_values(env)
    rule_modes = _rule_modes(env)
    answer_within = env.int("ANSWER_WITHIN_MS", 500, validate=Range(100, 30_000))
    ehr_share = env.float("EHR_SHARE", 0.7, validate=Range(0.1, 0.9))
    ehr_slots = env.int("EHR_SLOTS_PER_HOST", 4, validate=Range(1, 64))
    ehr_pages = env.int("EHR_MAX_PAGES", 10, validate=Range(1, 100))
    max_resources = env.int("MAX_RESOURCES_READ", MOST_RESOURCES, validate=Range(100, 100_000))
    ca_file = _ca_file(env)
    state_dir = env.str("STATE_DIR", "")
    store = store_settings.read(env)
    terms = reporting.read(env)
    trace_facts = env.bool("TRACE_FACTS", False)
    deployment = env.str("DEPLOYMENT", PRODUCTION, validate=OneOf([TRY_OUT, PRODUCTION]))
    max_body = env.int("MAX_BODY_BYTES", 10_000_000, validate=Range(1_000, 100_000_000))
    log_level = env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
    env.finish()
    return Settings(
        identity_key=identity_key.encode(),
        internal_keys=internal_keys,
        public_url=public_url.rstrip("/"),
        canonical_base=canonical_base.rstrip("/"),
        content_url=content_url.rstrip("/"),
        content_refresh=refresh,
        include_unverified_codes=unverified,
        local_code_maps=maps,
        order_code_maps=order_maps,
        allowed_links=links,
        site_values=own,
        rule_modes=rule_modes,
        answer_within=answer_within / 1000,
        ehr_share=ehr_share,
        ehr_slots_per_host=ehr_slots,
        ehr_max_pages=ehr_pages,
        max_resources=max_resources,
        tls_ca_file=ca_file,
        state_dir=Path(state_dir) if state_dir else None,
        store=store,
        report=terms,
        trace_facts=trace_facts,
        try_out=deployment == TRY_OUT,
        max_body=max_body,
        log_level=log_level,
    )


def _map_files(env: Environment, setting: str) -> tuple[Path, ...]:
    """The files that a setting names: each file itself, of a directory every `*.json` in it."""
    found: list[Path] = []
    for name in (env.str(setting, "") or "").split(","):
        if not name.strip():
            continue
        path = Path(name.strip())
        try:
            inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
            missing = [file.name for file in inside if not file.is_file()]
        except (OSError, ValueError):  # a name that no file can have, or a directory that is closed to us
            env.fault(setting, f"cannot be looked at: {path.name}")
            continue
        if not inside:
            env.fault(setting, f"no *.json in the directory {path.name}")
        for one in missing:
            env.fault(setting, f"no such file: {one}")
        found.extend(inside)
    return tuple(dict.fromkeys(found))


def _links(env: Environment) -> tuple[str, ...]:
    """The addresses in ALLOWED_LINKS."""
    named = tuple(one.strip() for one in (env.str(LINKS, "") or "").split(",") if one.strip())
    if any(not _LINK.fullmatch(one) for one in named):
        env.fault(LINKS, "each must be an https address (http on this machine), without query or fragment")
    return named


def _ca_file(env: Environment) -> Path | None:
    """The file that TLS_CA_FILE names, if it holds certificates."""
    name = env.str("TLS_CA_FILE", "")
    if not name:
        return None
    try:
        addresses.trust(Path(name))
    except (OSError, ValueError):
        env.fault("TLS_CA_FILE", "is no file of PEM certificates")
        return None
    return Path(name)


def _site_values(env: Environment) -> SiteValues:
    """The values of the file that SITE_VALUES_FILE names; none without one."""
    name = env.str(SITE_VALUES, "")
    if not name:
        return DEFAULTS
    try:
        return site_values.load(Path(name))
    except site_values.SiteValuesError as error:
        for fault in error.faults:
            env.fault(SITE_VALUES, fault)
        return DEFAULTS


def _rule_modes(env: Environment) -> RuleModesFile | None:
    """The file that RULE_MODES_FILE names; each fault of it is noted."""
    name = env.str(RULE_MODES, "")
    if not name:
        return None
    file = rule_modes_file.read(name)
    for fault in file.faults:
        env.fault(RULE_MODES, str(fault))
    return file
