"""examples/k8s/check.py takes the manifests as they are, and finds each of these mistakes in them.

Needs kubernetes-validate (examples/k8s/requirements-check.txt); skipped without it.
"""

import copy
import importlib.util
import re
import subprocess
import unittest

from harness import BINARY, SOURCE

try:
    import yaml

    spec = importlib.util.spec_from_file_location("check", SOURCE / "examples/k8s/check.py")
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
except ImportError:
    check = None

# The file, the way to a member, what it becomes (None: it goes), and a word of the complaint.
POD = ["spec", "template", "spec"]
CONTAINER = [*POD, "containers", 0]
SCHEMA = [
    ("deployment.yaml", [*CONTAINER, "imagePullPolice"], "Always", "imagePullPolice"),
    ("deployment.yaml", [*CONTAINER, "ports", 0, "containerPort"], "8080", "8080"),
    ("deployment.yaml", ["spec", "selector"], None, "selector"),
    ("service.yaml", ["spec", "port"], 80, "port"),
    ("hpa.yaml", ["spec", "maxReplicas"], None, "maxReplicas"),
    ("hpa.yaml", ["apiVersion"], "autoscaling/v3", "autoscaling"),
    ("pdb.yaml", ["spec", "maxUnavailable"], [1], "maxUnavailable"),
]
CROSS = [
    ("deployment.yaml", ["spec", "template", "metadata", "labels"], {"app": "x"}, "selector"),
    ("deployment.yaml", ["spec", "replicas"], 2, "replicas"),
    ("deployment.yaml", [*CONTAINER, "livenessProbe", "httpGet", "path"], "/alive", "/alive"),
    ("deployment.yaml", [*CONTAINER, "readinessProbe", "httpGet", "port"], "https", "https"),
    ("deployment.yaml", [*CONTAINER, "ports", 0, "containerPort"], 80, "80"),
    ("deployment.yaml", [*CONTAINER, "args", 1], "--hots=0.0.0.0", "--hots"),
    ("deployment.yaml", [*CONTAINER, "args", 3], "--api-key-file=/run/keys", "/run/keys"),
    ("deployment.yaml", [*CONTAINER, "resources", "limits", "cpu"], "1500m", "1500m"),
    ("deployment.yaml", [*CONTAINER, "resources", "requests", "cpu"], "1", "requested"),
    ("deployment.yaml", [*POD, "terminationGracePeriodSeconds"], 30, "killed"),
    ("deployment.yaml", [*POD, "volumes", 1], None, "volumes"),
    ("service.yaml", ["spec", "selector"], {}, "selector"),
    ("service.yaml", ["spec", "ports", 0, "targetPort"], "web", "web"),
    ("pdb.yaml", ["spec", "selector", "matchLabels"], {"app": "x"}, "selector"),
    ("hpa.yaml", ["spec", "scaleTargetRef", "name"], "other", "scales"),
    ("hpa.yaml", ["spec", "metrics", 0, "pods", "metric", "name"], "queue", "queue"),
    ("prometheus-adapter.yaml", ["rules", "custom", 0, "name", "as"], "x", "bring"),
    ("kustomization.yaml", ["resources"], ["service.yaml"], "kustomization"),
]


def changed(files, name, way, value):
    files = copy.deepcopy(files)
    owner = files[name]
    for step in way[:-1]:
        owner = owner[step]
    if value is None:
        del owner[way[-1]]
    else:
        owner[way[-1]] = value
    return files


@unittest.skipIf(check is None, "kubernetes-validate is not installed")
class Manifests(unittest.TestCase):
    def setUp(self):
        folder = SOURCE / "examples" / "k8s"
        self.files = {p.name: yaml.safe_load(p.read_text("utf-8")) for p in folder.glob("*.yaml")}
        run = subprocess.run(
            [BINARY, "serve", "--help"], capture_output=True, text=True, check=True
        )
        self.flags = set(re.findall(r"--[a-z-]+", run.stdout))

    def test_they_are_taken_as_they_are(self):
        for name in self.files.keys() - check.OTHERS:
            self.assertEqual(list(check.schema_problems(name, self.files[name])), [])
        self.assertEqual(list(check.cross_problems(self.files, self.flags)), [])

    def test_the_schemas_find(self):
        for name, way, value, word in SCHEMA:
            with self.subTest(file=name, member=way[-1]):
                files = changed(self.files, name, way, value)
                problems = list(check.schema_problems(name, files[name]))
                self.assertEqual(len(problems), len(check.VERSIONS))
                self.assertIn(word, problems[0])

    def test_the_comparison_finds(self):
        for name, way, value, word in CROSS:
            with self.subTest(file=name, member=way[-1]):
                files = changed(self.files, name, way, value)
                problems = list(check.cross_problems(files, self.flags))
                self.assertTrue(any(word in problem for problem in problems), problems)


if __name__ == "__main__":
    unittest.main()
