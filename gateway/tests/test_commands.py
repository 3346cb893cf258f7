"""The command `clients`: what it says, what it makes, and what it leaves alone."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from gateway import clients, commands
from gateway.settings import PRODUCTION, load

URL = "http://localhost:8080/cds-services"
ISSUER = "https://ehr.example"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def minted(tmp_path: Path) -> Path:
    assert commands.main(["mint", str(tmp_path / "m"), "--issuer", ISSUER, "--name", "ehr"]) == 0
    return tmp_path / "m"


def test_a_good_file_is_summed_up(tmp_path: Path, minted: Path, capsys: Any) -> None:
    (entry,) = yaml.safe_load((minted / "clients.yaml").read_text())
    whole = {
        "client": "epic-site", "issuer": "https://epic.example", "jwksUrl": "https://epic.example/jwks",
        "dialect": "epic",
        "audiences": ["typed by hand"], "tenants": ["north"], "services": ["dystonia-patient-view"],
        "fhirServers": ["https://*.epic.example/r4"], "origins": ["https://epic.example"],
        "rateLimit": {"perMinute": 60, "burst": 5}, "prefetchKeys": {"labs_vitamin_b12": "B12"},
        "overrideReasons": {"45": "not-indicated"},
    }  # fmt: skip
    path = tmp_path / "clients.yaml"
    path.write_text(yaml.safe_dump([entry, whole]))
    capsys.readouterr()
    assert commands.main(["check", str(path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2 clients, nothing at fault"
    first, second = "\n".join(said).split("\n\n")[1:]
    kid = entry["jwks"]["keys"][0]["kid"]
    for part in (ISSUER, f"{kid} (ES384)", "all", "strict", "none: only what prefetch brings", "no limit"):
        assert part in first
    for part in (
        "fetched from https://epic.example/jwks", "epic", "typed by hand, the address that is called", "north",
        "dystonia-patient-view", "https://*.epic.example/r4", "60 a minute, 5 at once", "labs_vitamin_b12 = B12",
        "45 = not-indicated",
    ):  # fmt: skip
        assert part in second


def test_a_faulty_file_is_told_with_all_its_faults(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text("".join(f"- client: c{n}\n  issuer: i{n}\n" for n in range(25)))
    assert commands.main(["check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    said = err.splitlines()
    assert said[0] == "line 1: entry c0: must have exactly one of jwks, jwksFile, jwksUrl; it has 0"
    assert len(said) == 21
    assert said[-1] == "and 5 more"


@pytest.mark.parametrize("argv", [["check", "none.yaml"], ["token", "--key", "none", "--issuer", "i", "--aud", "a"]])
def test_a_file_that_is_not_there_is_said_on_one_line(argv: list[str], capsys: Any) -> None:
    assert commands.main(argv) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_minted_key_and_entry_fit_each_other_and_a_token(tmp_path: Path, capsys: Any, algorithm: str) -> None:
    folder = tmp_path / "made" / "here"
    assert commands.main(["mint", str(folder), "--issuer", ISSUER, "--name", "ehr", "--alg", algorithm]) == 0
    key_file = folder / "ehr-key.json"
    assert (mode(folder), mode(key_file), mode(folder / "clients.yaml")) == (0o700, 0o600, 0o600)
    assert mode(folder.parent) == 0o700
    file = clients.read(str(folder / "clients.yaml"))
    assert file.faults == ()
    (client,) = file.clients
    capsys.readouterr()
    ask = ["token", "--key", str(key_file), "--issuer", ISSUER, "--aud", URL, "--tenant", "north"]
    assert commands.main(ask) == 0
    token = capsys.readouterr().out.strip()
    header = jwt.get_unverified_header(token)
    (key,) = client.keys[header["kid"]]
    assert (header["alg"], header["typ"], key.algorithm) == (algorithm, "JWT", algorithm)
    claims = jwt.decode(token, key.jwk, algorithms=[algorithm], audience=URL, issuer=ISSUER)
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iat"] <= time.time()
    assert claims["tenant"] == "north"
    assert commands.main(ask) == 0
    again = jwt.decode(capsys.readouterr().out.strip(), key.jwk, algorithms=[algorithm], audience=URL)
    assert again["jti"] != claims["jti"]


def test_a_private_member_never_gets_into_an_entry(minted: Path) -> None:
    private = json.loads((minted / "ehr-key.json").read_text())
    assert private["d"]
    assert private["d"] not in (minted / "clients.yaml").read_text()


def test_minting_overwrites_nothing(minted: Path, capsys: Any) -> None:
    before = {path: path.read_text() for path in minted.iterdir()}
    assert commands.main(["mint", str(minted), "--issuer", ISSUER, "--name", "ehr"]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert {path: path.read_text() for path in minted.iterdir()} == before


@pytest.mark.parametrize("wrong", [["--name", "a/b"], ["--issuer", "a\nb"]])
def test_minting_refuses_what_no_file_could_say(tmp_path: Path, wrong: list[str]) -> None:
    given = {"--name": "ehr", "--issuer": ISSUER, wrong[0]: wrong[1]}
    assert commands.main(["mint", str(tmp_path / "m"), *(part for pair in given.items() for part in pair)]) == 2
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"kty": "EC", "kid": "Sentinel-1"}', "public"])
def test_a_token_needs_a_private_key(tmp_path: Path, minted: Path, capsys: Any, content: str) -> None:
    if content == "public":
        content = json.dumps(yaml.safe_load((minted / "clients.yaml").read_text())[0]["jwks"]["keys"][0])
    path = tmp_path / "key.json"
    path.write_text(content)
    capsys.readouterr()
    assert commands.main(["token", "--key", str(path), "--issuer", ISSUER, "--aud", URL]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("the key file ")
    assert "Sentinel" not in err


def test_a_try_out_gets_all_that_production_asks_for(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "try"
    assert commands.main(["try", str(folder)]) == 0
    made = {path.name: mode(path) for path in folder.iterdir()}
    assert made == dict.fromkeys(
        ["clients.yaml", "identity.key", "internal.key", "operator.token", "try-key.json"], 0o600
    )
    assert mode(folder) == 0o700
    secrets = {(folder / name).read_text().strip() for name in ("identity.key", "internal.key", "operator.token")}
    assert len(secrets) == 3
    assert all(len(secret) == 64 for secret in secrets)
    told = capsys.readouterr().out
    assert "docker-compose --profile try up --build try" in told
    assert "curl -H" in told
    assert not any(secret in told for secret in secrets)
    settings = load({"CLIENTS_FILE": str(folder / "clients.yaml"), "INTERNAL_KEY_FILE": str(folder / "internal.key")})
    assert settings.deployment == PRODUCTION
    assert [client.name for client in settings.clients] == ["try"]


def test_a_second_time_keeps_what_is_there_and_adds_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "try"
    assert commands.main(["try", str(folder)]) == 0
    before = {path.name: path.read_text() for path in folder.iterdir()}
    (folder / "internal.key").unlink()
    (folder / "clients.yaml").unlink()
    assert commands.main(["try", str(folder)]) == 0
    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert after["internal.key"] != before["internal.key"]
    assert {**after, "internal.key": ""} == {**before, "internal.key": ""}
    (folder / "try-key.json").unlink()
    assert commands.main(["try", str(folder)]) == 2


def test_next_steps_fit_the_place_the_port_and_the_owner(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_PORT", "9090")
    monkeypatch.setattr(commands, "CONTAINER_USER", (os.getuid(), os.getgid()))
    assert commands.main(["try", "var/try"]) == 0
    told = capsys.readouterr().out
    assert "  GATEWAY_PORT=9090 docker-compose --profile try" in told
    assert 'curl -H "Authorization: Bearer $TOKEN" http://localhost:9090/cds-services' in told
    monkeypatch.setattr(os, "getuid", lambda: 1)
    monkeypatch.setattr(commands, "CONTAINER_USER", (-1, -1))
    assert commands.main(["try", "elsewhere"]) == 0
    told = capsys.readouterr().out
    owner = (tmp_path / "elsewhere").stat()
    assert f"  TRY_DIR={tmp_path}/elsewhere TRY_USER={owner.st_uid}:{owner.st_gid} GATEWAY_PORT=9090 docker" in told


def test_it_runs_as_a_module_and_as_a_script(minted: Path) -> None:
    script = Path(sys.executable).with_name("clients")
    for program in ([sys.executable, "-m", "gateway.commands"], [str(script)]):
        done = subprocess.run(  # noqa: S603
            [*program, "check", str(minted / "clients.yaml")], capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("1 client, nothing at fault\n\nehr\n")
