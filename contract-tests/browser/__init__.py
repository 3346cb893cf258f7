"""The pages in a real browser: everything that a person sees, clicks and reads, in a stack as `make run` starts it."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""The checkout."""

SHOTS: Final = ROOT / "build" / "browser" / "screenshots"
"""Where the screenshots of the last run are."""
