"""Composition root: the only module that joins the pieces."""

import atexit
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from flask import Flask

from chassis import peers, shell
from chassis.environment import SettingsError, listed
from chassis.logs import Log
from chassis.start import in_each_worker
from screening import __version__, feedback_views, metrics, override_reasons, services, trace_codes, views
from screening.cards import drafts
from screening.cards.explanations import Explanations, Snapshot
from screening.cards.render import Renderer
from screening.domain import RULES_VERSION
from screening.domain.answers import Terms
from screening.domain.codes import CodeBook
from screening.domain.thresholds import DEFAULTS, SiteValues
from screening.fhir.access import Access
from screening.fhir.fallback import Fallback
from screening.fhir.reading import MOST_RESOURCES, Asked, Reader
from screening.knowledge import loading, local_codes, order_codes
from screening.knowledge.concept_maps import LeftOut
from screening.knowledge.order_codes import OrderCodes
from screening.memory import Memory
from screening.modes import Modes
from screening.pages import assets, doctor, look, report, studio, thresholds, trace, workbench
from screening.pages.doctor_watch import Watch
from screening.pages.studio_shown import Studio
from screening.preview import Preview
from screening.publishing import shelf
from screening.publishing import views as publishing
from screening.recorder import Recorder
from screening.settings import Settings
from screening.snapshots import Snapshots
from screening.store import Marks, Store
from screening.tally import Tally
from screening.trace import Teller

_LOG: Final = Log("screening")
_LOGGED: Final = 100
"""How many left-out local codes are named one by one."""


def _now() -> datetime:
    return datetime.now(UTC)


def reader(
    book: CodeBook, canonical_base: str, site_values: SiteValues = DEFAULTS, most: int = MOST_RESOURCES
) -> Reader:
    """A reader that knows what our prefetch templates ask for."""
    names = services.prefetch_names(book, site_values)
    templates = services.prefetch_templates(book, canonical_base, site_values)
    keys = {
        key: Asked(
            names[key],
            services.resource_type(template),
            frozenset(services.LAB_SETS[names[key]][1] if names[key] in services.LAB_SETS else ()),
        )
        for key, template in templates.items()
    }
    return Reader(book, f"{canonical_base}/CodeSystem/site-facts", keys, site_values, most)


def code_book(settings: Settings) -> CodeBook:
    """The reviewed codes together with the site's own; what of these is not used is said in the log."""
    book = loading.code_book(include_v2=settings.include_unverified_codes)
    local = local_codes.read(settings.local_code_maps, book)
    _log_left_out("local code", local.left_out)
    if local.codes:
        _LOG.info("local codes in use", count=len(local.codes))
    return book.with_local(local.codes)


def site_orders(settings: Settings) -> OrderCodes:
    """The order codes of the clients; what of their maps is not used, and what they do not map, is said in the log."""
    codes = order_codes.read(settings.order_code_maps)
    _log_left_out("order code", codes.left_out)
    known = order_codes.orders()
    for client, mapped in codes.catalogs.items():
        _LOG.info("order codes in use", client=client, count=len(mapped))
        if missing := [code for name, code in known if (name, code) not in mapped]:
            _LOG.warning("orders without a code of the site", client=client, count=len(missing), code=",".join(missing))
    return codes


def _log_left_out(kind: str, left_out: Sequence[LeftOut]) -> None:
    for one in left_out[:_LOGGED]:
        _LOG.warning(f"{kind} left out", path=one.file, code=one.code, reason=one.reason)
    if len(left_out) > _LOGGED:
        _LOG.warning(f"more {kind}s left out", count=len(left_out) - _LOGGED)


def ehrs(settings: Settings) -> Access:
    """The access to EHRs of this process, closed when that ends."""
    access = Access(
        slots_per_host=settings.ehr_slots_per_host, max_pages=settings.ehr_max_pages, ca_file=settings.tls_ca_file
    )
    atexit.register(access.close)
    return access


def discovery(settings: Settings, book: CodeBook) -> bytes:
    """The discovery document.

    Raises:
        chassis.environment.SettingsError: the site's own codes make it larger than EHRs can be asked for.
    """
    own = settings.site_values
    document = views.encoded(services.discovery(book, settings.canonical_base, own))
    if faults := services.too_large(services.prefetch_names(book, own), len(document)):
        faults.append(f"map fewer codes in {', '.join(file.name for file in settings.local_code_maps)}")
        raise SettingsError(f"settings at fault: {local_codes.SETTING}: {listed(faults)}")
    return document


def rules_version(site_values: SiteValues) -> str:
    """The version of the rules in force, with that of the site's own values where there are any."""
    version = next((own.version for own in site_values.values()), "")
    return f"{RULES_VERSION}+site.{version}" if version else RULES_VERSION


def previews(settings: Settings, book: CodeBook, texts: Callable[[], Snapshot]) -> Preview:
    """What makes cards of records under these settings, with texts that are asked for each time."""
    own = settings.site_values
    return Preview(
        reader=reader(book, settings.canonical_base, own, settings.max_resources),
        renderer=Renderer(settings.public_url, settings.canonical_base, loading.override_reasons(), rules_version(own)),
        texts=texts,
        order_codes=site_orders(settings),
        links=settings.allowed_links or (f"{settings.public_url}/",),
    )


def create_app(settings: Settings, clock: Callable[[], datetime] = _now) -> Flask:
    """The screening service. `clock` gives the moment of a call; the rules know no other time."""
    book = code_book(settings)
    announced = discovery(settings, book)
    drafts.check_all()
    explanations = Explanations(settings.content_url, settings.content_refresh, settings.internal_keys)
    explanations.start()

    modes = Modes(settings.rule_modes)

    def not_ready() -> Sequence[str]:
        return ()

    def degraded() -> Sequence[str]:
        return ["the rule modes are at fault; a former version of them is in force"] if modes.faults else []

    app = shell.build(__name__, version=__version__, max_body=settings.max_body, not_ready=not_ready, degraded=degraded)
    app.config[look.TRY_OUT] = settings.try_out
    in_each_worker(app, explanations.keep, explanations.stop)
    in_each_worker(app, lambda: metrics.in_force(rules_version(settings.site_values), modes.version))
    peers.install(app, settings.internal_keys, by={"gateway"})
    own = settings.site_values
    templates = services.prefetch_templates(book, settings.canonical_base, own)
    names = services.prefetch_names(book, own)
    store = Store(settings.store, settings.state_dir, Marks.of(settings.identity_key))
    store.prepare()
    in_each_worker(app, store.begin)
    recorder = Recorder(Teller(trace_codes.known(book) if settings.trace_facts else None).row, store.traces)
    trace_hours = settings.store.trace_hours if store.exists else 0
    tally = Tally(templates)
    snapshots = Snapshots(tally, settings.state_dir / "doctor" if settings.state_dir is not None else None)
    preview = previews(settings, book, lambda: explanations.current)
    app.register_blueprint(
        views.blueprint(
            views.Parts(
                fallback=Fallback(preview.reader, ehrs(settings), templates),
                ehr_seconds=settings.answer_within * settings.ehr_share,
                rules_version=rules_version(own),
                renderer=preview.renderer,
                explanations=explanations,
                identity_key=settings.identity_key,
                discovery=announced,
                templates=templates,
                clock=clock,
                order_codes=preview.order_codes,
                allowed_links=preview.links,
                watch=Watch(tally, templates, names, book).look,
                note=tally.note,
                memory=Memory(store, Marks.of(settings.identity_key), Terms(settings.store.accepted_days)),
                modes=modes,
                recorder=recorder if trace_hours else None,
            )
        )
    )
    app.register_blueprint(
        feedback_views.blueprint(feedback_views.Parts(store, override_reasons.reasons(settings.canonical_base), clock))
    )
    app.register_blueprint(trace.blueprint(recorder, trace_hours, clock))
    app.register_blueprint(report.blueprint(store, settings.report, clock))
    app.register_blueprint(doctor.blueprint(snapshots, templates, names, clock))
    app.register_blueprint(assets.blueprint())
    app.register_blueprint(thresholds.blueprint(own, rules_version(own)))
    app.register_blueprint(studio.blueprint(Studio(preview, rules_version(own)), clock))
    if settings.try_out:
        app.register_blueprint(workbench.blueprint(workbench.Parts(preview, workbench.displays(book), clock)))
    published = shelf.build(
        canonical_base=settings.canonical_base,
        public_url=settings.public_url,
        include_v2=settings.include_unverified_codes,
        site_values=own,
    )
    app.register_blueprint(publishing.blueprint(published, settings.public_url))
    return app
