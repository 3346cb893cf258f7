"""How a service starts under gunicorn: settings once, logs as JSON lines, and a refusal to start on one line.

The application is made once, and then workers are forked. Threads do not survive that: what an application does in the
background begins in each worker.
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from flask import Flask

from chassis import logs
from chassis.environment import SettingsError

DO_NOT_RETRY: Final = 3
"""Exit status with which gunicorn's worker says that another try would fail the same way."""


class HasLogLevel(Protocol):
    """What every service's settings have."""

    @property
    def log_level(self) -> str:
        """DEBUG, INFO, WARNING or ERROR."""


_IN_EACH_WORKER: Final = "chassis.in_each_worker"

_Settings = TypeVar("_Settings", bound=HasLogLevel)


def start(
    component: str,
    load: Callable[[Mapping[str, str]], _Settings],
    create_app: Callable[[_Settings], Flask],
    *refusals: type[Exception],
) -> Flask:
    """The application of a service; the process ends with one line where settings or one of `refusals` forbid it.

    Args:
        component: name in log lines.
        load: settings from the environment.
        create_app: composition root.
        refusals: further exceptions whose text is fit for the operator.
    """
    logs.configure(component)
    try:
        settings = load(os.environ)
        logs.configure(component, settings.log_level)
        return create_app(settings)
    except Exception as error:
        if not isinstance(error, (SettingsError, *refusals)):
            raise
        sys.stderr.write(f"{component} cannot start: {error}\n")
        raise SystemExit(DO_NOT_RETRY) from None


def in_each_worker(app: Flask, begin: Callable[[], None], end: Callable[[], None] | None = None) -> None:
    """Have `begin` run in every worker process as soon as it is there, and `end`, if there is one, before it goes."""
    app.extensions.setdefault(_IN_EACH_WORKER, []).append((begin, end))


def worker_began(app: object) -> None:
    """Run, in a worker, what `app` has to begin there; an application that was not made by us has nothing."""
    for begin, _ in getattr(app, "extensions", {}).get(_IN_EACH_WORKER, ()):
        begin()


def worker_ended(app: object) -> None:
    """End, in a worker, what `app` does there in the background."""
    for _, end in getattr(app, "extensions", {}).get(_IN_EACH_WORKER, ()):
        if end is not None:
            end()
