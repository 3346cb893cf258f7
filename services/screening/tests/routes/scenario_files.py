"""Scenarios as clinicians write them: YAML files in `tests/scenarios`, the patients of the workbench, and the shared
file where it is at hand.

How to read a YAML file: `screening.synthetic.files`.
"""

import json
from pathlib import Path
from typing import Any

from screening.synthetic.files import Case, read

HERE = Path(__file__).parents[1] / "scenarios"
WORKBENCH = Path(__file__).parents[2] / "src" / "screening" / "synthetic" / "cases.yaml"
SHARED = Path(__file__).parents[4].parent / "shared" / "clinical" / "scenarios.json"


def written() -> list[Case]:
    """All scenarios of this project, file by file."""
    return [case for path in (*sorted(HERE.glob("*.yaml")), WORKBENCH) for case in read(path)]


def shared() -> list[dict[str, Any]]:
    """The shared scenarios; none where the file does not stand beside the project."""
    if not SHARED.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(SHARED.read_text("utf-8"))["scenarios"]
    return found
