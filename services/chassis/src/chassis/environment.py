"""Settings from the environment: one mapping, read once, every fault said at once; secrets from files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from environs import Env, EnvValidationError

MOST_FAULTS: Final = 20
"""How many faults are said; of the others only how many they are."""

_FILE: Final = "_FILE"
_LONGEST_FAULT: Final = 500


class SettingsError(Exception):
    """The environment is wrong; the text lists the settings at fault, on one line, without their values."""


def listed(faults: Sequence[str]) -> str:
    """Faults on one line, joined by "; ": the first `MOST_FAULTS`, then "and N more"; a very long one is cut."""
    said = [fault if len(fault) <= _LONGEST_FAULT else f"{fault[:_LONGEST_FAULT]}..." for fault in faults[:MOST_FAULTS]]
    if len(faults) > MOST_FAULTS:
        said.append(f"and {len(faults) - MOST_FAULTS} more")
    return " ".join("; ".join(said).splitlines())


class Environment(Env):
    """An `Env` that reads the mapping it is given instead of the process's own environment.

    A variable that is set but empty counts as not set. `NAME_FILE` names a file that holds the value of `NAME`.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = {name: value for name, value in environ.items() if value.strip()}
        self._faults: list[str] = []

    def _get_value(self, env_key: str, default: Any) -> Any:
        path = self._given.get(env_key + _FILE)
        if path is None:
            return self._given.get(env_key, default)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self.fault(env_key + _FILE, "the file cannot be read")
            return default

    def fault(self, name: str, words: str) -> None:
        """Note a fault that no validator can see, such as settings that contradict each other."""
        self._faults.append(f"{name}: {words}")

    def finish(self) -> None:
        """End the reading.

        Raises:
            SettingsError: with the settings at fault.
        """
        faults = list(self._faults)
        noted = {fault.partition(":")[0].removesuffix(_FILE) for fault in faults}
        try:
            self.seal()
        except EnvValidationError as error:
            found = error.error_messages
            told = found if isinstance(found, dict) else {"environment": found}
            faults.extend(f"{name}: {' '.join(told[name])}" for name in sorted(told) if name not in noted)
        if faults:
            raise SettingsError(f"settings at fault: {listed(faults)}")
