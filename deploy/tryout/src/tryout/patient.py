"""The built-in synthetic patient: a Bundle whose dates lie a fixed number of days before the day of the call."""

import json
from datetime import date
from importlib import resources
from typing import Any, Final

from tryout.ehr import resolve

FILE: Final = "patient.json"


def bundle(today: date) -> dict[str, Any]:
    """The Bundle of the built-in patient, dated back from `today`."""
    dated = resolve(resources.files("tryout").joinpath(FILE).read_text(encoding="utf-8"), {}, today)
    if dated is None:
        raise ValueError(f"{FILE} holds a token other than today() - N days")
    made: dict[str, Any] = json.loads(dated)
    return made
