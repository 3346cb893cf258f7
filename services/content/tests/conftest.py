"""Makes the packaged texts importable, as they are read once for all tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
