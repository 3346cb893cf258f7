"""Makes the modules of this folder, the scenarios, the FHIR samples and the previews of the studio importable."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / folder) for folder in ("fhir", "routes", "studio"))]
