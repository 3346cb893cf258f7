"""Makes the FHIR samples and the helpers of this folder importable."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "fhir"), str(Path(__file__).parent)]
