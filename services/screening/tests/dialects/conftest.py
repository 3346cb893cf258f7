"""Makes the FHIR samples and the scenarios importable."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("dialects", "fhir", "routes")]
