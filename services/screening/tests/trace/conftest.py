"""Makes the FHIR samples and the scenarios importable, and what asks for traces."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("fhir", "routes")]
sys.path.insert(0, str(Path(__file__).parent))
