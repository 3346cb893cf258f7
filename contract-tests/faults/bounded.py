"""The application of PACKAGE, which keeps little: what has a limit reaches it after hundreds of calls, not thousands.

What goes on growing then has none.
"""

import importlib
import os
import sqlite3
from typing import Any

_CARDS = 200
_PAGES = 16
_connect = sqlite3.connect


def _small(*given: Any, **named: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = _connect(*given, **named)
    connection.execute(f"PRAGMA cache_size = {_PAGES}")
    return connection


sqlite3.connect = _small  # type: ignore[assignment]

_package = os.environ["PACKAGE"]
if _package == "screening":
    from screening.store import recent

    recent.MOST = _CARDS  # type: ignore[misc]

app = importlib.import_module(f"{_package}.wsgi").app

__all__ = ["app"]
