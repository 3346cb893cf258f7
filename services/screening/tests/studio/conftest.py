"""Makes the modules of this folder and the written scenarios importable."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "routes")]
