"""`make doctor` where there is nothing to show."""

import subprocess
import sys
from pathlib import Path

DOCTOR = [sys.executable, "-m", "tryout", "doctor"]


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [*DOCTOR, *arguments], env={}, text=True, capture_output=True, check=False, timeout=30
    )


def test_an_operator_asks_with_the_token_in_a_file(operators_url: str, operator_token: str) -> None:
    done = ask("--url", f"{operators_url}/", "--client", "example-ehr", "--token-file", operator_token)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "/prefetch-doctor?client=example-ehr,text/plain[31mred\n"


def test_a_refusal_is_told_in_its_own_words(operators_url: str) -> None:
    done = ask("--url", operators_url)
    assert done.returncode == 1
    assert "401: This page is for operators." in done.stderr


def test_a_token_file_that_is_not_there_is_named(operators_url: str, tmp_path: Path) -> None:
    done = ask("--url", operators_url, "--token-file", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "nowhere" in done.stderr


def test_without_a_gateway_it_says_how_to_start_one() -> None:
    done = ask("--url", "http://127.0.0.1:9")
    assert done.returncode == 3
    assert "make run" in done.stderr
