"""The gateway as an application: the only module that joins the pieces."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from flask import Flask, Response, g
from werkzeug.exceptions import NotFound

from chassis import problems, shell
from gateway import (
    __version__,
    audit,
    auth,
    cors,
    headers,
    jwks_fetch,
    metrics,
    openapi,
    pages,
    sign_in,
    targets,
    trust,
    views,
)
from gateway.discovery import Directory, fetch
from gateway.keys import Ages, KeyRings
from gateway.ledger import Ledger
from gateway.registry import Registry
from gateway.routing import Upstream
from gateway.settings import Settings

_WARM_S: Final = 10.0


def create_app(settings: Settings) -> Flask:
    """The gateway.

    Raises:
        DuplicateService: two services that the upstreams announce share an id.
        StoreError: there is no place for the ledger.
    """
    registry = Registry(settings.clients, settings.clients_file)
    tls = trust.tls_context(settings.trust.tls_ca_file)
    rings = KeyRings(partial(jwks_fetch.fetch, tls=tls), Ages(kept=settings.trust.keys_kept))
    ledger = Ledger(trust.store(settings.trust))
    policy = auth.Policy(settings.try_out, settings.public_url, registry, rings, ledger)
    directory = Directory(settings.upstreams, settings.discovery_ttl, partial(fetch, keys=settings.internal_keys))
    upstreams = {name: _upstream(name, url, settings) for name, url in settings.upstreams.items()}

    def not_ready() -> Sequence[str]:
        waiting = [f"discovery of {name}" for name in directory.current().waiting]
        return waiting if ledger.was_reached() else [*waiting, "the ledger of used tokens"]

    def degraded() -> Sequence[str]:
        rings.follow(registry.current().clients)
        failing = rings.look_after()
        told = ["the clients file is at fault; a former version of it is in force"] if registry.faults else []
        return [*told, f"published keys cannot be read at {failing} address(es)"] if failing else told

    app = shell.build(
        "gateway", version=__version__, max_body=settings.max_body + 1, not_ready=not_ready, degraded=degraded
    )
    app.url_map.merge_slashes = False
    audit.install(app, audit.Stream(settings.audit_file))  # before what it tells of: they run in reverse
    _tell_outcome(app)
    headers.install(app, settings)
    targets.install(app, settings)
    cors.install(app, cors.allowed_by(settings, registry))
    app.register_blueprint(views.blueprint(settings, policy, directory, upstreams))
    content = _upstream("content", settings.content_url, settings)
    app.register_blueprint(pages.blueprint(settings, content, upstreams.get("screening")))
    app.register_blueprint(sign_in.blueprint(settings, ledger))
    app.register_blueprint(openapi.blueprint(settings, directory))
    app.register_error_handler(NotFound, _no_such_address)
    directory.start()
    rings.warm(registry.current().clients, _WARM_S)
    return app


def _no_such_address(error: NotFound) -> Response:
    """Nothing is here: an OperationOutcome for programs, a page for people."""
    return sign_in.refused(problems.of(error))


def _upstream(name: str, url: str, settings: Settings) -> Upstream:
    return Upstream(
        name, url, keys=settings.internal_keys, deadline=settings.call_deadline, connections=settings.connections
    )


def _tell_outcome(app: Flask) -> None:
    """The outcome for the access line, the audit trail and the metrics."""

    @app.after_request
    def tell(response: Response) -> Response:
        outcome = "answered" if response.status_code < 400 else "refused" if response.status_code < 500 else "failed"
        fields = g.access_fields = {**g.get("access_fields", {}), "outcome": outcome}
        if kind := audit.kind_of_request():
            reason = audit.reason_of_refusal() if response.status_code >= 400 else ""
            client = fields.get("client", metrics.UNKNOWN)
            service = fields.get("service", "")
            metrics.answered(kind, service, client, outcome=outcome, status=response.status_code, reason=reason)
        return response
