"""A gateway whose clock is wrong: by as many seconds as the file says that `CLOCK_FILE` names.

All that has to do with trust, tokens and signatures between the services, goes by `time.time`.
"""

import os
import time
from pathlib import Path

_FILE = Path(os.environ["CLOCK_FILE"])
_true_time = time.time


def _skewed() -> float:
    return _true_time() + float(_FILE.read_text("ascii") or 0)


time.time = _skewed

from gateway.wsgi import app  # noqa: E402 - what it is made of had to have another clock first

__all__ = ["app"]
