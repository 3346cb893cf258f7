"""Makes the modules of this folder importable: they are shared by the tests of the domain and of the routes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
