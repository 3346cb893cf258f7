"""What processes cost: CPU time and memory of a process with all its descendants, from /proc (Linux)."""

import os
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")


def family(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        if (fields := _stat(int(path.parent.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes so far."""
    stats = (_stat(pid) for pid in pids)
    return sum((int(fields[11]) + int(fields[12])) * _TICK for fields in stats if fields is not None)


def pss_mb(pids: list[int]) -> float:
    """Proportional set size of these processes: shared pages are split among those who share them."""
    return sum(_pss_kb(pid) for pid in pids) / 1024


def peak_mb(pid: int) -> float:
    """The most that a process has had in memory since it began; pages that it shares with others count whole."""
    return _kb(pid, "status", "VmHWM:") / 1024


def workers(pids: list[int]) -> list[int]:
    """Those whose parent is among them: of a gunicorn with its workers the workers."""
    parents = ((pid, _stat(pid)) for pid in pids)
    return [pid for pid, fields in parents if fields is not None and int(fields[1]) in pids]


def by_package(pids: list[int]) -> dict[str, list[int]]:
    """Which of these processes serve which package, as their environment says."""
    found: dict[str, list[int]] = {}
    for pid in pids:
        try:
            environ = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for setting in environ:
            if setting.startswith(b"PACKAGE="):
                found.setdefault(setting.partition(b"=")[2].decode(), []).append(pid)
    return found


def _pss_kb(pid: int) -> int:
    return _kb(pid, "smaps_rollup", "Pss:")


def _kb(pid: int, file: str, name: str) -> int:
    """The figure of this name in a file of /proc/PID; 0 when the process has ended."""
    try:
        text = (_PROC / str(pid) / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(name)), 0)


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the command's name: [0] state, [1] parent, [11] and [12] user and system."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(") ")[2].split()


def machine() -> dict[str, str]:
    """What this machine is, without its name."""
    model = "unknown CPU"
    for line in (_PROC / "cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0))
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {"CPU": f"{model}, {cores} cores", "memory": f"{pages:.0f} GB", "kernel": os.uname().release.split("-")[0]}
