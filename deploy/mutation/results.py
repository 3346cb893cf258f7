"""What came of the mutants, file by file, as results.json beside this module keeps it from one run to the next."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOMAIN: Final = ROOT / "services" / "screening" / "src" / "screening" / "domain"
RESULTS: Final = Path(__file__).parent / "results.json"
SURVIVED: Final = "S"
BY_SCENARIO: Final = "c"
BY_TEST: Final = "t"
OUT_OF_TIME: Final = "o"
NO_MUTANT: Final = "-"
NOT_TRIED: Final = "?"


@dataclass(frozen=True)
class Entry:
    """A mutant that survived: where it is, which change it is, and the line before and after."""

    file: str
    line: int
    definition: str
    operator: str
    before: str
    after: str

    @property
    def key(self) -> str:
        """How explained.yaml names it: stays the same when lines move."""
        return f"{self.file} {self.definition}: {self.after}"


@dataclass(frozen=True)
class FileResult:
    """What came of the mutants of one file.

    Attributes:
        sha256: of the file that this is about.
        outcomes: passage -> operator -> a letter for each of its mutants there (SURVIVED, BY_SCENARIO, ...).
        survivors: in the order of their lines.
    """

    sha256: str
    outcomes: dict[str, dict[str, str]] = field(default_factory=dict)
    survivors: list[Entry] = field(default_factory=list)

    def ends(self) -> Counter[tuple[str, str]]:
        """Operator and letter -> how many mutants were tried; what turned out to be no mutant is not counted."""
        return Counter(
            (operator, letter)
            for by_operator in self.outcomes.values()
            for operator, letters in by_operator.items()
            for letter in letters
            if letter not in (NO_MUTANT, NOT_TRIED)
        )

    @property
    def not_tried(self) -> int:
        """How many mutants a run had no time for."""
        return sum(letters.count(NOT_TRIED) for ends in self.outcomes.values() for letters in ends.values())


@dataclass(frozen=True)
class Results:
    """All files.

    Attributes:
        operators: stands for what the operators were; with others everything is to be tried again.
        seconds, cpu_seconds: wall-clock and processor time of the last whole run and of all that was tried since.
        jobs: trials at once, in the last run.
    """

    operators: str = ""
    tool: str = ""
    python: str = ""
    jobs: int = 0
    seconds: int = 0
    cpu_seconds: int = 0
    files: dict[str, FileResult] = field(default_factory=dict)

    def save(self) -> None:
        """Keep them, line by line, so that a comparison of two versions can be read."""
        RESULTS.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", "utf-8")

    @property
    def survivors(self) -> list[Entry]:
        """Those that no test noticed."""
        return [entry for name in sorted(self.files) for entry in self.files[name].survivors]

    def out_of_date(self) -> list[str]:
        """Files of the domain that are not as they were when their mutants were tried, and files that are gone."""
        now = hashes()
        return sorted(name for name in now.keys() | self.files.keys() if now.get(name) != self._hash(name))

    def _hash(self, name: str) -> str | None:
        return self.files[name].sha256 if name in self.files else None


def load() -> Results:
    """What RESULTS holds; nothing when there was no run yet."""
    if not RESULTS.exists():
        return Results()
    said = json.loads(RESULTS.read_text("utf-8"))
    files = {
        name: FileResult(**{**one, "survivors": [Entry(**entry) for entry in one["survivors"]]})
        for name, one in said["files"].items()
    }
    return Results(**{**said, "files": files})


def hashes() -> dict[str, str]:
    """Path below the domain -> SHA-256, for each of its Python files."""
    paths = sorted(DOMAIN.rglob("*.py"))
    return {path.relative_to(DOMAIN).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
