"""The launcher with stand-ins for the services: ports, signals, and no child left whatever happens."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from tryout import settings

RUN = [sys.executable, "-m", "tryout", "run"]
HAS_PROC = Path("/proc/self/environ").exists()


def start(environ: dict[str, str], command: list[str] | None = None, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # noqa: S603
        command or RUN,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **{"stdin": subprocess.DEVNULL, **options},
    )


def to_the_end(environ: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(RUN, check=False, env=environ, text=True, capture_output=True, timeout=timeout)  # noqa: S603


def until_serving(process: subprocess.Popen[str], within: float = 60) -> str:
    """What was printed up to the line that says that it serves."""
    assert process.stdout is not None
    told, deadline = "", time.monotonic() + within
    while "Serving." not in told:
        line = process.stdout.readline()
        assert line, f"ended before it served: {told}"
        assert time.monotonic() < deadline, told
        told += line
    return told


def ours(environ: dict[str, str]) -> set[int]:
    """The processes that run with our STATE_DIR in their environment."""
    wanted = f"STATE_DIR={environ['STATE_DIR']}".encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def assert_gone(environ: dict[str, str], within: float = 30) -> None:
    deadline = time.monotonic() + within
    while left := ours(environ):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.05)


needs_proc = pytest.mark.skipif(not HAS_PROC, reason="processes are counted by /proc, which this system lacks")


def test_shows_a_card_and_says_what_it_is(tryout_environ: dict[str, str]) -> None:
    process = start(tryout_environ)
    told = until_serving(process)
    port = tryout_environ["GATEWAY_PORT"]
    try:
        assert "[WARNING] Synthetic card [31m" in told
        assert "Sent: conditions 2, patient 1" in told
        assert "TRY-OUT, NOT FOR PATIENT CARE" in told
        assert f"http://localhost:{port}/cds-services" in told
        assert "\x1b" not in told
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/cds-services", timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert rest == "Stopped.\n"


def test_state_directory_is_closed_to_others_and_its_key_survives(tryout_environ: dict[str, str]) -> None:
    state = Path(tryout_environ["STATE_DIR"])
    keys = []
    for _ in range(2):
        process = start(tryout_environ)
        until_serving(process)
        process.terminate()
        process.communicate(timeout=30)
        keys.append((state / "identity.key").read_text())
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "identity.key").stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(keys[0])) == 32
    assert keys[0] == keys[1]
    assert sorted(path.name for path in (state / "log").iterdir()) == ["content.log", "gateway.log", "screening.log"]


@needs_proc
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGKILL,
        *(pytest.param(n, marks=pytest.mark.wide) for n in (signal.SIGINT, signal.SIGHUP)),
    ],
)
def test_no_child_is_left(tryout_environ: dict[str, str], number: signal.Signals) -> None:
    process = start(tryout_environ)
    until_serving(process)
    assert len(ours(tryout_environ)) >= 7, "launcher, three arbiters, their workers"
    process.send_signal(number)
    process.wait(30)
    assert process.returncode == (-9 if number is signal.SIGKILL else 0)
    assert_gone(tryout_environ)
    process.communicate()


@needs_proc
def test_stopped_while_starting_leaves_no_child(tryout_environ: dict[str, str]) -> None:
    process = start(tryout_environ)
    while not any(Path(tryout_environ["STATE_DIR"]).glob("log/*.log")):
        time.sleep(0.02)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert_gone(tryout_environ)


@needs_proc
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(n, marks=pytest.mark.wide) for n in (signal.SIGTERM, signal.SIGKILL))]
)
def test_a_signal_to_make_only_stops_everything(
    tryout_environ: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {' '.join(RUN)}\n")
    # A shell that runs these tests in the background has them ignore SIGINT, and make would inherit that.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = start(tryout_environ, ["make", "-C", str(tmp_path), "run"], preexec_fn=heard)
    until_serving(process)
    os.kill(process.pid, number)
    process.wait(30)
    assert_gone(tryout_environ)
    process.communicate()


@needs_proc
def test_runs_with_standard_input_closed(tryout_environ: dict[str, str]) -> None:
    process = start(tryout_environ, ["sh", "-c", f"exec {' '.join(RUN)} <&-"], stdin=None)
    until_serving(process)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert_gone(tryout_environ)


HOSTS = ("::1", "127.0.0.1", "0.0.0.0")  # noqa: S104
PORTS = ("GATEWAY_PORT", "SCREENING_PORT", "CONTENT_PORT")
TAKEN = [
    *zip(HOSTS, PORTS, strict=True),
    *(
        pytest.param(host, port, marks=pytest.mark.wide)
        for host, port in itertools.product(HOSTS, PORTS)
        if (host, port) not in zip(HOSTS, PORTS, strict=True)
    ),
]


@needs_proc
@pytest.mark.parametrize(("host", "variable"), TAKEN)
def test_a_taken_port_is_named_and_nothing_is_started(tryout_environ: dict[str, str], variable: str, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        try:
            taken.bind((host, int(tryout_environ[variable])))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        taken.listen()
        done = to_the_end(tryout_environ, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"port {tryout_environ[variable]} ({variable}) is taken" in done.stderr
    assert not Path(tryout_environ["STATE_DIR"]).exists()


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", "8080.5", "９", "99999999999999999999"])
def test_a_bad_port_is_named(tryout_environ: dict[str, str], value: str) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(tryout_environ | {"SCREENING_PORT": value})
    assert str(caught.value).startswith(f"SCREENING_PORT={value!r} is not a port")
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_wrong_with_the_settings_is_said_and_nothing_is_started(tryout_environ: dict[str, str]) -> None:
    done = to_the_end(tryout_environ | {"SCREENING_PORT": "http"}, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "SCREENING_PORT='http' is not a port (1 to 65535)\n"
    assert not Path(tryout_environ["STATE_DIR"]).exists()


def test_one_port_for_two_services_is_refused(tryout_environ: dict[str, str]) -> None:
    environ = tryout_environ | {"CONTENT_PORT": tryout_environ["GATEWAY_PORT"]}
    with pytest.raises(settings.SettingsError, match="CONTENT_PORT and GATEWAY_PORT are both"):
        settings.load(environ)


def test_a_state_directory_that_cannot_be_made_is_said(tryout_environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = tryout_environ | {"STATE_DIR": str(tmp_path / "file" / "state")}
    done = to_the_end(environ, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("Nothing was started: STATE_DIR")


@needs_proc
def test_a_service_that_does_not_start_shows_the_end_of_its_log(tryout_environ: dict[str, str]) -> None:
    environ = tryout_environ | {"STANDIN_CONTENT_FAILS": "1"}
    done = to_the_end(environ, timeout=60)
    assert done.returncode == 1
    assert "content has ended" in done.stderr
    assert "the stand-in was told to fail" in done.stderr
    assert_gone(environ)


@needs_proc
def test_a_service_that_dies_ends_everything(tryout_environ: dict[str, str]) -> None:
    process = start(tryout_environ)
    until_serving(process)
    address = f"http://127.0.0.1:{tryout_environ['SCREENING_PORT']}/die"
    urllib.request.urlopen(address, timeout=30).close()
    told, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "screening has ended (exit code -9)" in told
    assert_gone(tryout_environ)
