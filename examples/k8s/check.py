#!/usr/bin/env python3
"""Reads the manifests of this folder as a cluster would before it takes them: against Kubernetes'
JSON schemas, strictly, and against each other and the server. Talks to no cluster.

    pip install -r examples/k8s/requirements-check.txt
    examples/k8s/check.py [BINARY]     default build/release/crossrank: whose flags the args must be

Exit codes: 0 all is well, 1 something is not.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
# The oldest that knows lifecycle.preStop.sleep without a feature gate, the newest of the package.
VERSIONS = ["1.30", "1.37"]
# What is no object of Kubernetes' own.
OTHERS = {"kustomization.yaml", "prometheus-adapter.yaml"}
DRAIN_SECONDS = 60  # --request-timeout-ms


def schema_problems(name, manifest):
    for version in VERSIONS:
        try:
            read_as = kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(str(step) for step in error.path)
            yield f"{name}: Kubernetes {version}: {where}: {error.message[:300]}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"{name}: {error.message}"
        else:
            if read_as != version:  # the package takes the nearest that it has
                yield f"{name}: there is no schema of Kubernetes {version}, only of {read_as}"


def probes(container):
    return {kind: container[kind]["httpGet"] for kind in container if kind.endswith("Probe")}


def selects(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def cross_problems(files, flags):
    """What each file says for itself but not together."""
    deployment, service = files["deployment.yaml"], files["service.yaml"]
    hpa, pdb = files["hpa.yaml"], files["pdb.yaml"]
    pod = deployment["spec"]["template"]
    spec = pod["spec"]
    (container,) = spec["containers"]
    labels = pod["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}

    for name, selector in {
        "deployment.yaml": deployment["spec"]["selector"]["matchLabels"],
        "service.yaml": service["spec"]["selector"],
        "pdb.yaml": pdb["spec"]["selector"]["matchLabels"],
    }.items():
        if not selects(selector, labels):
            yield f"{name}: the selector {selector} does not choose pods labelled {labels}"
    for constraint in spec["topologySpreadConstraints"]:
        if not selects(constraint["labelSelector"]["matchLabels"], labels):
            yield "deployment.yaml: topologySpreadConstraints choose other pods"
    target = hpa["spec"]["scaleTargetRef"]
    mine = {"kind": deployment["kind"], "name": deployment["metadata"]["name"]}
    if target != mine | {"apiVersion": deployment["apiVersion"]}:
        yield f"hpa.yaml: scales {target}, not the deployment"
    if "replicas" in deployment["spec"]:
        yield "deployment.yaml: replicas would undo what hpa.yaml does"

    (metric,) = [m["pods"]["metric"]["name"] for m in hpa["spec"]["metrics"]]
    (rule,) = files["prometheus-adapter.yaml"]["rules"]["custom"]
    sources = (REPOSITORY / "apps/server/metrics.cc").read_text("utf-8")
    if rule["name"]["as"] != metric or not rule["seriesQuery"].startswith(metric + "{"):
        yield f"prometheus-adapter.yaml: does not bring {metric}"
    if f'"{metric}"' not in sources:
        yield f"hpa.yaml: the server has no metric {metric}"

    openapi = json.loads((REPOSITORY / "apps/server/openapi.json").read_text("utf-8"))
    gets = {path for path, item in openapi["paths"].items() if "get" in item}
    annotations = pod["metadata"]["annotations"]
    for path in [get["path"] for get in probes(container).values()] + [
        annotations["prometheus.io/path"]
    ]:
        if path not in gets:
            yield f"deployment.yaml: the server has no GET {path}"
    port = str(ports["http"])
    if annotations["prometheus.io/port"] != port or f"--port={port}" not in container["args"]:
        yield f"deployment.yaml: the port {port} is not everywhere"
    for name in [p["targetPort"] for p in service["spec"]["ports"]] + [
        get["port"] for get in probes(container).values()
    ]:
        if name not in ports:
            yield f"the container has no port {name}"

    for flag in container["args"][1:]:
        if flag.split("=")[0] not in flags:
            yield f"deployment.yaml: crossrank serve has no {flag}"
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    for flag in container["args"]:
        if "=/" in flag and not any(flag.split("=")[1].startswith(m + "/") for m in mounts):
            yield f"deployment.yaml: no volume is mounted where {flag} is"
    if {v["name"] for v in spec["volumes"]} != {m["name"] for m in container["volumeMounts"]}:
        yield "deployment.yaml: volumes and mounts differ"
    cpu = container["resources"]["limits"]["cpu"]
    if not re.fullmatch(r"\d+", cpu) or container["resources"]["requests"]["cpu"] != cpu:
        yield f"deployment.yaml: {cpu} CPUs are not a whole number that is requested, too"
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    if spec["terminationGracePeriodSeconds"] < pause + DRAIN_SECONDS:
        yield "deployment.yaml: the pod is killed before what is under way is answered"

    resources = set(files["kustomization.yaml"]["resources"])
    if resources != set(files) - OTHERS:
        yield f"kustomization.yaml: has {sorted(resources)}, and there is {sorted(files)}"


def main():
    if len(sys.argv) > 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    binary = sys.argv[1] if len(sys.argv) == 2 else REPOSITORY / "build/release/crossrank"
    help_text = subprocess.run(
        [binary, "serve", "--help"], capture_output=True, text=True, check=True
    ).stdout
    files = {p.name: yaml.safe_load(p.read_text("utf-8")) for p in sorted(HERE.glob("*.yaml"))}
    problems = [
        problem
        for name, manifest in files.items()
        if name not in OTHERS
        for problem in schema_problems(name, manifest)
    ]
    problems += cross_problems(files, set(re.findall(r"--[a-z-]+", help_text)))
    for problem in problems:
        print(f"check.py: {problem}", file=sys.stderr)
    if not problems:
        print(f"{len(files)} files; the schemas of Kubernetes {' and '.join(VERSIONS)} take them")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
