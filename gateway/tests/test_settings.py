"""Settings: defaults, every refusal at once, and the one line at start."""

import json
import os
import subprocess
import sys
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chassis.environment import SettingsError
from gateway.limits import Limits
from gateway.settings import load

KEY = {"INTERNAL_KEY": "synthetic-internal-synthetic-internal"}
TRY_OUT = {"DEPLOYMENT": "try-out", **KEY}


@pytest.fixture
def clients_file(tmp_path: Any) -> str:
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)
    entry = {"client": "ehr", "issuer": "i", "origins": ["https://a.example"], "jwks": {"keys": [{**jwk, "kid": "1"}]}}
    path = tmp_path / "clients.json"
    path.write_text(json.dumps([entry]))
    return str(path)


def test_defaults_of_a_try_out() -> None:
    settings = load(TRY_OUT)
    assert settings.try_out
    assert settings.public_url == "http://localhost:8080"
    assert settings.upstreams == {"screening": "http://127.0.0.1:8081"}
    assert settings.content_url == "http://127.0.0.1:8082"
    assert settings.call_deadline == 5.0
    assert settings.max_body == 10_000_000
    assert settings.origins == set()
    assert settings.clients_file is None
    assert [client.name for client in settings.clients] == ["cds-hooks-sandbox"]


def test_ports_move_the_defaults() -> None:
    settings = load({**TRY_OUT, "GATEWAY_PORT": "1", "SCREENING_PORT": "2", "CONTENT_PORT": "3", "PUBLIC_URL": " "})
    assert settings.public_url == "http://localhost:1"
    assert settings.upstreams == {"screening": "http://127.0.0.1:2"}
    assert settings.content_url == "http://127.0.0.1:3"


def test_everything_can_be_set(clients_file: str) -> None:
    settings = load(
        {
            **KEY,
            "PUBLIC_URL": "https://cds.example/base/", "UPSTREAMS": "a=http://a:1/, b-2=https://b", "CONTENT_URL": "http://c",
            "CLIENTS_FILE": clients_file, "CORS_ORIGINS": "https://x.example, http://y.example:81",
            "CALL_DEADLINE_S": "2.5", "DISCOVERY_TTL_S": "30", "MAX_BODY_BYTES": "5000", "UPSTREAM_CONNECTIONS": "4",
            "LOG_LEVEL": "WARNING",
        }
    )  # fmt: skip
    assert not settings.try_out
    assert settings.public_url == "https://cds.example/base"
    assert settings.upstreams == {"a": "http://a:1", "b-2": "https://b"}
    assert settings.origins == {"https://x.example", "http://y.example:81"}
    assert settings.clients_file is not None
    assert settings.clients_file.path == clients_file
    assert settings.clients == settings.clients_file.clients
    assert [client.origins for client in settings.clients] == [{"https://a.example"}]
    assert (settings.call_deadline, settings.discovery_ttl, settings.max_body, settings.connections) == (
        2.5,
        30,
        5000,
        4,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEPLOYMENT", "Production"), ("GATEWAY_PORT", "x"), ("SCREENING_PORT", "0"), ("CONTENT_PORT", "70000"),
        ("PUBLIC_URL", "localhost:8080"), ("PUBLIC_URL", "http://a@b"), ("PUBLIC_URL", "http://a?b"),
        ("PUBLIC_URL", "http://a:x"), ("UPSTREAMS", "http://a"), ("UPSTREAMS", "a=b"), ("UPSTREAMS", "a=http://a,a=http://b"),
        ("UPSTREAMS", "a=http://a,"), ("CONTENT_URL", "ftp://c"), ("CORS_ORIGINS", "*"), ("CORS_ORIGINS", "https://a/b"),
        ("CORS_ORIGINS", "null"), ("CALL_DEADLINE_S", "0"), ("CALL_DEADLINE_S", "fast"), ("DISCOVERY_TTL_S", "0"),
        ("MAX_BODY_BYTES", "-1"), ("UPSTREAM_CONNECTIONS", "0"), ("LOG_LEVEL", "verbose"),
        ("CLIENTS_FILE", "clients.json"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^settings at fault: {name}: ") as caught:
        load({**TRY_OUT, name: value})
    assert ";" not in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"GATEWAY_PORT": "x", "PUBLIC_URL": "x", "UPSTREAMS": "x", "LOG_LEVEL": "x"})
    said = str(caught.value)
    named = {part.split(":")[0].strip() for part in said.removeprefix("settings at fault: ").split(";")}
    assert named == {"CLIENTS_FILE", "GATEWAY_PORT", "INTERNAL_KEY", "LOG_LEVEL", "PUBLIC_URL", "UPSTREAMS"}
    assert "\n" not in said


def test_production_needs_clients_and_https(clients_file: str) -> None:
    with pytest.raises(SettingsError, match=r": CLIENTS_FILE: must name the file"):
        load({})
    with pytest.raises(SettingsError, match=r": PUBLIC_URL: must be an https URL"):
        load({**KEY, "CLIENTS_FILE": clients_file, "PUBLIC_URL": "http://cds.example"})
    assert load({**KEY, "CLIENTS_FILE": clients_file}).public_url == "http://localhost:8080"


def test_a_start_that_fails_says_one_line() -> None:
    environ = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "VIRTUAL_ENV")}
    done = subprocess.run(
        [sys.executable, "-c", "import gateway.wsgi"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "gateway cannot start: settings at fault: CLIENTS_FILE: must name the file of trusted clients "
        "in production (or set DEPLOYMENT=try-out); INTERNAL_KEY: Environment variable not set."
    ]


def test_each_fault_of_the_clients_file_is_a_fault_of_its_own(tmp_path: Any) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text("- client: ehr\n  issuer: i\n  jwksUrl: http://ehr.example\n  dialect: cerner\n")
    with pytest.raises(SettingsError) as caught:
        load({**KEY, "CLIENTS_FILE": str(path)})
    assert str(caught.value).split("; ") == [
        "settings at fault: CLIENTS_FILE: line 3: entry ehr: jwksUrl: must be an https URL "
        "(http is accepted for localhost, 127.0.0.1 and [::1] only)",
        "CLIENTS_FILE: line 4: entry ehr: dialect: must be one of strict, sandbox, epic, oracle, athena",
    ]


def test_a_try_out_listens_on_this_machine_only() -> None:
    for bind in ("127.0.0.1:8080,[::1]:8080", "unix:/run/cds.sock", " "):
        assert load({**TRY_OUT, "BIND": bind}).try_out
    for environ in ({"BIND": "0.0.0.0:8080"}, {"BIND": "127.0.0.1:1,[::]:1"}, {"GUNICORN_CMD_ARGS": "--bind 0:1"}):
        with pytest.raises(SettingsError, match=r"^settings at fault: BIND: a try-out .* listens on 127") as caught:
            load({**TRY_OUT, **environ})
        assert "DEPLOYMENT=production" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_production_listens_where_it_is_told(clients_file: str) -> None:
    assert not load({**KEY, "CLIENTS_FILE": clients_file, "BIND": "0.0.0.0:8000"}).try_out


def test_each_limit_of_a_call_is_a_setting() -> None:
    named = {
        "MAX_JSON_CONTAINERS": "1001", "MAX_JSON_VALUES": "1002", "MAX_PREFETCH_KEYS": "2", "MAX_BUNDLE_ENTRIES": "3",
        "MAX_ALL_ENTRIES": "4", "MAX_DRAFT_ORDERS": "5", "MAX_SELECTIONS": "6", "MAX_FEEDBACK_ITEMS": "7",
    }  # fmt: skip
    assert load({**TRY_OUT, **named}).limits == Limits(1001, 1002, 2, 3, 4, 5, 6, 7)
    assert load(TRY_OUT).limits == Limits()
    for name in named:
        with pytest.raises(SettingsError, match=f": {name}: "):
            load({**TRY_OUT, name: "0"})


def test_the_audit_file_must_be_writable(tmp_path: Any) -> None:
    assert load(TRY_OUT).audit_file == "-"
    assert load({**TRY_OUT, "AUDIT_FILE": str(tmp_path / "a")}).audit_file == str(tmp_path / "a")
    with pytest.raises(SettingsError, match=r"^settings at fault: AUDIT_FILE: cannot be opened for appending"):
        load({**TRY_OUT, "AUDIT_FILE": str(tmp_path)})
