"""Processes as Linux tells of them in /proc."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_ENDED: Final = frozenset("ZX")


def children_of(pid: int) -> list[int]:
    """The processes that a process has begun and that have not ended."""
    try:
        listed = (_PROC / str(pid) / "task" / str(pid) / "children").read_text("ascii").split()
    except OSError:
        return []
    return [child for child in map(int, listed) if runs(child)]


def runs(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    return _stat(pid)[0] not in _ENDED


def group(leader: int) -> list[int]:
    """The processes of a process group that have not ended."""
    found = ((int(path.name), _stat(int(path.name))) for path in _PROC.glob("[0-9]*"))
    return [pid for pid, (state, its_group) in found if its_group == leader and state not in _ENDED]


def _stat(pid: int) -> tuple[str, int]:
    """State and process group of a process; one that is gone has ended."""
    try:
        told = (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return "X", 0
    state, _parent, its_group = told.rpartition(") ")[2].split()[:3]
    return state, int(its_group)


def words_of(pid: int) -> str:
    """How a process calls itself; empty when it is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def marked(mark: str, folder: Path) -> Iterator[int]:
    """Yield the processes that have `mark` in their environment (empty: no matter), or work in `folder` or below."""
    for path in _PROC.glob("[0-9]*"):
        pid = int(path.name)
        try:
            ours = bool(mark) and mark.encode() in (path / "environ").read_bytes()
            ours = ours or (path / "cwd").readlink().is_relative_to(folder)
        except OSError:
            continue
        if ours and runs(pid):
            yield pid
