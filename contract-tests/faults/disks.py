"""A disk that is full: a small one of memory where we may mount one, else files that may not grow."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from crash.places import not_growing

_SIZE: Final = "16m"
_FILLER: Final = "filler"
_PIECE: Final = b"\0" * 4_096


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Have an empty folder be a disk of its own until the end of the block, if we may."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "tmpfs", str(folder)]
    if os.getuid() == 0:
        subprocess.run(command, capture_output=True, timeout=10, check=False)  # noqa: S603
    try:
        yield
    finally:
        if folder.is_mount():
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, timeout=10, check=False)  # noqa: S603, S607


@contextlib.contextmanager
def full(folder: Path, pids: Sequence[int]) -> Iterator[str]:
    """Nothing more can be written into a folder until the end of the block.

    Args:
        folder: from `small_disk`.
        pids: who writes there; if it is no disk of its own, they may not let files grow.

    Yields:
        What was done, in words.
    """
    if folder.is_mount():
        with _filled(folder):
            yield "disk of 16 MB filled up"
        return
    with not_growing(pids):
        yield "files may not grow (no mount here)"


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[None]:
    filler = folder / _FILLER
    try:
        with filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(_PIECE)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        yield
    finally:
        filler.unlink()
