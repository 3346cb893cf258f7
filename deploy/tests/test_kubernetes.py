"""What deploy/kubernetes promises, read from its sources; make kubernetes renders it and asks the schemas.

The table of arrows is that of the design: who may talk to whom, and nobody else.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

import content.settings
import gateway
import gateway.settings
import screening.settings
from chassis.environment import Environment, SettingsError
from gateway import clients
from screening.knowledge import rule_modes_file
from screening.store import commands

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "kubernetes"
BASE = HERE / "base"
SITE = HERE / "overlays" / "site-example"
promises: Any = importlib.import_module("promises")

Document = dict[str, Any]
KUSTOMIZATIONS = sorted([*HERE.rglob("kustomization.yaml"), ROOT / "deploy" / "monitoring" / "kustomization.yaml"])
GUNICORN = (ROOT / "deploy" / "gunicorn.conf.py").read_text("utf-8")
OF_GUNICORN = {*re.findall(r'_env\.\w+\("([A-Z_]+)"', GUNICORN)}
COMPOSE: Document = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVING = ("content", "gateway", "screening")
DNS = "kube-dns in kube-system"


def documents(path: Path) -> list[Document]:
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


def settings_in(lines: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (one.partition("=") for one in lines if one and one[0] != "#")}


def generated(kustomization: Document, folder: Path) -> list[Document]:
    """The ConfigMaps that a kustomization makes, without the hash in their names."""
    made = []
    for one in kustomization.get("configMapGenerator", ()):
        lines = [*one.get("literals", ()), *(line for name in one.get("envs", ()) for line in read(folder / name))]
        data = settings_in(lines) | {
            Path(name).name: (folder / name).read_text("utf-8") for name in one.get("files", ())
        }
        made.append({"kind": "ConfigMap", "metadata": {"name": one["name"]}, "data": data})
    return made


def read(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def whole(folder: Path) -> list[Document]:
    """What a kustomization holds itself, without patches and other folders."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    files = [folder / name for name in kustomization.get("resources", ()) if (folder / name).is_file()]
    return [*(one for path in files for one in documents(path)), *generated(kustomization, folder)]


DOCUMENTS = whole(BASE)
BESIDE = [*whole(HERE / "overlays" / "monitoring"), *whole(ROOT / "deploy" / "monitoring")]
SETTINGS = {one["metadata"]["name"]: one["data"] for one in DOCUMENTS if one["kind"] == "ConfigMap"}
WORKLOADS = {one.name.partition("-")[0]: one for one in promises.workloads(DOCUMENTS)}


def named(kind: str, name: str, given: list[Document] = DOCUMENTS) -> Document:
    (found,) = [one for one in given if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def test_base_and_prometheus_keep_every_promise() -> None:
    assert promises.faults([*DOCUMENTS, *BESIDE]) == []
    assert {*WORKLOADS} == {"content", "gateway", "migrate", "screening"}


def pod(name: str, given: list[Document]) -> Document:
    found: Document = next(one for one in promises.workloads(given) if one.name == name).pod
    return found


BREAKS: dict[str, Callable[[list[Document]], Any]] = {
    "may run as root": lambda all_: pod("gateway", all_)["securityContext"].pop("runAsNonRoot"),
    "no seccomp profile": lambda all_: pod("content", all_)["securityContext"].pop("seccompProfile"),
    "gets a token for the cluster": lambda all_: pod("gateway", all_).pop("automountServiceAccountToken"),
    "filled with addresses of services": lambda all_: pod("screening", all_).pop("enableServiceLinks"),
    "shares something of its host": lambda all_: pod("gateway", all_).update(hostNetwork=True),
    "of a kind that it does not need": lambda all_: pod("gateway", all_)["volumes"][-1].update(hostPath={"path": "/"}),
    "has no limit": lambda all_: pod("screening", all_)["volumes"][-1].update(emptyDir={}),
    "may write to its root": lambda all_: box("content", all_)["securityContext"].pop("readOnlyRootFilesystem"),
    "may take more rights": lambda all_: box("content", all_)["securityContext"].update(privileged=True),
    "keeps capabilities": lambda all_: box("gateway", all_)["securityContext"]["capabilities"].update(add=["NET_RAW"]),
    "takes what it likes": lambda all_: box("gateway", all_)["resources"]["limits"].pop("memory"),
    "has 2 of 3 probes": lambda all_: box("gateway", all_).pop("readinessProbe"),
    "which is not there": lambda all_: box("gateway", all_)["livenessProbe"]["httpGet"].update(port="web"),
    "volumes and mounts differ": lambda all_: box("gateway", all_)["volumeMounts"].pop(),
    "a subPath never": lambda all_: box("gateway", all_)["volumeMounts"][1].update(subPath="clients.yaml"),
    "in the environment": lambda all_: box("gateway", all_).update(env=[{"valueFrom": {"secretKeyRef": {}}}]),
    "is ended before its calls": lambda all_: pod("screening", all_).update(terminationGracePeriodSeconds=25),
    "before others have heard": lambda all_: box("screening", all_).pop("lifecycle"),
    "there is no ConfigMap": lambda all_: box("content", all_)["envFrom"].append({"configMapRef": {"name": "other"}}),
    "there is no ServiceAccount": lambda all_: pod("content", all_).update(serviceAccountName="default"),
    "served without TLS": lambda all_: named("Ingress", "gateway", all_)["spec"].pop("tls"),
    "there is no port web": lambda all_: named("Service", "gateway", all_)["spec"]["ports"][0].update(targetPort="web"),
    "fits 0 workloads": lambda all_: named("Service", "gateway", all_)["spec"].update(selector={"app": "gateway"}),
    "does not fit its own pods": lambda all_: named("Deployment", "content", all_)["spec"]["selector"].update(
        matchLabels={"app": "content"}
    ),
    "said by nobody, or twice": lambda all_: named("Deployment", "gateway", all_)["spec"].update(replicas=2),
    "the last one may be taken": lambda all_: all_.remove(named("PodDisruptionBudget", "content", all_)),
    "twice:": lambda all_: all_.append(named("Service", "content", all_)),
}


def box(name: str, given: list[Document]) -> Document:
    (only,) = pod(name, given)["containers"]
    found: Document = only
    return found


@pytest.mark.parametrize("words", BREAKS)
def test_what_is_broken_is_noticed(words: str) -> None:
    broken = deepcopy(DOCUMENTS)
    BREAKS[words](broken)
    assert any(words in fault for fault in promises.faults(broken))


# Who opens connections to whom, from docs/architecture.svg. Those to addresses are what site-example adds.
CONTROLLER = ("namespace ingress-controller", "gateway", 8000)
INSIDE = {
    CONTROLLER,
    ("gateway", "screening", 8000),
    ("gateway", "content", 8000),
    ("screening", "content", 8000),
    *(("prometheus", name, 9100) for name in SERVING),
    *(("prometheus in monitoring", name, 9100) for name in SERVING),
    ("prometheus", "alertmanager in monitoring", 9093),
    *((name, DNS, 53) for name in ("gateway", "screening", "migrate", "prometheus")),
}
OUTSIDE = {
    *((name, "192.0.2.10/32", 5432) for name in ("gateway", "screening", "migrate")),
    ("screening", "198.51.100.0/28", 443),
    ("gateway", "203.0.113.20/32", 443),
    ("namespace nginx-ingress", "gateway", 8000),
}


def arrows(given: list[Document]) -> set[tuple[str, str, int]]:
    """The arrows of all policies: between two pods only where the one may send and the other receive."""
    sent, received = ({*promises.arrows(given, direction)} for direction in ("egress", "ingress"))
    pods = {*WORKLOADS, "prometheus"}
    half = {one for one in sent ^ received if one.source in pods and one.target in pods}
    assert not half, "one side allows what the other does not"
    return {(one.source, one.target, one.port) for one in sent | received}


def test_nobody_may_talk_but_along_the_arrows_of_the_design() -> None:
    assert promises.isolated(DOCUMENTS)
    assert arrows([*DOCUMENTS, *BESIDE]) == INSIDE


def test_spans_may_go_to_the_collector_and_nowhere_else() -> None:
    beside = [*BESIDE, *whole(HERE / "overlays" / "tracing")]
    assert arrows([*DOCUMENTS, *beside]) == INSIDE | {
        *((name, "collector in tracing", 4318) for name in SERVING),
        ("content", DNS, 53),
    }


def test_nothing_leads_out_until_a_site_names_addresses() -> None:
    changes = {one["metadata"]["name"]: one["spec"] for one in documents(SITE / "addresses.yaml")}
    policies = [one for one in [*DOCUMENTS, *BESIDE] if one["kind"] == "NetworkPolicy"]
    assert {*changes} <= {one["metadata"]["name"] for one in policies}
    there = [{**one, "spec": {**one["spec"], **changes.get(one["metadata"]["name"], {})}} for one in policies]
    assert arrows(there) == (INSIDE - {CONTROLLER}) | OUTSIDE


def test_the_namespace_takes_restricted_pods_only() -> None:
    labels = named("Namespace", "dystonia-cds")["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT / "deploy")) for path in KUSTOMIZATIONS])
def test_every_file_that_a_kustomization_names_is_there(path: str) -> None:
    folder = (ROOT / "deploy" / path).parent
    one = yaml.safe_load((ROOT / "deploy" / path).read_text("utf-8"))
    generators = one.get("configMapGenerator", ())
    files = [*one.get("resources", ()), *(patch["path"] for patch in one.get("patches", ()) if "path" in patch)]
    files += [name for each in generators for kind in ("files", "envs") for name in each.get(kind, ())]
    assert files
    assert [name for name in files if not (folder / name).exists()] == []
    assert all((folder / name / "kustomization.yaml").is_file() for name in files if (folder / name).is_dir())
    assert {each["name"] for each in one.get("images", ())} <= {
        "prom/prometheus",
        *(f"dystonia-cds/{n}" for n in SERVING),
    }


@pytest.mark.parametrize("overlay", ["small", "large", "site-example"])
def test_every_patch_fits_something(overlay: str) -> None:
    one = yaml.safe_load((HERE / "overlays" / overlay / "kustomization.yaml").read_text("utf-8"))
    everything = {(each["kind"], each["metadata"]["name"]) for each in [*DOCUMENTS, *BESIDE]}
    for target in (patch["target"] for patch in one["patches"] if "target" in patch):
        fits = {
            name for kind, name in everything if kind == target["kind"] and re.fullmatch(target.get("name", ".*"), name)
        }
        assert len(fits) == len(target.get("name", "gateway|screening").split("|")), target
    files = [HERE / "overlays" / overlay / patch["path"] for patch in one["patches"] if "path" in patch]
    assert {(each["kind"], each["metadata"]["name"]) for path in files for each in documents(path)} <= everything


def test_no_secret_is_kept_here() -> None:
    for path in HERE.rglob("*.yaml"):
        for one in documents(path):
            if isinstance(one, dict):  # a clients file is a list
                assert one.get("kind") != "Secret", path
                assert all({*secret} <= {"name", "files", "options"} for secret in one.get("secretGenerator", ()))
    made = yaml.safe_load((SITE / "kustomization.yaml").read_text("utf-8"))["secretGenerator"]
    assert {one["name"] for one in made} == promises.SECRETS
    assert all(name.startswith("secrets/") for one in made for name in one["files"])
    assert "/secrets/" in read(SITE / ".gitignore")
    # The same files as docker-compose takes, but for what is its own database's.
    files = {
        path.rpartition("/")[2] for path in (one["file"] for one in COMPOSE["secrets"].values()) if "TRY" not in path
    }
    assert {Path(name).name for one in made for name in one["files"]} == files - {"database.password"}


def asked(load: Callable[[Mapping[str, str]], Any], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of all settings that a service asks its environment for."""
    found: set[str] = set()
    plain = Environment._get_value

    def noted(self: Environment, env_key: str, default: Any) -> Any:
        found.update({env_key, f"{env_key}_FILE"})
        return plain(self, env_key, default)

    monkeypatch.setattr(Environment, "_get_value", noted)
    with pytest.raises(SettingsError):
        load({})
    return found


KNOWN: dict[str, Callable[[Mapping[str, str]], Any]] = {
    "content": content.settings.load,
    "gateway": gateway.settings.load,
    "screening": screening.settings.load,
    "migrate": commands._opened,
}


@pytest.mark.parametrize("name", KNOWN)
def test_every_setting_is_one_that_the_service_knows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = WORKLOADS[name].pod["containers"]
    given = {key for one in container["envFrom"] for key in SETTINGS[one["configMapRef"]["name"]]}
    site = yaml.safe_load((SITE / "kustomization.yaml").read_text("utf-8"))
    added = {one["metadata"]["name"]: {*one["data"]} for one in generated(site, SITE)}
    given |= {key for one in container["envFrom"] for key in added.get(one["configMapRef"]["name"], ())}
    known = asked(KNOWN[name], monkeypatch) | (OF_GUNICORN if name in SERVING else set())
    assert given
    assert given <= known
    assert {"METRICS_PORT", "METRICS_BIND"} <= given or name not in SERVING
    # A file that a setting names lies in a folder that is mounted, and a secret's under the name it is mounted by.
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}
    values = {
        key: value for one in container["envFrom"] for key, value in SETTINGS[one["configMapRef"]["name"]].items()
    }
    files = {value for key, value in values.items() if key.endswith("_FILE")}
    assert {str(Path(file).parent) for file in files} <= folders
    (secrets,) = [one["projected"] for one in WORKLOADS[name].pod["volumes"] if one["name"] == "secrets"]
    mounted = {f"/secrets/{item['path']}" for one in secrets["sources"] for item in one["secret"]["items"]}
    assert {file for file in files if file.startswith("/secrets/")} == mounted
    assert secrets["defaultMode"] == 0o440


@pytest.mark.parametrize("name", KNOWN)
def test_the_services_start_with_what_they_are_given(name: str, tmp_path: Path) -> None:
    addresses = {"store.url": "postgresql://screening:none@database.example/screening?sslmode=verify-full"}
    addresses["replay.url"] = "postgresql://gateway:none@database.example/gateway?sslmode=verify-full"
    given: dict[str, str] = {}
    for one in WORKLOADS[name].pod["containers"][0]["envFrom"]:
        given |= SETTINGS[one["configMapRef"]["name"]]
    for key, value in given.items():
        folder, _, file = value[1:].partition("/")
        if folder == "secrets":
            (tmp_path / file).write_text(addresses.get(file, "synthetic" * 8), "utf-8")
            given[key] = str(tmp_path / file)
        if folder == "clients":
            given[key] = str(SITE / file)
    assert KNOWN[name](given)


def test_settings_are_those_of_compose_but_for_where_files_lie() -> None:
    for name in ("content", "gateway"):
        theirs = {key for key, value in COMPOSE["services"][name]["environment"].items() if not value.startswith("${")}
        assert theirs - {"GATEWAY_PORT"} <= {*SETTINGS[f"{name}-settings"]}


def test_the_release_is_that_of_the_code_everywhere() -> None:
    for folder in (BASE, SITE):
        images = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["images"]
        assert {one["name"] for one in images} == {f"dystonia-cds/{name}" for name in SERVING}
        assert {one["newTag"] for one in images} == {gateway.__version__}
    # Dashes: the name of a Job becomes part of the host names of its pods.
    assert WORKLOADS["migrate"].name == f"migrate-{gateway.__version__.replace('.', '-')}"
    (patch,) = [
        one["patch"]
        for one in yaml.safe_load((SITE / "kustomization.yaml").read_text("utf-8"))["patches"]
        if one.get("target", {}).get("kind") == "Job"
    ]
    assert yaml.safe_load(patch)[0]["value"] == WORKLOADS["migrate"].name


def test_what_the_migration_needs_can_be_applied_first() -> None:
    label = {"app.kubernetes.io/component": "migration"}
    site = yaml.safe_load((SITE / "kustomization.yaml").read_text("utf-8"))
    base = yaml.safe_load((BASE / "kustomization.yaml").read_text("utf-8"))
    made = [*base["configMapGenerator"], *site["secretGenerator"]]
    first = {one["name"] for one in made if one.get("options", {}).get("labels") == label}
    assert first == {"migrate-settings", "identity-key", "store-url"}
    job, account = (
        named(kind, name) for kind, name in (("Job", WORKLOADS["migrate"].name), ("ServiceAccount", "migrate"))
    )
    assert all(one["metadata"]["labels"].items() >= label.items() for one in (job, account))


def test_the_image_of_a_workload_is_its_own_and_has_no_tag_of_its_own() -> None:
    images = {name: one.pod["containers"][0]["image"] for name, one in WORKLOADS.items()}
    assert images == {**{name: f"dystonia-cds/{name}" for name in SERVING}, "migrate": "dystonia-cds/screening"}
    assert WORKLOADS["migrate"].pod["containers"][0]["command"] == COMPOSE["services"]["migrate"]["command"]


def test_pods_end_after_their_calls() -> None:
    assert f'"GRACEFUL_TIMEOUT", {promises.GRACEFUL_S},' in GUNICORN


def test_the_ingress_lets_the_gateway_say_what_is_too_large() -> None:
    said = named("Ingress", "gateway")["metadata"]["annotations"]
    for name in ("nginx.org/client-max-body-size", "nginx.ingress.kubernetes.io/proxy-body-size"):
        assert int(said[name].removesuffix("m")) * 2**20 > gateway.settings.Settings(internal_keys=()).max_body
    assert said["nginx.ingress.kubernetes.io/proxy-next-upstream"] == "error"
    buffers = {value for name, value in said.items() if name.endswith("client-body-buffer-size")}
    assert buffers == {said["nginx.org/client-max-body-size"]}, "a larger body would be written to a disk"


def test_a_password_of_the_registry_goes_to_all_accounts() -> None:
    """The example has it as a comment; what stands there is a patch that fits."""
    text = (SITE / "kustomization.yaml").read_text("utf-8")
    plain = re.sub(r"^  # (?=- target: \{kind: ServiceAccount|  patch: \||    - \{op)", "  ", text, flags=re.MULTILINE)
    (patch,) = [
        one for one in yaml.safe_load(plain)["patches"] if one.get("target", {}).get("kind") == "ServiceAccount"
    ]
    assert patch["target"] == {"kind": "ServiceAccount"}
    assert yaml.safe_load(patch["patch"]) == [
        {"op": "add", "path": "/imagePullSecrets", "value": [{"name": "registry"}]}
    ]


def test_what_a_site_may_change_without_a_restart_keeps_its_name() -> None:
    made = {
        one["name"]: one
        for one in yaml.safe_load((SITE / "kustomization.yaml").read_text("utf-8"))["configMapGenerator"]
    }
    fixed = {name for name, one in made.items() if one.get("options", {}).get("disableNameSuffixHash")}
    assert fixed == {"clients", "site"}


def test_the_files_of_the_example_are_read_without_a_fault() -> None:
    file = clients.read(str(SITE / "clients.yaml"))
    assert file.faults == ()
    assert [client.name for client in file.clients] == ["example-ehr"]
    assert not rule_modes_file.read(str(SITE / "rule-modes.yaml")).faults


def test_prometheus_asks_the_same_jobs_as_beside_compose() -> None:
    """Here by names that stand for all pods; beside compose each container has a name of its own."""
    ours = yaml.safe_load((HERE / "overlays" / "monitoring" / "prometheus.yml").read_text("utf-8"))
    theirs = yaml.safe_load((ROOT / "deploy" / "monitoring" / "prometheus.yml").read_text("utf-8"))
    for job in ours["scrape_configs"]:
        (asked,) = job.pop("dns_sd_configs")
        assert asked == {"names": [f"{job['job_name']}-metrics"], "type": "A", "port": 9100, "refresh_interval": "15s"}
        assert named("Service", asked["names"][0], BESIDE)["spec"]["selector"] == {promises.NAME: job["job_name"]}
    for job in theirs["scrape_configs"]:
        assert all(target.endswith(":9100") for one in job.pop("static_configs") for target in one["targets"])
    assert ours == theirs
