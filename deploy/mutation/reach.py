"""Which scenarios and tests reach which function: only those can notice a change inside of it.

Recorded once, on the unchanged domain. What runs while the domain is loaded (constants, the functions that make them)
and what remembers its answers (`REMEMBERING`) counts as reached by everything.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from mutants import DOMAIN, MODULE, ROOT, Mutant

FOUND: Final = ROOT / "build" / "mutation-reach.json"
REMEMBERING: Final = ("codes.py", "units.py")
LOADING: Final = "loading"


@dataclass(frozen=True)
class Reach:
    """Function (`file definition`) -> names of the scenarios and test files that reach it; `loading` reaches all."""

    by_function: dict[str, frozenset[str]]

    def of(self, mutant: Mutant) -> frozenset[str] | None:
        """Who can notice a mutant; None: everybody."""
        found = self.by_function.get(f"{mutant.file} {mutant.definition}", frozenset())
        if mutant.definition == MODULE or mutant.file in REMEMBERING or LOADING in found:
            return None
        return found


class Recorder:
    """Notes the functions of the domain that are called, under the name of whoever calls them just now."""

    def __init__(self) -> None:
        self.called: dict[str, set[CodeType]] = {}

    @contextmanager
    def under(self, name: str) -> Iterator[None]:
        """Note everything under this name."""
        codes = self.called.setdefault(name, set())

        def note(frame: FrameType, event: str, _: Any) -> None:
            if event == "call":
                codes.add(frame.f_code)

        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(None)

    def save(self) -> None:
        """Keep what was noted for `load`."""
        found: dict[str, list[str]] = {}
        for name, codes in self.called.items():
            for function in {_function(code) for code in codes} - {""}:
                found.setdefault(function, []).append(name)
        FOUND.parent.mkdir(exist_ok=True)
        FOUND.write_text(json.dumps(found), "utf-8")


def load() -> Reach:
    """What the last recorder saved."""
    found: dict[str, list[str]] = json.loads(FOUND.read_text("utf-8"))
    return Reach({function: frozenset(names) for function, names in found.items()})


def _function(code: CodeType) -> str:
    """`file definition` as a mutant names it; empty for what is not of the domain."""
    path = Path(code.co_filename)
    if not path.is_relative_to(DOMAIN):
        return ""
    parts = [part for part in code.co_qualname.split(".") if not part.startswith("<")]
    return f"{path.relative_to(DOMAIN).as_posix()} {'.'.join(parts) or MODULE}"
