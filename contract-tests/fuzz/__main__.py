"""`python -m fuzz`: try many requests on every public operation, in a try-out and in production, and look for failures.

The environment says how much: FUZZ_EXAMPLES (5000 for each operation and mode), FUZZ_SECONDS (600, the time after which
an operation is left), FUZZ_SEED (1), FUZZ_ONLY (a part of the operation's name).
"""

import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

TOOL: Final = Path(__file__).parents[2] / "build" / "fuzz"
sys.path.append(str(TOOL))  # after our own packages: what both need is ours

from attack.field import prepared  # noqa: E402

from fuzz.playing import Bounds, played  # noqa: E402 - the tool must be on the path first


def main(environ: Mapping[str, str]) -> int:
    """Play all operations.

    Returns:
        0 when no request made anything fail; else 1.
    """
    bounds = Bounds(
        examples=int(environ.get("FUZZ_EXAMPLES") or 5000),
        seconds=float(environ.get("FUZZ_SECONDS") or 600),
        seed=int(environ.get("FUZZ_SEED") or 1),
        only=environ.get("FUZZ_ONLY", ""),
    )
    signal.signal(signal.SIGTERM, _stop)
    try:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, prepared(Path(folder)) as field:
            return played(field, bounds)
    except KeyboardInterrupt:
        print("stopped: not all was tried", file=sys.stderr)
        return 1


def _stop(_number: int, _frame: object) -> NoReturn:
    """End as with Ctrl-C, which is what the tool lets through at once."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(os.environ))
