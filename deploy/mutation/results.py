"""What came of the mutants, file by file, as results.json beside this module keeps it from one run to the next."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOMAIN: Final = ROOT / "services" / "screening" / "src" / "screening" / "domain"
RESULTS: Final = Path(__file__).parent / "results.json"
SURVIVED: Final = "SURVIVED"


@dataclass(frozen=True)
class Entry:
    """A mutant that survived: where it is, which change it is, and the line before and after."""

    file: str
    line: int
    definition: str
    operator: str
    occurrence: int
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
        sha256: of the file when its mutants were tried.
        mutants: SHA-256 of the list of its mutants: another one when the operators have changed.
        outcomes: operator -> name of a `trial.Outcome` -> how many.
        survivors: in the order of their lines.
    """

    sha256: str
    mutants: str
    outcomes: dict[str, dict[str, int]]
    survivors: list[Entry]

    def count(self, *names: str) -> int:
        """How many mutants ended so; all without a name."""
        return sum(n for ends in self.outcomes.values() for name, n in ends.items() if not names or name in names)


@dataclass(frozen=True)
class WholeRun:
    """The last run that tried everything. `seconds` is wall-clock time, `cpu_seconds` what all trials took."""

    mutants: int
    seconds: int
    cpu_seconds: int
    jobs: int
    python: str
    tool: str


@dataclass(frozen=True)
class Results:
    """All files, each as of when it was last tried, and the files (`again`) tried again since the last whole run."""

    whole: WholeRun | None = None
    again: list[str] = field(default_factory=list)
    files: dict[str, FileResult] = field(default_factory=dict)

    def save(self) -> None:
        """Keep them, a line for each survivor, so that a comparison of two versions can be read."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True)
        RESULTS.write_text(text + "\n", "utf-8")

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
    return Results(WholeRun(**said["whole"]) if said["whole"] else None, said["again"], files)


def hashes() -> dict[str, str]:
    """Path below the domain -> SHA-256, for each of its Python files."""
    paths = sorted(DOMAIN.rglob("*.py"))
    return {path.relative_to(DOMAIN).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def fingerprint(parts: Sequence[str]) -> str:
    """SHA-256 of a list."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
