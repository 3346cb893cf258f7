"""What git knows of the project: what is changed, what was released, how a file was then."""

import re
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

from packaging.version import Version

_TAG: Final = re.compile(r"v(\d+\.\d+\.\d+)")
_SECONDS: Final = 120


class NoAnswer(Exception):
    """Git could not be asked, or refused; with what it said."""


class Repository:
    """The git checkout of the project at `root`. Every method may raise NoAnswer."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def ask(self, *arguments: str) -> str:
        """What git prints."""
        return self._ask(*arguments).decode("utf-8", "replace")

    def _ask(self, *arguments: str) -> bytes:
        command = ["git", "-C", str(self.root), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoAnswer(f"git {arguments[0]}: {type(error).__name__}") from error
        if done.returncode:
            raise NoAnswer(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[-500:]}")
        return done.stdout

    def is_whole(self) -> bool:
        """Whether the history is there, and `root` is the root of the checkout."""
        top = Path(self.ask("rev-parse", "--show-toplevel").strip())
        return (
            top.resolve() == self.root.resolve() and self.ask("rev-parse", "--is-shallow-repository").strip() == "false"
        )

    def changed(self) -> list[str]:
        """The files that are not as the last commit has them, new ones too; what is ignored does not count."""
        return [line[3:] for line in self.ask("status", "--porcelain", "--untracked-files=all").splitlines()]

    def commit(self, of: str = "HEAD") -> str:
        """The commit that a name stands for."""
        return self.ask("rev-parse", f"{of}^{{commit}}").strip()

    def committed_at(self) -> int:
        """When the last commit was made, in seconds since 1970."""
        return int(self.ask("log", "-1", "--format=%ct"))

    def releases(self) -> list[Version]:
        """The versions that are tagged (v1.2.3) in the history of the last commit, the oldest first."""
        tags = self.ask("tag", "--merged", "HEAD").split()
        return sorted(Version(found[1]) for tag in tags if (found := _TAG.fullmatch(tag)))

    def tagged(self, version: Version) -> str:
        """The commit of a released version, wherever its tag is; empty if it was never released."""
        name = f"refs/tags/v{version}"
        return self.commit(name) if self.ask("tag", "--list", f"v{version}").strip() else ""

    def differing(self, of: str, folder: str, *, added: bool = True) -> list[str]:
        """The paths of the files in a folder that are not as a commit has them; `added`: new ones, too."""
        only = [] if added else ["--diff-filter=a"]
        return self.ask("diff", "--name-only", "--no-renames", "-z", *only, of, "--", folder).split("\0")[:-1]

    def text(self, of: str, path: str) -> str:
        """A file as a commit has it; empty if it has none."""
        there = self.ask("ls-tree", "--name-only", of, "--", path).strip()
        return self.ask("show", f"{of}:{path}") if there else ""

    def export(self, folder: Path) -> None:
        """Write the files of the last commit into a folder, and nothing else: nothing that is ignored, no cache."""
        with tarfile.open(fileobj=BytesIO(self._ask("archive", "--format=tar", "HEAD"))) as archive:
            archive.extractall(folder, filter="data")

    def archive(self, file: Path, prefix: str) -> None:
        """Write the files of the last commit as .tar.gz, each under `prefix`; the same bytes every time."""
        file.write_bytes(self._ask("archive", "--format=tar.gz", f"--prefix={prefix}/", "HEAD"))
