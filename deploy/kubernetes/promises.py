"""What every set of our Kubernetes documents must hold, whether it is read from the sources or rendered by kustomize.

`faults(documents)` says what is wrong, one line each; `arrows(documents)` who may talk to whom.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

Document = dict[str, Any]

NAME: Final = "app.kubernetes.io/name"
SERVING: Final = ("content", "gateway", "screening")
FROM_OUTSIDE: Final = frozenset({"ConfigMap clients", "Secret gateway-tls"})
"""What the documents refer to and a site makes itself; the other secrets are in `SECRETS`."""
SECRETS: Final = frozenset({"identity-key", "internal-key", "operator-token", "replay-url", "store-url"})
GRACEFUL_S: Final = 20
"""GRACEFUL_TIMEOUT of deploy/gunicorn.conf.py; a test holds them together."""
_SPARE_S: Final = 5
_HASH: Final = 10


@dataclass(frozen=True, slots=True, order=True)
class Arrow:
    """`source` may open connections to `target` at `port`. Neither is a pod's name: see `_peer`."""

    source: str
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class Workload:
    """What makes pods: its kind and name, the labels of its pods, and their spec."""

    kind: str
    name: str
    labels: dict[str, str]
    pod: Document

    @property
    def called(self) -> str:
        """The name by which policies know its pods."""
        return self.labels.get(NAME, self.name)

    @property
    def ports(self) -> dict[str, int]:
        """Name and number of each port that its containers tell of."""
        return {one["name"]: one["containerPort"] for box in self.pod["containers"] for one in box.get("ports", ())}


def workloads(documents: Iterable[Document]) -> list[Workload]:
    """All workloads among the documents."""
    return [
        Workload(one["kind"], one["metadata"]["name"], template.get("metadata", {}).get("labels", {}), template["spec"])
        for one in documents
        if (template := one.get("spec", {}).get("template"))
    ]


def faults(documents: list[Document]) -> list[str]:
    """What is wrong, in words; nothing in a good set."""
    made = workloads(documents)
    found = [f"twice: {name}" for name in _twice(f"{one['kind']} {one['metadata']['name']}" for one in documents)]
    for one in made:
        found += [f"{one.kind} {one.name}: {fault}" for fault in (*_rights(one), *_parts(one), *_ending(one))]
    return [*found, *_references(documents, made), *_selections(documents, made), *_numbers(documents, made)]


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _rights(one: Workload) -> Iterator[str]:
    """The restricted profile of Pod Security Standards, and what we ask beyond it."""
    pod, given = one.pod, one.pod.get("securityContext", {})
    if given.get("runAsNonRoot") is not True or not given.get("runAsUser"):
        yield "may run as root"
    if given.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "gets a token for the cluster"
    if pod.get("enableServiceLinks") is not False:
        yield "its environment is filled with addresses of services"
    if any(pod.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares something of its host"
    allowed = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim"}
    for volume in pod.get("volumes", ()):
        if not {*volume} - {"name"} <= allowed:
            yield f"volume {volume['name']} is of a kind that it does not need"
        if "emptyDir" in volume and not volume["emptyDir"].get("sizeLimit"):
            yield f"volume {volume['name']} has no limit"
    for box in [*pod["containers"], *pod.get("initContainers", ())]:
        own, resources = box.get("securityContext", {}), box.get("resources", {})
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            yield f"container {box['name']} may take more rights"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"container {box['name']} may write to its root"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"container {box['name']} keeps capabilities"
        if any({*resources.get(kind, ())} != {"cpu", "memory"} for kind in ("requests", "limits")):
            yield f"container {box['name']} takes what it likes"


def _parts(one: Workload) -> Iterator[str]:
    volumes = {volume["name"] for volume in one.pod.get("volumes", ())}
    for box in one.pod["containers"]:
        mounted = {mount["name"] for mount in box.get("volumeMounts", ())}
        if mounted != volumes:
            yield f"volumes and mounts differ: {sorted(mounted ^ volumes)}"
        if any("subPath" in mount for mount in box.get("volumeMounts", ())):
            yield "a subPath never shows a change"
        if any("valueFrom" in variable and "secretKeyRef" in variable["valueFrom"] for variable in box.get("env", ())):
            yield "a secret stands in the environment"
        probes = [box[probe] for probe in ("startupProbe", "livenessProbe", "readinessProbe") if probe in box]
        if one.kind == "Deployment" and len(probes) != 3:
            yield f"container {box['name']} has {len(probes)} of 3 probes"
        for probe in probes:
            if probe["httpGet"]["port"] not in one.ports:
                yield f"a probe asks port {probe['httpGet']['port']}, which is not there"


def _ending(one: Workload) -> Iterator[str]:
    if one.name not in SERVING:
        return
    (box,) = one.pod["containers"]
    command = box.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])
    if int(command[1]) < 1:
        yield "ends before others have heard of it"
    if one.pod.get("terminationGracePeriodSeconds", 30) < int(command[1]) + GRACEFUL_S + _SPARE_S:
        yield "is ended before its calls are"


def _references(documents: list[Document], made: list[Workload]) -> Iterator[str]:
    """Names of ConfigMaps, Secrets, accounts, claims and services that nobody has made."""
    there = {f"{one['kind']} {one['metadata']['name']}" for one in documents}
    # Those of the generators, as the sources call them: without the hash.
    there |= {name[: -_HASH - 1] for name in there if name.startswith(("ConfigMap ", "Secret "))}
    there |= {*FROM_OUTSIDE, *(f"Secret {name}" for name in SECRETS)}
    for one in made:
        for wanted in _wanted(one.pod):
            if wanted not in there:
                yield f"{one.kind} {one.name}: there is no {wanted}"
    for ingress in (one for one in documents if one["kind"] == "Ingress"):
        hosts = {host for entry in ingress["spec"].get("tls", ()) for host in entry["hosts"]}
        for rule in ingress["spec"]["rules"]:
            if rule.get("host") not in hosts:
                yield f"Ingress: {rule.get('host')} is served without TLS"
            for path in rule["http"]["paths"]:
                name, port = path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"]
                service = next((s for s in documents if (s["kind"], s["metadata"]["name"]) == ("Service", name)), None)
                if service is None or port not in {one["name"] for one in service["spec"]["ports"]}:
                    yield f"Ingress: there is no port {port} of Service {name}"


def _wanted(pod: Document) -> Iterator[str]:
    yield f"ServiceAccount {pod.get('serviceAccountName', 'default')}"
    for box in pod["containers"]:
        yield from (
            f"ConfigMap {one['configMapRef']['name']}" for one in box.get("envFrom", ()) if "configMapRef" in one
        )
    for volume in pod.get("volumes", ()):
        if "persistentVolumeClaim" in volume:
            yield f"PersistentVolumeClaim {volume['persistentVolumeClaim']['claimName']}"
        for source in [volume, *volume.get("projected", {}).get("sources", ())]:
            if "configMap" in source and not source["configMap"].get("optional"):
                yield f"ConfigMap {source['configMap']['name']}"
            if "secret" in source:
                yield f"Secret {source['secret'].get('name') or source['secret']['secretName']}"


def _selections(documents: list[Document], made: list[Workload]) -> Iterator[str]:
    """Selectors that fit no pod, or a port that is not there."""
    for one in documents:
        called, spec = f"{one['kind']} {one['metadata']['name']}", one.get("spec", {})
        if one["kind"] == "Deployment":
            labels = spec["template"]["metadata"]["labels"]
            spread = spec["template"]["spec"].get("topologySpreadConstraints", ())
            for selector in [spec["selector"], *(each["labelSelector"] for each in spread)]:
                if not _fits(selector, labels):
                    yield f"{called}: a selector does not fit its own pods"
        if one["kind"] == "Service":
            chosen = [each for each in made if _fits({"matchLabels": spec["selector"]}, each.labels)]
            # Services for metrics go beside any overlay, so their pods may be elsewhere.
            if len(chosen) != 1 and spec.get("clusterIP") != "None":
                yield f"{called}: fits {len(chosen)} workloads"
            for port in spec["ports"] if len(chosen) == 1 else ():
                if port["targetPort"] not in chosen[0].ports:
                    yield f"{called}: there is no port {port['targetPort']}"
        if one["kind"] == "PodDisruptionBudget" and not any(_fits(spec["selector"], each.labels) for each in made):
            yield f"{called}: fits no workload"


def _numbers(documents: list[Document], made: list[Workload]) -> Iterator[str]:
    """Of what serves there are at least two, somebody says how many, and one is left when nodes are emptied."""
    scaled = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in documents if "Autoscaler" in one["kind"]}
    budgets = {one["metadata"]["name"] for one in documents if one["kind"] == "PodDisruptionBudget"}
    for one in documents:
        if one["kind"] != "Deployment" or one["metadata"]["name"] not in SERVING:
            continue
        name, said = one["metadata"]["name"], one["spec"].get("replicas")
        if (said is None) != (name in scaled):
            yield f"Deployment {name}: its number is said by nobody, or twice"
        least = said if said is not None else scaled.get(name, {}).get("minReplicas", 2)
        if least < 2 or name not in budgets:
            yield f"Deployment {name}: the last one may be taken away"
    for name in scaled.keys() - {one.name for one in made}:
        yield f"HorizontalPodAutoscaler: there is no {name}"


def _fits(selector: Document, labels: dict[str, str]) -> bool:
    for each in selector.get("matchExpressions", ()):
        if each["operator"] != "In" or labels.get(each["key"]) not in each["values"]:
            return False
    return {*selector.get("matchLabels", {}).items()} <= {*labels.items()}


def isolated(documents: list[Document]) -> bool:
    """Whether a policy denies everybody everything that no other policy allows."""
    return any(
        one["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        for one in documents
        if one["kind"] == "NetworkPolicy"
    )


def arrows(documents: list[Document], direction: str) -> set[Arrow]:
    """What the policies allow, as "ingress" or "egress" rules say it.

    Pods are called by the name in `NAME`; others `namespace NAME`, `NAME in NAMESPACE`, an address block as it is
    written, and `everybody`.
    """
    found: set[Arrow] = set()
    for policy in (one["spec"] for one in documents if one["kind"] == "NetworkPolicy"):
        own = _names(policy["podSelector"])
        for rule in policy.get(direction) or ():
            peers = [name for peer in rule.get("from" if direction == "ingress" else "to", ()) for name in _peer(peer)]
            ports = [port["port"] for port in rule.get("ports", ())] or [0]
            for name, peer, port in product(own, peers or ["everybody"], ports):
                found.add(Arrow(peer, name, port) if direction == "ingress" else Arrow(name, peer, port))
    return found


def _names(selector: Document) -> list[str]:
    named = [selector["matchLabels"][NAME]] if NAME in selector.get("matchLabels", {}) else []
    return [*named, *(name for one in selector.get("matchExpressions", ()) for name in one["values"])] or ["everybody"]


def _peer(peer: Document) -> list[str]:
    if "ipBlock" in peer:
        return [peer["ipBlock"]["cidr"]]
    space = "".join(peer.get("namespaceSelector", {}).get("matchLabels", {}).values())
    if "podSelector" not in peer:
        return [f"namespace {space or 'any'}"]
    pods = _names(peer["podSelector"])
    if pods == ["everybody"]:
        pods = ["".join(peer["podSelector"].get("matchLabels", {}).values()) or "everybody"]
    if "namespaceSelector" not in peer:
        return pods
    return [f"{name} in {space or 'any'}" for name in pods]
