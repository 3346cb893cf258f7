"""The tools in the folders of deploy/ are scripts that import their neighbors by name; so do their tests."""

import sys
from pathlib import Path

DEPLOY = Path(__file__).parents[1]
sys.path.extend(str(DEPLOY / name) for name in ("bench", "kubernetes", "monitoring", "mutation", "release", "supply"))
