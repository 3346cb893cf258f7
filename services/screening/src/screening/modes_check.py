"""The command behind `make modes-check`: check a file of rule modes and say in words what it means for each client.

python -m screening.modes_check FILE [--clients CLIENTS_FILE]    exit 0 and what it means, or exit 2 and every fault
"""

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from chassis import positions
from chassis.environment import MOST_FAULTS
from chassis.positions import Unreadable
from screening.knowledge import rule_modes_file
from screening.knowledge.rule_modes import CANARY, CARDS, EVERYTHING, OFF, ON, SILENT, Mode, RuleModes, rule_name
from screening.modes import ClientModes

_FAULT: Final = 2
_MOST_BYTES: Final = 4_000_000
_WORDS: Final = {
    ON: "shown",
    SILENT: "recorded, not shown",
    OFF: "neither recorded nor shown",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 if nothing is at fault, 2 otherwise."""
    parser = argparse.ArgumentParser(prog="modes-check", description="Check a file of rule modes whole.")
    parser.add_argument("file")
    parser.add_argument("--clients", default="", help="a clients file: every client that is named must be in it")
    given = parser.parse_args(argv)
    file = rule_modes_file.read(given.file)
    faults = [str(fault) for fault in file.faults]
    if file.modes is not None and given.clients:
        faults = list(_strangers(file.modes, Path(given.clients)))
    if file.modes is None or faults:
        for words in faults[:MOST_FAULTS]:
            sys.stderr.write(f"{words}\n")
        if len(faults) > MOST_FAULTS:
            sys.stderr.write(f"and {len(faults) - MOST_FAULTS} more\n")
        return _FAULT
    sys.stdout.write("\n".join(said(file.modes)) + "\n")
    return 0


def said(modes: RuleModes) -> list[str]:
    """What a file means, client by client, in lines of words."""
    lines = [f"rule modes {modes.version}, approved by {modes.approver} on {modes.approved}", f"  {modes.reason}"]
    for client in modes.clients:
        lines += ["", client, *_meaning(ClientModes(client, modes))]
    others = "every other client" if modes.clients else "every client"
    return [*lines, "", others, *_meaning(ClientModes(EVERYTHING, modes))]


def _meaning(client: ClientModes) -> list[str]:
    """What becomes of the cards: the exceptions, then all others; and a warning if critical ones are held back."""
    found: dict[Mode, list[str]] = {}
    for module in dict.fromkeys(module for module, _ in CARDS):
        states = {state: client.mode(module, state) for known, state in CARDS if known == module}
        if len(set(states.values())) == 1:
            found.setdefault(next(iter(states.values())), []).append(module)
        else:
            for state, mode in states.items():
                found.setdefault(mode, []).append(rule_name(module, state))
    *exceptions, (most, _) = sorted(found.items(), key=lambda entry: len(entry[1]))
    lines = [f"  {', '.join(names)}: {_words(mode)}" for mode, names in exceptions]
    lines.append(f"  every {'other ' if exceptions else ''}rule: {_words(most)}")
    if held := client.critical_held():
        cards = ", ".join(f"{name} ({mode})" for name, mode in held.items())
        lines.append(f"  WARNING: critical cards are held back: {cards}")
    return lines


def _words(mode: Mode) -> str:
    if mode.kind == CANARY:
        return f"shown for {mode.percent} of 100 patients, always the same ones; recorded for the others"
    return _WORDS[mode.kind]


def _strangers(modes: RuleModes, path: Path) -> Iterable[str]:
    """A line for each client that the clients file does not name."""
    try:
        top = positions.read(positions.text_of(path, _MOST_BYTES)).value
    except (Unreadable, ValueError) as error:
        return [f"clients file: {error}"]
    listed = top.get("clients") if isinstance(top, dict) else top
    names = [one.get("client") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    known = [name for name in names if isinstance(name, str)]
    return [_stranger(client, known) for client in modes.clients if client not in known]


def _stranger(client: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(client, known, n=1)
    return f'clients: "{client}" is not in the clients file' + (f"; is {near[0]} meant?" if near else "")


if __name__ == "__main__":
    raise SystemExit(main())
