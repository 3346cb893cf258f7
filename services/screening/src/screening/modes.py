"""The rule modes in force, which follow their file while calls go on: a rule is switched off without a restart.

`chassis.following` says when a change is noticed. A changed file takes the place of the former one whole, or, if
anything in it is wrong, not at all; that is logged, line by line, once per change, and said by `Modes.faults`.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from chassis.following import EVERY_S, Following, Stamps
from chassis.logs import Log
from chassis.positions import Fault
from screening import metrics
from screening.domain.findings import Finding, Hold
from screening.knowledge import rule_modes_file
from screening.knowledge.rule_modes import CANARY, CARDS, MAY_BE_CRITICAL, OFF, ON, SHOWN, Mode, RuleModes, rule_name
from screening.knowledge.rule_modes_file import RuleModesFile

_MOST_LOGGED: Final = 20
_SPAN: Final = 2**64
_LOG: Final = Log("modes")


@dataclass(frozen=True, slots=True)
class ClientModes:
    """What holds for the calls of one client at one moment. Immutable: a whole call is judged by it.

    Attributes:
        client: its name in the clients file.
        in_force: the modes of the site; None: every rule is on.
    """

    client: str
    in_force: RuleModes | None = None

    @property
    def version(self) -> str:
        """The version of the file in force, empty without one: for the trace and the ledger, not for cards."""
        return self.in_force.version if self.in_force is not None else ""

    def mode(self, module: str, state: str) -> Mode:
        """The mode of a card. `state` is empty for order rules."""
        return self.in_force.mode(self.client, module, state) if self.in_force is not None else SHOWN

    def hold(self, finding: Finding, patient_key: str) -> Hold | None:
        """Why this card is not shown here: by `off`, `silent` or `canary`. Only the last two are recorded.

        `patient_key` tells patients apart without saying who they are; of a canary the same ones are shown each time.
        """
        mode = self.mode(finding.module, finding.state)
        if self.in_force is None or mode.kind == ON or (mode.kind == CANARY and in_canary(patient_key, mode.percent)):
            return None
        return Hold(mode.kind, f"{_because(mode)} (rule modes {self.version}, approved by {self.in_force.approver})")

    def critical_held(self) -> dict[str, Mode]:
        """The rules whose cards may be critical and which are not shown to everybody, with their modes."""
        return {
            rule_name(module, state): mode
            for module, state in CARDS
            if (module, state) in MAY_BE_CRITICAL and (mode := self.mode(module, state)) != SHOWN
        }


def in_canary(patient_key: str, percent: int) -> bool:
    """Whether a patient is among the `percent` of 100 to whom canaries are shown.

    It is the same group for every rule, and whoever is in a group of 10 % is in that of 20 %, too.
    """
    drawn = hashlib.sha256(f"canary\x1f{patient_key}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") * 100 < percent * _SPAN


def _because(mode: Mode) -> str:
    if mode.kind == OFF:
        return "this site has switched this card off"
    if mode.kind == CANARY:
        return f"this site shows this card for {mode.percent} of 100 patients, and this patient is not among them"
    return "this site has this card recorded and not shown for now"


class Modes:
    """The rule modes in force. One per process; threads may share it."""

    def __init__(self, file: RuleModesFile | None = None, *, every: float = EVERY_S) -> None:
        """With a file its modes are in force, and follow it; `every` is in seconds. Without one every rule is on."""
        self._in_force = file.modes if file is not None else None
        self._path = file.path if file is not None else ""
        self._faults: tuple[Fault, ...] = ()
        self._following = Following(file.stamps, self._renew, name="modes", every=every) if file is not None else None
        if self._in_force is not None:
            _announce("rule modes in force", self._in_force)

    def of(self, client: str) -> ClientModes:
        """What holds now for the calls of a client."""
        self._look()
        return ClientModes(client, self._in_force)

    @property
    def version(self) -> str:
        """The version of the modes in force, empty without a file."""
        return self._in_force.version if self._in_force is not None else ""

    @property
    def in_force(self) -> RuleModes | None:
        """The modes in force now; None without a file."""
        self._look()
        return self._in_force

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the file as it is now, because of which a former version of it is in force."""
        self._look()
        return self._faults

    def _look(self) -> None:
        if self._following is not None:
            self._following.look()

    def _renew(self) -> Stamps:
        file, former = rule_modes_file.read(self._path), self._in_force
        self._faults = file.faults
        metrics.MODES_FAULTS.set(len(file.faults))
        if file.modes is not None:
            self._in_force = file.modes
            metrics.switched(metrics.MODES, former.version if former is not None else "", file.modes.version)
            _announce("the rule modes have changed and are in force", file.modes)
            if former is not None and former.version == file.modes.version and former != file.modes:
                _LOG.warning("rule modes changed without a new version", version=former.version)
            return file.stamps
        version = former.version if former is not None else ""
        _LOG.error("the changed rule modes are at fault: the former ones stay in force", version=version)
        for fault in file.faults[:_MOST_LOGGED]:
            _LOG.error("rule modes at fault", line=fault.line, reason=fault.words)
        return file.stamps


def _announce(event: str, modes: RuleModes) -> None:
    """Say what is in force, and which critical cards it keeps from whom; client `*` are all that are not named."""
    _LOG.info(event, version=modes.version, count=len(modes.clients))
    for client in ("*", *modes.clients)[:_MOST_LOGGED]:
        for rule, mode in ClientModes(client, modes).critical_held().items():
            _LOG.warning("critical cards are held back", client=client, code=rule, reason=str(mode))
