"""What the CI script promises: every suite is run and has to prove it, and the whole ends in time."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / ".ci" / "run").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = {target for line in re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE) for target in line.split()}
STEPS = re.findall(r"^(?:within|proves) (\d+) (?:'[^']*' )?make ([a-z][a-z0-9/.-]*)", SCRIPT, re.MULTILINE)
BASH = shutil.which("bash") or "bash"


def test_every_suite_is_run_within_a_limit_of_its_own() -> None:
    run = [target for _, target in STEPS]
    assert {
        "venv",
        "check",
        "test",
        "attack",
        "fuzz",
        "browser",
        "validate",
        "engine",
        "monitoring",
        "kubernetes",
        "tracing",
        "audit",
        "sbom",
    } <= {*run}
    assert {target for target in run if "/" not in target} <= TARGETS
    assert all(0 < int(limit) <= 900 for limit, _ in STEPS)


def test_the_images_are_run_wherever_an_engine_can_be_started() -> None:
    asked, started = SCRIPT.index("within 60 .ci/engine --bare "), SCRIPT.index(".ci/engine make e2e")
    assert asked < SCRIPT.index('unproved "no container engine can be started here"') < started
    assert "env REQUIRE_CONTAINER_ENGINE=1 .ci/engine make e2e" in SCRIPT, "with an engine there is no excuse"
    for script in ("run", "engine", "bases/postgres-entrypoint"):
        assert subprocess.run([BASH, "-n", ROOT / ".ci" / script], check=False, timeout=30).returncode == 0  # noqa: S603


def test_the_whole_stays_under_45_minutes() -> None:
    (whole,) = re.findall(r"^readonly WHOLE=\$\(\((\d+) \* 60\)\)$", SCRIPT, re.MULTILINE)
    assert int(whole) < 45


def test_no_step_is_forgiven() -> None:
    assert "set -euo pipefail" in SCRIPT
    assert not re.search(r"^(?:within|proves) [^\n]*\|\| (?:true|:)", SCRIPT, re.MULTILINE)


END_TO_END = re.search(r"^unproved\(\) \{$.*?^end_to_end$", SCRIPT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("engine", "said", "status", "required", "expected"),
    [
        (0, "243 of 243 scenarios through the front door", 0, "", 0),
        (0, "2422 of 2422 scenarios through the front door", 0, "", 0),
        (0, "242 of 243 scenarios through the front door", 0, "", 1),
        (0, "25 of 25 scenarios through the front door", 0, "", 1),
        (0, "243 of 243 scenarios through the front door", 1, "", 1),
        (0, "", 124, "", 0),
        (0, "", 124, "1", 1),
        (0, "", 137, "1", 1),
        (3, "", 0, "", 0),
        (3, "", 0, "1", 1),
        (124, "", 0, "", 0),
        (124, "", 0, "1", 1),
    ],
)
def test_where_an_engine_can_be_started_the_images_have_to_be_proved(
    tmp_path: Path, engine: int, said: str, status: int, required: str, expected: int
) -> None:
    """What there was no time for is no fault of the images, unless it is required; it is never left unsaid."""
    assert END_TO_END
    assert not re.search(r"\bexit 0\b", SCRIPT)
    script = (
        f"set -euo pipefail\nwork={tmp_path}\nWHOLE=0\nREQUIRE_CONTAINER_ENGINE={required}\n"
        "say() { :; }\nfail() { exit 1; }\ninstall() { :; }\n"
        f'within() {{ case "$*" in *--bare*) return {engine} ;; *) echo "{said}"; return {status} ;; esac; }}\n'
        f"{END_TO_END[0]}\n"
    )
    done = subprocess.run([BASH, "-c", script], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    assert done.returncode == expected, done.stderr
    assert ("NOT PROVED" in done.stdout) == (engine != 0 or status > 1)


def test_an_end_that_is_late_before_the_whole_is_over_is_a_fault(tmp_path: Path) -> None:
    assert END_TO_END
    script = (
        f"set -euo pipefail\nwork={tmp_path}\nWHOLE=9999\nsay() {{ :; }}\nfail() {{ exit 1; }}\ninstall() {{ :; }}\n"
        f'within() {{ case "$*" in *--bare*) ;; *) return 124 ;; esac; }}\n{END_TO_END[0]}\n'
    )
    assert subprocess.run([BASH, "-c", script], capture_output=True, timeout=30, check=False).returncode == 1  # noqa: S603


PROVES = re.search(r"^proves\(\) \{\n.*?^\}$", SCRIPT, re.MULTILINE | re.DOTALL)
ATTACK = re.search(r"^proves \d+ '([^']+)' make attack$", SCRIPT, re.MULTILINE)


def judged(tmp_path: Path, said: str, status: int = 0) -> int:
    """The exit status of the script's own function for a suite that says this and ends so."""
    assert PROVES
    assert ATTACK
    (tmp_path / "said.txt").write_text(said)
    script = (
        f"set -euo pipefail\nwork={tmp_path}\nwithin() {{ shift; \"$@\"; }}\nfail() {{ exit 1; }}\n"
        f"suite() {{ cat {tmp_path}/said.txt; return {status}; }}\n{PROVES[0]}\nproves 10 '{ATTACK[1]}' suite\n"
    )  # fmt: skip
    return subprocess.run([BASH, "-c", script], capture_output=True, timeout=30, check=False).returncode  # noqa: S603


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        ("60 of 60 refused\n", 0, 0),
        ("757 of 757 refused\n", 0, 0),
        ("59 of 59 refused\n", 0, 1),
        ("756 of 757 refused\n", 0, 1),
        ("0 of 0 refused\n", 0, 1),
        ("", 0, 1),
        ("757 of 757 refused\n", 1, 1),
    ],
)
def test_a_suite_that_fails_or_did_nothing_fails_the_run(tmp_path: Path, said: str, status: int, expected: int) -> None:
    assert judged(tmp_path, said, status) == expected
