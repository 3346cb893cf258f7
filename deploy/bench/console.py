"""What the benchmarks say while they run, and how they are interrupted."""

import sys
from typing import Any, NoReturn


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def interrupted(_number: int, _frame: Any) -> NoReturn:
    """End what is being measured."""
    raise KeyboardInterrupt
