"""A service that refuses to start: its reasons, one a line, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tryout import children, launcher

RUN = [sys.executable, "-m", "tryout", "run"]


def refused(environ: dict[str, str]) -> list[str]:
    """What a try-out with the real services says that cannot start."""
    done = subprocess.run(RUN, check=False, env=environ, text=True, capture_output=True, timeout=60)  # noqa: S603
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.splitlines()


@pytest.fixture
def environ(module_environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return module_environ | {"STATE_DIR": str(tmp_path / "state")}


def test_a_bad_directory_of_maps_and_a_bad_file_of_values_are_said(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "site.toml").write_text("approver = 5\n", encoding="utf-8")
    more = {"LOCAL_CODE_MAPS": str(tmp_path / "maps"), "SITE_VALUES_FILE": str(tmp_path / "site.toml")}
    told = refused(environ | more)
    assert told[:2] == ["screening cannot start:", "  - LOCAL_CODE_MAPS: no *.json in the directory maps"]
    assert len(told) == 6
    assert all(line.startswith("  - SITE_VALUES_FILE: ") for line in told[2:])


def test_of_maps_full_of_mistakes_twenty_are_said(environ: dict[str, str], tmp_path: Path) -> None:
    element = [
        {"code": f"X{number}", "target": [{"code": "2132-8", "equivalence": "equal"}]} for number in range(2_000)
    ]
    group = {"source": "urn:x:laboratory", "target": "http://loinc.org", "element": element}
    told = {"resourceType": "ConceptMap", "status": "active", "group": [group]}
    (tmp_path / "map.json").write_text(json.dumps(told), encoding="utf-8")
    lines = refused(environ | {"LOCAL_CODE_MAPS": str(tmp_path)})
    assert lines[0] == "screening cannot start:"
    assert lines[1].startswith("  - LOCAL_CODE_MAPS: map.json, group 1, element X0: target 2132-8 is no code")
    assert lines[20].startswith("  - map.json, group 1, element X19: ")
    assert lines[21:] == ["  - and 1980 more"]


def child(log: Path, content: str) -> children.Child:
    log.write_text(content, encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return children.Child("screening", process, log)


def test_the_reason_is_found_anywhere_in_the_log_and_said_once(tmp_path: Path) -> None:
    noise = "Traceback (most recent call last):\n" * 200
    reason = "screening cannot start: \x1b[31mone; two\n"
    one = child(tmp_path / "log", f"{noise}{reason}{noise}{reason}{noise}")
    assert launcher._end_of_log(one, "screening has ended") == "screening cannot start:\n  - [31mone\n  - two"


def test_what_only_looks_like_a_reason_is_none(tmp_path: Path) -> None:
    one = child(tmp_path / "log", "content cannot start: x\nit says: screening cannot start: y\n")
    assert one.refusal() == ""
    assert launcher._end_of_log(one, "screening has ended").startswith("screening has ended. The end of ")


@pytest.mark.parametrize(
    ("count", "also", "last"), [(20, "", "f19"), (23, "", "and 3 more"), (20, "; and 7 more", "and 7 more")]
)
def test_at_most_twenty_faults_are_said(count: int, also: str, last: str) -> None:
    faults = launcher._faults("; ".join(f"f{number}" for number in range(count)) + also)
    assert faults[:20] == [f"f{number}" for number in range(20)]
    assert faults[-1] == last
    assert len(faults) <= 21
