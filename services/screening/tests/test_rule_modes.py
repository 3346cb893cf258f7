"""Which rules are shown to whom: what a file may say, what holds for whom, and how a change comes into force."""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chassis import logs
from chassis.environment import SettingsError
from screening import modes_check
from screening.domain.findings import CRITICAL, Finding
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import WORKUPS
from screening.knowledge import rule_modes_file
from screening.knowledge.rule_modes import CARDS, MAY_BE_CRITICAL, NAMES
from screening.modes import ClientModes, Modes, in_canary
from screening.settings import load as load_settings

TODAY = date(2026, 11, 22)
DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = DOCS / "rule-modes.example.yaml"
HEAD = "version: '2026-1'\napprover: Example Approver\ndate: 2026-11-01\nreason: Example.\n"
SECRETS = dict.fromkeys(("IDENTITY_KEY", "INTERNAL_KEY"), "synthetic-secret-synthetic-secret-0")
EVERY_S = 0.02
NARROW = """modes: {"*": silent, B12: off, B12.BORDERLINE: on, ORD_IRON: off}
clients:
  a: {B12.ABNORMAL: silent, B12: on}
  b: {"*": on, CA: {canary: 5}}
  c: {}
"""


def written(path: Path, text: str) -> str:
    """Write a file whole, as if it had been left alone for a while."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.utime(new, ns=(1, time.time_ns() - 60_000_000_000))
    new.rename(path)
    return str(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rule-modes.yaml"


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    stream = io.StringIO()
    logs.configure("screening", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logs.configure("screening")


def of(path: Path, client: str, text: str = "") -> ClientModes:
    file = rule_modes_file.read(written(path, HEAD + text) if text else str(path), TODAY)
    assert file.faults == ()
    return ClientModes(client, file.modes)


def card(module: str, state: str = "") -> Finding:
    return Finding(module, state, "info", "Summary.")


@pytest.mark.parametrize(
    ("client", "module", "state", "mode"),
    [
        ("a", "B12", "ABNORMAL", "silent"), ("a", "B12", "BORDERLINE", "on"), ("a", "B12", "DISCORDANT", "on"),
        ("a", "ORD_IRON", "", "off"), ("a", "SCREEN", "INCOMPLETE", "silent"),
        ("b", "B12", "ABNORMAL", "on"), ("b", "ORD_IRON", "", "on"), ("b", "CA", "CRITICAL", "canary 5 %"),
        ("c", "B12", "BORDERLINE", "on"), ("c", "B12", "ABNORMAL", "off"), ("c", "ORD_IRON", "", "off"),
        ("else", "B12", "ABNORMAL", "off"), ("else", "DATA", "NOT_ASSESSED", "silent"),
    ],
)  # fmt: skip
def test_a_clients_own_line_goes_first_and_then_the_narrowest(
    path: Path, client: str, module: str, state: str, mode: str
) -> None:
    assert str(of(path, client, NARROW).mode(module, state)) == mode


def test_without_a_file_every_rule_is_on() -> None:
    client = Modes().of("a")
    assert client.version == ""
    assert [client.hold(card(*kind), "key") for kind in CARDS] == [None] * len(CARDS)


AS_JSON = '{"version": "1", "approver": "A", "date": "2026-11-01", "reason": "r", "modes": {}}'


@pytest.mark.parametrize("text", [f"{HEAD}modes: {{}}", f"{HEAD}modes:\nclients:", AS_JSON])
def test_a_file_may_set_nothing_and_may_be_json(path: Path, text: str) -> None:
    file = rule_modes_file.read(written(path, text), TODAY)
    assert file.modes is not None
    assert str(file.modes.mode("a", "B12", "ABNORMAL")) == "on"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modes: {ORD_DRBAS: off}", 'line 5: "ORD_DRBAS" is no rule. Is ORD_DRBA'),
        ("modes: {b12: off}", "B12 meant? Known are SCREEN, DATA, B12, CA,"),
        ("modes:\n  zinc: off", 'line 6: "zinc" is no rule. Known are SCREEN'),
        ("modes: {B12.NORMAL: off}", 'B12 has no card for the state "NORMAL"; it has ABNORMAL, DISCORDANT and'),
        ("modes: {ORD_IRON.WARNING: off}", "ORD_IRON has no states; write ORD_IRON"),
        ("modes: {B12: disabled}", 'B12: "disabled" is no mode; write off'),
        ("modes: {B12: true}", 'B12: "true" is no mode; write on'),
        ("modes: {B12: loud}", 'B12: "loud" is no mode; write on, off, silent or {canary: 10}'),
        ("modes: {B12: }", "B12: this is no mode; write on, off"),
        ("modes: {B12: [off]}", "B12: this is no mode; write on, off"),
        ("modes: {B12: canary 10}", "write for how many of 100 patients it is shown, {canary: 10}"),
        ("modes: {B12: {canary: 0}}", 'B12: "0" is no whole number from 1 to 99'),
        ("modes: {B12: {canary: 100}}", "(for none silent, for all on)"),
        ("modes: {B12: {canary: 10 %}}", 'B12: "10 %" is no whole number'),
        ("modes: {B12: {canary: 10, silent: 5}}", "B12: this is no mode"),
        ("modes: off", "line 5: modes must be a mapping, from a rule to its mode"),
        ("clients: [a]", "line 5: clients must be a mapping"),
        ("clients:\n  a: silent", "line 6: a must be a mapping, from a rule to its mode, such as ORD_IRON: off"),
        ("clients:\n  '*': {B12: off}", "line 6: what holds for all clients stands under modes"),
        ("clients:\n  a b: {B12: off}", 'line 6: "a b" is no name of a client'),
        ("modes: {B12: off, B12: on}", "line 5: B12 stands here a second time"),
        ("mode: {B12: off}", 'line 5: "mode" is no member of this file; it has version, approver, date, reason, modes'),
        ("# nothing", "there is neither modes nor clients; write modes: {}"),
        ("modes: {}\n---\n", "a second document"), ("modes: {", "neither YAML nor JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_what_to_write_instead(path: Path, text: str, said: str) -> None:
    file = rule_modes_file.read(written(path, HEAD + text), TODAY)
    assert file.modes is None
    assert any(said in str(fault) for fault in file.faults), [str(fault) for fault in file.faults]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("version: a b", "line 1: version must have at most 32"), ("version:", "line 1: version is missing; write"),
        ("approver: ' '", "line 2: approver is missing"), ("date: 2026-11-24", "line 3: date lies in the future"),
        ("date: 01.11.2026", "line 3: date is missing, or no day; write"), ("date: 2026-13-01", "line 3: date is mis"),
        ("date: 20261101", "line 3: date is missing"), ("reason: ", "line 4: reason is missing"),
        ("approver: [a]", "line 2: approver is missing"),
    ],
)  # fmt: skip
def test_nobody_is_silenced_without_version_approver_day_and_reason(path: Path, line: str, said: str) -> None:
    name = line.partition(":")[0]
    text = "\n".join(line if old.startswith(f"{name}:") else old for old in HEAD.splitlines())
    faults = [str(fault) for fault in rule_modes_file.read(written(path, f"{text}\nmodes: {{}}"), TODAY).faults]
    assert len(faults) == 1
    assert faults[0].startswith(said)


def test_all_faults_are_said_at_once_in_the_order_of_their_lines(path: Path) -> None:
    file = rule_modes_file.read(written(path, "modes: {x: y}\nclients:\n  a: {B12: z}\nmore: 1\n"), TODAY)
    assert [fault.line for fault in file.faults] == [1, 1, 1, 1, 1, 1, 3, 4]


@pytest.mark.parametrize(
    ("mode", "by", "words"),
    [
        ("off", "off", "this site has switched this card off"),
        ("silent", "silent", "this site has this card recorded and not shown for now"),
        ("{canary: 1}", "canary", "this site shows this card for 1 of 100 patients, and this patient is not among"),
    ],
)
def test_a_card_that_is_held_says_by_which_version_and_whose_approval(
    path: Path, mode: str, by: str, words: str
) -> None:
    hold = of(path, "a", f"modes: {{SCREEN: {mode}}}").hold(card("SCREEN", "INCOMPLETE"), "patient-1")
    assert hold is not None
    assert (hold.by, hold.until) == (by, None)
    assert hold.words.startswith(words)
    assert hold.words.endswith("(rule modes 2026-1, approved by Example Approver)"), "it goes on within a sentence"


def test_a_canary_is_for_the_same_patients_each_time_and_grows_by_others(path: Path) -> None:
    patients = [f"{number:064x}" for number in range(2000)]
    groups = {percent: {one for one in patients if in_canary(one, percent)} for percent in (1, 10, 50, 99)}
    assert groups[1] < groups[10] < groups[50] < groups[99]
    assert all(abs(len(group) - 20 * percent) < 90 for percent, group in groups.items())
    client = of(path, "a", "modes: {SCREEN: {canary: 10}, ORD_IRON: {canary: 10}}")
    for finding in (card("SCREEN", "INCOMPLETE"), card("ORD_IRON")):
        assert {one for one in patients if client.hold(finding, one) is None} == groups[10]


def test_who_holds_back_a_critical_card_is_told_so(path: Path, log: Any) -> None:
    text = (
        HEAD + "modes: {ORD_EDTA: off}\nclients:\n  a: {'*': silent, ORD_EDTA: on, CU: {canary: 10}}\n  b: {'*': on}\n"
    )
    Modes(rule_modes_file.read(written(path, text), TODAY))
    told = [line for line in log() if line["level"] == "warning"]
    assert {line["event"] for line in told} == {"critical cards are held back"}
    assert {(line["client"], line["code"], line["reason"]) for line in told} == {
        ("*", "ORD_EDTA", "off"), ("a", "CA.CRITICAL", "silent"), ("a", "ORD_N2O", "silent"),
        ("a", "CU.ABNORMAL", "canary 10 %"),
    }  # fmt: skip


def test_the_cards_that_can_be_critical_are_those_whose_descriptions_say_so() -> None:
    rules = {(rule.name, "") for rule in ORDER_RULES if any(c.outcome == CRITICAL for c in rule.described.cases)}
    states = {(w.module, c.outcome) for w in WORKUPS for c in w.described.cases if CRITICAL in c.then.lower()}
    assert rules | states == MAY_BE_CRITICAL
    assert set(CARDS) >= MAY_BE_CRITICAL


def eventually(condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 20
    while not condition() and time.monotonic() < ends:
        time.sleep(EVERY_S / 2)
    return condition()


def test_a_change_is_in_force_without_a_restart_and_a_fault_leaves_the_former(path: Path, log: Any) -> None:
    modes = Modes(rule_modes_file.read(written(path, HEAD + "modes: {ORD_IRON: off}")), every=EVERY_S)
    judged = modes.of("a")
    iron = card("ORD_IRON")

    def off() -> bool:
        return modes.of("a").hold(iron, "key") is not None

    assert off()
    written(path, HEAD.replace("2026-1'", "2'") + "modes: {}")
    assert eventually(lambda: not off())
    assert modes.of("a").version == "2"
    assert judged.hold(iron, "key") is not None, "a call is judged whole by what it began with"
    written(path, HEAD + "modes: {ORD_IRON: never}")
    assert eventually(lambda: not off() and bool(modes.faults))
    assert str(modes.faults[0]).startswith("line 5: ORD_IRON:")
    path.unlink()
    assert eventually(lambda: not off() and "cannot be read" in str(modes.faults[0]))
    written(path, HEAD + "modes: {ORD_IRON: silent}")
    assert eventually(off)
    assert modes.faults == ()
    said = [(line["level"], line["event"]) for line in log()]
    assert said == [
        ("info", "rule modes in force"),
        ("info", "the rule modes have changed and are in force"),
        ("error", "the changed rule modes are at fault: the former ones stay in force"),
        ("error", "rule modes at fault"),
        ("error", "the changed rule modes are at fault: the former ones stay in force"),
        ("error", "rule modes at fault"),
        ("info", "the rule modes have changed and are in force"),
    ]


def test_a_change_that_keeps_its_version_is_told(path: Path, log: Any) -> None:
    modes = Modes(rule_modes_file.read(written(path, HEAD + "modes: {ORD_IRON: off}")), every=EVERY_S)
    written(path, HEAD + "modes: {ORD_IRON: silent}")
    assert eventually(lambda: str(modes.of("a").mode("ORD_IRON", "")) == "silent")
    assert eventually(lambda: log()[-1]["event"] == "rule modes changed without a new version")


def test_a_link_that_is_turned_is_noticed_as_kubernetes_does_it(tmp_path: Path) -> None:
    for folder, mode in (("one", "off"), ("two", "silent")):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "modes.yaml", f"{HEAD}modes: {{ORD_IRON: {mode}}}")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "modes.yaml").symlink_to("..data/modes.yaml")
    modes = Modes(rule_modes_file.read(str(tmp_path / "modes.yaml")), every=EVERY_S)
    assert str(modes.of("a").mode("ORD_IRON", "")) == "off"
    (tmp_path / "..tmp").symlink_to("two")
    (tmp_path / "..tmp").rename(tmp_path / "..data")
    assert eventually(lambda: str(modes.of("a").mode("ORD_IRON", "")) == "silent")


def test_a_faulty_file_refuses_the_start_with_every_fault(path: Path) -> None:
    environ = {**SECRETS, "RULE_MODES_FILE": written(path, HEAD + "modes: {x: off, B12: maybe}")}
    with pytest.raises(SettingsError, match=r'RULE_MODES_FILE: line 5: "x" is no rule.*RULE_MODES_FILE: line 5: B12:'):
        load_settings(environ)
    written(path, HEAD + "modes: {B12: off}")
    file = load_settings(environ).rule_modes
    assert file is not None
    assert file.modes is not None
    with pytest.raises(SettingsError, match="RULE_MODES_FILE: the file cannot be read: no such file"):
        load_settings({**SECRETS, "RULE_MODES_FILE": str(path.with_name("missing.yaml"))})


def test_the_command_says_what_the_example_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert modes_check.main([str(EXAMPLE)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("rule modes 2026-11, approved by Example Approver on 2026-11-01\n")
    paragraphs = {part.splitlines()[0]: part for part in out.split("\n\n")[1:]}
    assert list(paragraphs) == ["example-new-ehr", "example-ehr", "every other client"]
    silent, canary, others = paragraphs.values()
    assert "every rule: recorded, not shown" in silent
    assert "WARNING: critical cards are held back: CA.CRITICAL (silent), CU.ABNORMAL (silent)" in silent
    assert "SCREEN: shown for 10 of 100 patients, always the same ones; recorded for the others" in canary
    assert "B12.BORDERLINE: recorded, not shown" in canary
    assert "ORD_IRON: neither recorded nor shown" in others
    assert "every other rule: shown" in others
    assert "WARNING" not in canary + others
    assert out.strip() in (DOCS / "rule-modes.md").read_text("utf-8"), "the page shows what the command prints"


def test_the_command_says_every_fault_and_which_clients_are_strangers(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert modes_check.main([written(path, HEAD + "modes: {x: off, y: off}")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    clients = tmp_path / "clients.yaml"
    clients.write_text("- client: example-ehr\n  issuer: https://ehr.example\n")
    written(path, HEAD + "clients: {exampel-ehr: {B12: off}, example-ehr: {B12: off}}")
    assert modes_check.main([str(path), "--clients", str(clients)]) == 2
    assert capsys.readouterr().err == 'clients: "exampel-ehr" is not in the clients file; is example-ehr meant?\n'
    assert modes_check.main([str(path), "--clients", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err == "clients file: cannot be read: no such file or directory\n"


def test_the_page_names_every_rule() -> None:
    page = (DOCS / "rule-modes.md").read_text("utf-8")
    assert [name for name in NAMES if f"`{name}`" not in page] == []
