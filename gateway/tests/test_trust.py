"""Settings of trust: defaults, secrets from files, and every fault named without its value."""

from pathlib import Path
from typing import Any

import pytest

from chassis.environment import SettingsError
from gateway.settings import load

TRY_OUT = {"DEPLOYMENT": "try-out", "INTERNAL_KEY": "synthetic-internal-synthetic-internal"}
SECRET = "synthetic-operator-synthetic-operator"


def test_defaults() -> None:
    trust = load(TRY_OUT).trust
    assert trust.state_dir == Path("var")
    assert trust.replay_store_url == ""
    assert trust.keys_kept == 86_400
    assert trust.tls_ca_file == ""
    assert trust.operator_tokens == ()


def test_everything_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "operator.token").write_text(f"{SECRET}-1\n\n  {SECRET}-2  \n")
    (tmp_path / "url").write_text("postgresql://cds:synthetic@db.example/cds\n")
    trust = load(
        {
            **TRY_OUT,
            "STATE_DIR": str(tmp_path),
            "REPLAY_STORE_URL_FILE": str(tmp_path / "url"),
            "KEYS_KEPT_S": "600",
            "OPERATOR_TOKEN_FILE": str(tmp_path / "operator.token"),
        }
    ).trust
    assert trust.state_dir == tmp_path
    assert trust.replay_store_url == "postgresql://cds:synthetic@db.example/cds"
    assert trust.keys_kept == 600
    assert trust.operator_tokens == (f"{SECRET}-1".encode(), f"{SECRET}-2".encode())
    assert "synthetic" not in repr(trust)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPERATOR_TOKEN", "short-sentinel"), ("OPERATOR_TOKEN", f"{SECRET}\nshort-sentinel"),
        ("OPERATOR_TOKEN", f"{SECRET}-sentinel-ü"), ("OPERATOR_TOKEN", f"{SECRET}\n{SECRET}\tsentinel"),
        ("OPERATOR_TOKEN_FILE", "no-such-file"), ("REPLAY_STORE_URL", "sentinel"),
        ("REPLAY_STORE_URL", "mysql://user:sentinel@host/x"), ("REPLAY_STORE_URL", "postgresql://u:sentinel@host/x?y=z"),
        ("TLS_CA_FILE", "no-such-file"), ("KEYS_KEPT_S", "1"), ("KEYS_KEPT_S", "long"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^settings at fault: {name}: ") as caught:
        load({**TRY_OUT, name: value})
    assert "sentinel" not in str(caught.value)


def test_a_file_of_authorities_must_hold_certificates(tmp_path: Any) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    for content in (tmp_path / "ca.pem", tmp_path):
        with pytest.raises(SettingsError, match="TLS_CA_FILE: must name a file of certificates in PEM"):
            load({**TRY_OUT, "TLS_CA_FILE": str(content)})
