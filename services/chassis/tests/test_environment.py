"""Settings from one mapping: empty counts as not set, secrets from files, every fault at once without its value."""

from pathlib import Path

import pytest
from marshmallow.validate import Length, OneOf, Range

from chassis.environment import Environment, SettingsError, listed


def test_values_come_from_the_mapping_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "from the process")
    monkeypatch.setenv("OTHER", "from the process")
    env = Environment({"NAME": "given"})
    assert env.str("NAME") == "given"
    assert env.str("OTHER", "default") == "default"
    env.finish()


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_empty_counts_as_not_set(empty: str) -> None:
    env = Environment({"NAME": empty, "PORT": empty})
    assert env.str("NAME", "default") == "default"
    assert env.int("PORT", 5) == 5
    env.finish()


def test_a_missing_value_is_a_fault() -> None:
    env = Environment({})
    env.str("NAME")
    with pytest.raises(SettingsError, match="NAME"):
        env.finish()


def test_all_faults_at_once_on_one_line_and_without_values() -> None:
    env = Environment({"PORT": "zz-port", "LEVEL": "zz-level", "KEY": "zz-key", "SHARE": "7"})
    env.int("PORT", validate=Range(1, 9))
    env.str("LEVEL", validate=OneOf(["A", "B"]))
    env.str("KEY", validate=Length(min=32))
    env.float("SHARE", validate=Range(0, 1))
    env.str("ABSENT")
    env.fault("PAIR", "the two contradict each other")
    with pytest.raises(SettingsError) as caught:
        env.finish()
    words = str(caught.value)
    for name in ("PORT", "LEVEL", "KEY", "SHARE", "ABSENT", "PAIR"):
        assert words.count(f"{name}:") == 1
    assert "zz-" not in words
    assert "\n" not in words
    assert caught.value.__cause__ is None


def test_a_secret_from_a_file_is_stripped_and_wins(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("  from the file\n", encoding="utf-8")
    env = Environment({"KEY_FILE": str(file), "KEY": "given"})
    assert env.str("KEY") == "from the file"
    env.finish()


@pytest.mark.parametrize("kind", ["nowhere", "folder", "bytes"])
def test_a_file_that_cannot_be_read_is_said_once_without_its_path(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "zz-secret"
    if kind == "folder":
        path.mkdir()
    elif kind == "bytes":
        path.write_bytes(b"\xff\xfe\xff")
    env = Environment({"KEY_FILE": str(path), "PORT": "x"})
    env.str("KEY")
    env.int("PORT")
    with pytest.raises(SettingsError) as caught:
        env.finish()
    assert str(caught.value).count("KEY") == 1
    assert "KEY_FILE: the file cannot be read" in str(caught.value)
    assert "PORT" in str(caught.value)
    assert "zz-secret" not in str(caught.value)


def test_nothing_is_expanded_or_run() -> None:
    env = Environment({"NAME": "${HOME}$PATH`id`", "HOME": "x"})
    assert env.str("NAME") == "${HOME}$PATH`id`"
    env.finish()


@pytest.mark.parametrize(
    ("count", "last"), [(1, "fault 0"), (20, "fault 19"), (21, "and 1 more"), (999, "and 979 more")]
)
def test_only_the_first_faults_are_said(count: int, last: str) -> None:
    said = listed([f"fault {number}" for number in range(count)]).split("; ")
    assert said[:20] == [f"fault {number}" for number in range(min(count, 20))]
    assert said[-1] == last
    assert len(said) <= 21


def test_a_very_long_fault_is_cut_and_a_broken_one_joined() -> None:
    assert listed(["x" * 501, "a\nb"]) == "x" * 500 + "...; a b"
    assert listed(["x" * 500]) == "x" * 500
