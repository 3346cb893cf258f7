"""Makes the small facts of this folder and the chart builder of the routes importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "routes"))
