"""Checks the files that scripts/test-deploy.sh has rendered: python3 check.py RENDERED

RENDERED contains kubernetes/OVERLAY.yaml (from kustomize) and compose/ENGINE.yaml (from docker-compose). Prints a line for each fault
and exits with 1 if there is one.
"""

import json
import pathlib
import re
import sys

import jsonschema
import kubernetes_validate
import yaml

# The newest release of Kubernetes that kubernetes-validate knows, and the oldest that Cupel supports.
VERSIONS = [kubernetes_validate.latest_version(), "1.30"]

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
faults = []


def fault(where, what):
    faults.append(f"{where}: {what}")


def workload_rules(where, document):
    """Rules for every workload of Cupel, in addition to the Kubernetes schema."""
    pod = document["spec"]["template"]["spec"]
    component = document["metadata"]["labels"]["app.kubernetes.io/component"]
    if pod.get("automountServiceAccountToken") is not False:
        fault(where, "mounts a token for the cluster's API (automountServiceAccountToken is not false)")
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            fault(where, f"sets {key}")
    for volume in pod["volumes"]:
        if "hostPath" in volume:
            fault(where, f"the volume {volume['name']} is a hostPath")
    for container in pod["containers"]:
        security = container["securityContext"]
        if security.get("privileged"):
            fault(where, "is privileged")
        if not security.get("readOnlyRootFilesystem"):
            fault(where, "has a writable root file system")
        if security["capabilities"]["drop"] != ["ALL"]:
            fault(where, "does not drop all capabilities")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe not in container:
                fault(where, f"has no {probe}")
        if "memory" not in container["resources"]["limits"] or "cpu" not in container["resources"]["requests"]:
            fault(where, "has no memory limit, or no CPU request, which the autoscaler needs")
        if component == "worker":
            drain = next(each["value"] for each in container["env"] if each["name"] == "CUPEL_SERVER__DRAIN")
            longest = defaults("worker", "judging_time_max")
            if seconds(drain) < longest or pod["terminationGracePeriodSeconds"] <= seconds(drain):
                fault(where, f"may be killed before the longest run ends ({longest} s): raise its drain time and grace period")
        elif pod["terminationGracePeriodSeconds"] <= defaults("server", "drain"):
            fault(where, "may be killed before it has drained: its grace period is not longer than server.drain")
        volume_rules(where, component, pod, container)
        if component == "api" and (security["capabilities"].get("add") or not pod["securityContext"]["runAsNonRoot"]):
            fault(where, "adds a capability or may run as root")


def volume_rules(where, component, pod, container):
    """The caches, and one package that is imported or fetched, must fit into the volume of the data directory; otherwise, the Pod is evicted."""
    set_here = {each["name"]: each["value"] for each in container["env"]}

    def bound(section, key):
        return size(set_here.get(f"CUPEL_{section}__{key}".upper()) or default(section, key))

    limits = (ROOT / "crates/cupel-package/src/unpack/mod.rs").read_text()
    unpacked = int(re.search(r"^ *total_bytes_max: (\d+) << 30,$", limits, re.M).group(1)) << 30
    # A package is on the disk twice: unpacked, and as the copy for or from blobs.url.
    needed = bound("blobs", "kept_max") + 2 * unpacked
    needed += bound("problems", "package_max") if component == "api" else bound("worker", "artifacts_disk") + bound("images", "disk_max")
    volume = next(each for each in pod["volumes"] if each["name"] == "data")
    if needed > size(volume["emptyDir"]["sizeLimit"]):
        fault(where, f"its caches and one package may take {needed >> 20} MiB, more than the volume data has")
    storage = container["resources"]["limits"].get("ephemeral-storage")
    if storage and sum(size(each["emptyDir"]["sizeLimit"]) for each in pod["volumes"] if "emptyDir" in each) > size(storage):
        fault(where, "its volumes are larger than its limit of ephemeral-storage")


def default(section, key):
    """The default of one of Cupel's settings."""
    text = (ROOT / "crates/cupel/config.default.toml").read_text()
    body = text.split(f"\n[{section}]\n")[1].split("\n[")[0]
    return re.search(rf'^{key} = "(.*)"$', body, re.M).group(1)


def defaults(section, key):
    """The default of one of Cupel's duration settings, in seconds."""
    return seconds(default(section, key))


def size(text):
    """Bytes of a size, as Cupel or Kubernetes writes it."""
    number, unit = re.fullmatch(r"(\d+)([KMG])iB?", text).groups()
    return int(number) << {"K": 10, "M": 20, "G": 30}[unit]


def seconds(text):
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


def kubernetes(rendered):
    schema = json.loads((HERE / "keda.schema.json").read_text())
    overlays = sorted((rendered / "kubernetes").glob("*.yaml"))
    for file in overlays:
        names, workers, accounts = set(), set(), set()
        for document in yaml.safe_load_all(file.read_text()):
            where = f"{file.stem}: {document['kind']} {document['metadata']['name']}"
            if where in names:
                fault(where, "is defined twice")
            names.add(where)
            if document["apiVersion"].startswith("keda.sh/"):
                try:
                    jsonschema.validate(document, schema)
                except jsonschema.ValidationError as error:
                    fault(where, jsonschema.exceptions.best_match([error]).message)
            else:
                for version in VERSIONS:
                    try:
                        kubernetes_validate.validate(document, version, strict=True)
                    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                        fault(f"{where} (Kubernetes {version})", error)
            if document["kind"] != "Namespace" and document["metadata"].get("namespace") != "cupel":
                fault(where, "is not in the namespace cupel")
            if document["kind"] == "Deployment":
                workload_rules(where, document)
            if document["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
                workers.add(document["spec"]["scaleTargetRef"]["name"])
                least = document["spec"].get("minReplicas", document["spec"].get("minReplicaCount"))
                most = document["spec"].get("maxReplicas", document["spec"].get("maxReplicaCount"))
                if (least, most) != (2, 10):
                    fault(where, f"scales from {least} to {most}; expected 2 to 10")
            if document["kind"] == "ServiceAccount":
                accounts.add(document["metadata"]["name"])
        if workers != {"cupel-worker"} or accounts != {"cupel-api", "cupel-worker"}:
            fault(
                file.stem,
                f"scales {workers} and has the accounts {accounts}; expected cupel-worker, and cupel-api with cupel-worker",
            )
        if not any("NetworkPolicy nothing" in name for name in names):
            fault(file.stem, "has no NetworkPolicy that denies all traffic by default")
    return len(overlays)


def compose(rendered):
    files = sorted((rendered / "compose").glob("*.yaml"))
    for file in files:
        document = yaml.safe_load(file.read_text())
        services, networks = document["services"], document["networks"]
        of = {name: set(service["networks"]) for name, service in services.items()}
        published = {name for name, service in services.items() if service.get("ports")}
        if published != {"gateway"}:
            fault(file.stem, f"only the gateway may publish ports; these services do: {sorted(published)}")
        if of["gateway"] & of["worker"] or of["api"] & of["worker"]:
            fault(file.stem, "a worker shares a network with the gateway or the API")
        for name in of["worker"] | {"front", "data-api"}:
            if not networks[name].get("internal"):
                fault(file.stem, f"the network {name} is not internal")
        for name, service in services.items():
            where = f"{file.stem}: {name}"
            if service.get("privileged") or service["cap_drop"] != ["ALL"] or not service.get("read_only"):
                fault(where, "is privileged, does not drop all capabilities, or has a writable root file system")
            if "no-new-privileges:true" not in service["security_opt"]:
                fault(where, "does not set no-new-privileges:true")
            if service.get("cap_add") and name != "worker":
                fault(where, "adds a capability; only the worker may")
            if not service.get("mem_limit") or not service.get("pids_limit"):
                fault(where, "has no mem_limit or no pids_limit")
            if re.search(r"[0-9a-f]{48}", json.dumps(service)):
                fault(where, "exposes a password in `docker inspect`")
    return len(files)


# Options of systemd that mount over parts of /proc or /sys, or forbid system calls of the sandbox or of judged programs (cupel-worker.service).
NO_SANDBOX = {
    "LockPersonality", "MemoryDenyWriteExecute", "PrivateNetwork", "PrivateUsers", "ProcSubset", "ProtectControlGroups", "ProtectHostname",
    "ProtectKernelLogs", "ProtectKernelTunables", "ProtectProc", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime",
    "RestrictSUIDSGID", "SystemCallFilter",
}


def privileges(rendered):
    """Checks that every deployment gives the sandbox the same capabilities, and that no unit of systemd takes away what it needs."""
    listed = {}
    service = yaml.safe_load(next((rendered / "compose").glob("*.yaml")).read_text())["services"]["worker"]
    listed["compose"] = set(service["cap_add"])
    for document in yaml.safe_load_all(next((rendered / "kubernetes").glob("*.yaml")).read_text()):
        if document["kind"] == "Deployment" and document["metadata"]["name"] == "cupel-worker":
            container = document["spec"]["template"]["spec"]["containers"][0]
            listed["kubernetes"] = set(container["securityContext"]["capabilities"]["add"])
    for unit in ("cupel", "cupel-worker"):
        text = (ROOT / f"deploy/systemd/{unit}.service").read_text()
        words = re.search(r"^CapabilityBoundingSet=(.*)$", text, re.M).group(1).split()
        listed[unit] = {word.removeprefix("CAP_") for word in words}
        for option in re.findall(r"^([A-Za-z]+)=(?!no$)", text, re.M):
            if option in NO_SANDBOX:
                fault(f"{unit}.service", f"has {option}, with which no program starts")
        # Cupel cannot take all files back: it does not change the owner of a file with several links, and images consist of such files.
        if re.search(r"^StateDirectory=", text, re.M) and not re.search(r"^User=", text, re.M):
            fault(f"{unit}.service", "has StateDirectory without User: systemd gives the data directory to root at each start")
    if len({frozenset(each) for each in listed.values()}) != 1:
        fault("capabilities", f"differ between deployments: { {name: sorted(each) for name, each in listed.items()} }")


def metrics():
    """Checks that alerts and dashboard use only metrics that exist, and that every alert is complete and tested."""
    known = set()
    for file in (ROOT / "crates").rglob("*.rs"):
        if "/src/" in str(file):
            known |= set(re.findall(r'\b(?:counter|gauge|histogram)!\(\s*"(cupel_[a-z_]+)"', file.read_text()))
    observability = ROOT / "deploy/observability"
    rules = [rule for group in yaml.safe_load((observability / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
    dashboard = json.loads((observability / "dashboard.json").read_text())
    used = [(rule["alert"], rule["expr"]) for rule in rules]
    used += [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]
    for where, expression in used:
        for name in re.findall(r"\bcupel_[a-z_]+", expression):
            if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known:
                fault(where, f"uses the metric {name}, which does not exist")
    causes(next(rule for rule in rules if rule["alert"] == "CupelJudgeErrors")["annotations"]["action"])
    tests = (observability / "alerts.test.yaml").read_text()
    for rule in rules:
        if f'alertname="{rule["alert"]}"' not in tests:
            fault(rule["alert"], "has no test in alerts.test.yaml that makes it fire")
        if not {"summary", "action"} <= set(rule["annotations"]) or "severity" not in rule["labels"]:
            fault(rule["alert"], "lacks the annotation summary or action, or the label severity")
    return len(used)


def causes(action):
    """Checks that the remedy of CupelJudgeErrors, the description of the metric and the list of its labels name the same causes."""
    text = (ROOT / "crates/cupel/src/telemetry.rs").read_text()
    labels = re.search(r'for cause in \[([^]]*)\] \{\s*metrics::counter!\("cupel_failed_attempts_total"', text).group(1)
    known = set(re.findall(r'"(\w+)"', labels))
    described = re.search(r'"cupel_failed_attempts_total",\s*"[^"]*, by cause: ([^"]*)"', text).group(1)
    remedy = action.partition("names the cause: ")[2]
    for where, listed in [("CupelJudgeErrors", remedy), ("the description of cupel_failed_attempts_total", described)]:
        named = set(re.findall(r"(\w+)(?:, |$)", re.sub(r" \([^)]*\)", "", listed.rstrip("."))))
        if named != known:
            fault(where, f"names the causes {sorted(named)}, and the code has {sorted(known)}")


def main():
    rendered = pathlib.Path(sys.argv[1])
    overlays, engines, used = kubernetes(rendered), compose(rendered), metrics()
    privileges(rendered)
    for line in faults:
        print(f"fault: {line}")
    print(f"{overlays} overlays (Kubernetes {', '.join(VERSIONS)}; KEDA by keda.schema.json), {engines} compose files, {used} expressions")
    if not overlays or not engines:
        print(f"fault: {rendered} contains no rendered overlay or no rendered compose file")
        sys.exit(1)
    sys.exit(1 if faults else 0)


main()
