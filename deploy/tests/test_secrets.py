"""No secret, and nothing of the machine on which somebody works, is in a file that git keeps."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST = 2_000_000

# Built from parts, so that this file holds none of what it looks for.
PATTERNS = {
    "a private key": re.compile("-----BEGIN " + r"[A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}"),
    "the private half of a JWK": re.compile(r"""["']?\bd["']?\s*:\s*["'][A-Za-z0-9_-]{40,}["']"""),
    "a symmetric JWK": re.compile(r"""["']k["']\s*:\s*["'][A-Za-z0-9_-]{32,}["']"""),
    "a signed token": re.compile(r"\bey" + r"J[A-Za-z0-9_-]{10,}\.ey" + r"J[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    "an access key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\b"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+]*://[^/\s:@\"'<>{}$]+:[^/\s:@\"'<>{}$]{8,}@(?![a-z.-]*example)"),
    "a folder of one machine": re.compile(r"(?<![\w.>}])/(?:home|Users|root|work)/(?!pycache)[a-z_.][\w.-]*/"),
    "the address of a package registry": re.compile(
        r"https?://(?:files\.pythonhosted|pypi|test\.pypi|registry\.npmjs|registry\.yarnpkg)\.(?:org|com)\b"
    ),
}  # fmt: skip

ALLOWED = {
    "gateway/tests/test_trust.py": {"a password in an address"},  # an invented one, that no log may show
}


def tracked() -> Iterator[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)  # noqa: S603
    for name in done.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.stat().st_size <= LARGEST:
            yield path


def found(text: str) -> set[str]:
    return {what for what, pattern in PATTERNS.items() if pattern.search(text)}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: nobody can tell which files are kept")
    return {str(path.relative_to(ROOT)): path.read_text("utf-8", errors="replace") for path in tracked()}


def test_no_file_that_git_keeps_holds_a_secret(texts: dict[str, str]) -> None:
    assert len(texts) > 300
    wrong = {name: sorted(found(text) - ALLOWED.get(name, set())) for name, text in texts.items()}
    assert {name: what for name, what in wrong.items() if what} == {}


def test_no_file_is_named_like_a_secret(texts: dict[str, str]) -> None:
    secret = re.compile(r"(^|/)(id_rsa|id_ed25519|\.env|\.netrc|\.pypirc|\.npmrc)$|\.(pem|key|p12|pfx|jks|token)$")
    assert [name for name in texts if secret.search(name)] == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-----BEGIN EC " + "PRIVATE KEY-----\n" + "MHcCAQEEIOZx1234567890", "a private key"),
        ('{"kty": "EC", "d' + '": "' + "A" * 43 + '"}', "the private half of a JWK"),
        ("{kty: EC, d" + ": '" + "A" * 43 + "'}", "the private half of a JWK"),
        ('{"kty": "oct", "k' + '": "' + "A" * 43 + '"}', "a symmetric JWK"),
        ("ey" + "J" + "a" * 20 + ".ey" + "J" + "b" * 20 + "." + "c" * 43, "a signed token"),
        ("postgres" + "://cds:hunter2hunter2" + "@db.internal/x", "a password in an address"),
        ("cd /home" + "/somebody/project", "a folder of one machine"),
        ("resolved: https://registry." + "npmjs.org/x", "the address of a package registry"),
        ("AK" + "IA" + "ABCDEFGHIJKLMNOP", "an access key of a cloud"),
        ("gh" + "p_" + "a" * 36, "a token of a code host"),
    ],
)
def test_each_of_them_would_be_seen(text: str, what: str) -> None:
    assert what in found(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"kty": "EC", "x": "' + "A" * 64 + '", "y": "' + "B" * 64 + '"}',
        "postgresql://cds@db.example/cds",
        "https://ehr.example/home/x/y",
        "services/content/work/things/x",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert found(text) == set()
