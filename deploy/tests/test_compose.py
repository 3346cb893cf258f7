"""What the compose file and the container recipe promise to whoever runs them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
RECIPE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
SERVICES = sorted(COMPOSE["services"])


def test_the_three_services_are_there() -> None:
    assert SERVICES == ["content", "gateway", "screening"]


def test_the_gateway_is_the_only_published_port_and_only_on_this_machine() -> None:
    published = {name: service.get("ports", []) for name, service in COMPOSE["services"].items()}
    assert published == {"content": [], "screening": [], "gateway": ["127.0.0.1:${GATEWAY_PORT:-8080}:8000"]}
    assert COMPOSE["networks"]["inner"] == {"internal": True}
    assert [name for name in SERVICES if COMPOSE["services"][name]["networks"] != ["inner"]] == ["gateway"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["restart"] == "unless-stopped"
    assert "/readyz" in service["healthcheck"]["test"][-1]
    assert "privileged" not in service
    volumes = service.get("volumes", [])
    assert all(volume.endswith(":/site:ro") for volume in volumes), "what a site sets itself, for reading only"
    assert not volumes or name == "screening"


def test_a_service_starts_when_the_one_that_it_asks_is_ready() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in COMPOSE["services"].items()}
    healthy = {"condition": "service_healthy"}
    assert waits == {"content": {}, "screening": {"content": healthy}, "gateway": {"screening": healthy}}


def test_secrets_come_as_files_never_as_values() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("KEY|SECRET|TOKEN|PASSWORD|CLIENTS", name):
                assert name.endswith("_FILE")
                assert value.startswith("/run/secrets/")


def test_nothing_newer_than_docker_compose_1_29_is_used() -> None:
    assert COMPOSE["version"] == "3.8"
    assert "include" not in COMPOSE
    assert all("develop" not in service for service in COMPOSE["services"].values())


def test_the_image_runs_as_a_number_and_installs_by_hash() -> None:
    last_stage = RECIPE.rsplit("FROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage
    assert "pip" not in last_stage
    for line in re.findall(r"pip.* install .*-r .*", RECIPE):
        assert "--require-hashes" in line
        assert "--only-binary :all:" in line
