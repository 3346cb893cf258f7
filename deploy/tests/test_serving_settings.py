"""Settings of the server, which gunicorn's configuration reads: faults end the start, and are said at once."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py")]
WITHIN = 30.0


def test_settings_at_fault_are_said_on_one_line() -> None:
    """All of them, without their values, and nothing is started."""
    environ = {"PATH": os.environ["PATH"], "PACKAGE": "content", "WEB_THREADS": "zz", "REQUEST_HEAD_TIMEOUT_S": "0"}
    done = subprocess.run(GUNICORN, env=environ, capture_output=True, text=True, timeout=WITHIN, check=False)  # noqa: S603
    assert done.returncode == 3
    assert re.fullmatch(
        r"content cannot start: settings at fault: REQUEST_HEAD_TIMEOUT_S: .*; WEB_THREADS: .*\n", done.stderr
    )
    assert "zz" not in done.stderr
