"""Models by name and folder: info, models, doctor, the default chain, and what a bad model gets."""

import hashlib
import json
import pathlib
import shutil
import struct
import unittest

from harness import BINARY, MODELS, SOURCE, TINY, CliTest, Safetensors, jsonl

PAIR = jsonl([{"query": "a", "document": "b"}])
BUILTIN_SHA256 = "e81a811e8744c3a31a097486e7e63a868d7eca7d5783c9b3db351481e9150ba5"


class Info(CliTest):
    def test_facts(self):
        (facts,) = self.ok("info", "--model", MODELS / "labels3", "--threads", "1").rows
        self.assertEqual(facts["architecture"], "BertForSequenceClassification")
        self.assertEqual(
            (
                facts["layers"],
                facts["hidden_size"],
                facts["heads"],
                facts["intermediate_size"],
                facts["vocab_size"],
                facts["max_length"],
                facts["num_labels"],
                facts["activation"],
                facts["precision"],
                facts["threads"],
            ),
            (1, 24, 2, 40, 224, 64, 3, "identity", "fp32", 1),
        )
        self.assertIn(facts["isa"], facts["available_isas"])
        self.assertRegex(facts["weights_sha256"], "^[0-9a-f]{64}$")
        self.assertEqual(
            json.loads(
                self.ok(
                    "info", "--model", MODELS / "labels3", "--threads", "1", "--format", "json"
                ).out
            ),
            facts,
        )
        table = self.ok("info", "--model", MODELS / "labels3", "--format", "table").out.decode()
        self.assertIn(facts["weights_sha256"], table)

    def test_parameters_are_those_of_the_weights(self):
        facts = self.ok("info", "--model", TINY).rows[0]
        weights = Safetensors(pathlib.Path(TINY) / "model.safetensors")
        count = 0
        for _, shape, _ in weights.tensors.values():
            size = 1
            for n in shape:
                size *= n
            count += size
        self.assertEqual(facts["parameters"], count)

    def test_builtin(self):
        facts = self.ok("info", "--model", "builtin").rows[0]
        self.assertEqual(
            (facts["model"], facts["source"], facts["weights_sha256"]),
            ("builtin", "embedded", BUILTIN_SHA256),
        )

    def test_every_isa_can_be_asked_for(self):
        for isa in self.ok("info", "--model", TINY).rows[0]["available_isas"]:
            self.assertEqual(self.ok("info", "--model", TINY, "--isa", isa).rows[0]["isa"], isa)


class DefaultChain(CliTest):
    def test_builtin_when_nothing_is_cached(self):
        run = self.ok("score", stdin=PAIR)
        self.assertIn("builtin", run.err.splitlines()[0])
        self.assertEqual(run.out, self.ok("score", "--model", "builtin", stdin=PAIR).out)
        self.assertEqual(self.ok("score", "--quiet", stdin=PAIR).err, "")

    def test_crossrank_model(self):
        self.env["CROSSRANK_MODEL"] = TINY
        run = self.ok("score", stdin=PAIR)
        self.assertEqual(run.out, self.ok("score", "--model", TINY, stdin=PAIR).out)

    def test_a_copied_binary_still_has_it(self):
        copy = self.folder / "crossrank"
        shutil.copy(BINARY, copy)
        import subprocess

        done = subprocess.run(
            [copy, "score", "--model", "builtin", "--quiet"],
            input=PAIR.encode(),
            capture_output=True,
            env=self.env,
            cwd="/",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.ok("score", "--model", "builtin", stdin=PAIR).out)

    def test_nothing_replaces_a_model_that_was_named(self):
        run = self.fails(
            3,
            "score",
            "--model",
            "cross-encoder/ms-marco-MiniLM-L-6-v2",
            stdin=PAIR,
            says=["crossrank pull", "builtin"],
        )
        self.assertEqual(run.out, b"")
        self.fails(3, "score", "--model", "Builtin", stdin=PAIR, says=["write `builtin`"])


class Models(CliTest):
    def test_builtin_is_listed(self):
        (row,) = self.ok("models").rows
        self.assertEqual((row["id"], row["usable"], row["path"]), ("builtin", True, "embedded"))
        self.assertGreater(row["bytes"], 40_000_000)

    def test_the_cache_is_listed(self):
        snapshot = self.folder / "hub/models--org--name/snapshots" / ("a" * 40)
        shutil.copytree(TINY, snapshot)
        (self.folder / "hub/models--org--name/refs").mkdir()
        (self.folder / "hub/models--org--name/refs/main").write_text("a" * 40)
        self.env["HF_HUB_CACHE"] = str(self.folder / "hub")
        rows = self.ok("models").rows
        self.assertEqual([row["id"] for row in rows], ["builtin", "org/name"])
        self.assertEqual(
            (rows[1]["revision"], rows[1]["refs"], rows[1]["usable"]), ("a" * 40, ["main"], True)
        )
        self.assertEqual(json.loads(self.ok("models", "--format", "json").out), rows)
        table = self.ok("models", "--format", "table").lines
        self.assertEqual(len(table), 3)
        self.assertIn("aaaaaaaaaaaa ", table[2])
        run = self.ok("score", "--model", "org/name", stdin=PAIR)
        self.assertEqual(run.out, self.ok("score", "--model", TINY, stdin=PAIR).out)

    def test_pull_offline_says_so(self):
        self.fails(3, "pull", "org/name", says="HF_HUB_OFFLINE")


class Doctor(CliTest):
    CHECKS = [
        "model files",
        "tokenizer",
        "segment ids",
        "reference logits",
        "instruction sets",
        "batch invariance",
        "memory",
    ]

    def test_builtin_is_sound(self):
        run = self.ok("doctor", "--model", "builtin")
        self.assertEqual([row["check"] for row in run.rows], self.CHECKS)
        self.assertEqual({row["result"] for row in run.rows}, {"ok"}, run.out)
        self.assertIn(BUILTIN_SHA256[:12], run.err)

    def test_a_model_without_published_logits(self):
        result = json.loads(self.ok("doctor", "--model", TINY, "--format", "json").out)
        self.assertEqual(result["model"], TINY)
        self.assertTrue(result["ok"])
        outcomes = {check["check"]: check["result"] for check in result["checks"]}
        self.assertEqual(outcomes["reference logits"], "skipped")
        self.assertEqual(
            [n for n, outcome in outcomes.items() if outcome != "ok"], ["reference logits"]
        )

    def test_several_labels(self):
        self.ok("doctor", "--model", MODELS / "labels3")

    def test_wrong_weights_are_found(self):
        """The real model's name on other weights: tokenizer and segments hold, logits do not."""
        folder = self.folder / "ms-marco-MiniLM-L-6-v2"
        shutil.copytree(SOURCE / "models" / "minilm-l6-crossrank", folder)
        weights = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(weights[:-2] + b"\x00\x3c")  # another classifier
        run = self.run_cli("doctor", "--model", folder)
        self.assertEqual(run.code, 3)
        outcomes = {row["check"]: row for row in run.rows}
        self.assertEqual(outcomes["reference logits"]["result"], "FAILED")
        self.assertIn("16", outcomes["reference logits"]["detail"])
        self.assertEqual(outcomes["tokenizer"]["result"], "ok")
        self.assertIn("not to be trusted", run.err)

    def test_a_wrong_tokenizer_is_found(self):
        folder = self.folder / "ms-marco-MiniLM-L-6-v2"
        shutil.copytree(SOURCE / "models" / "minilm-l6-crossrank", folder)
        (folder / "tokenizer.json").unlink()
        vocab = (folder / "vocab.txt").read_text("utf-8").splitlines()
        vocab[5000], vocab[1010] = vocab[1010], vocab[5000]
        (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", "utf-8")
        run = self.run_cli("doctor", "--model", folder)
        self.assertEqual(run.code, 3)
        self.assertEqual({row["check"]: row["result"] for row in run.rows}["tokenizer"], "FAILED")

    def outcomes(self, run):
        return {row["check"]: row["result"] for row in run.rows}

    def test_a_damaged_file_of_the_cache_is_found(self):
        repo = self.folder / "hub/models--org--name"
        snapshot = repo / "snapshots" / ("a" * 40)
        snapshot.mkdir(parents=True)
        (repo / "blobs").mkdir()
        (repo / "refs").mkdir()
        (repo / "refs/main").write_text("a" * 40)
        for path in pathlib.Path(TINY).iterdir():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if path.suffix == ".json":  # as git names it
                digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            (repo / "blobs" / digest).write_bytes(content)
            (snapshot / path.name).symlink_to(f"../../blobs/{digest}")
        self.env["HF_HUB_CACHE"] = str(self.folder / "hub")
        self.ok("doctor", "--model", "org/name")
        for name in ("model.safetensors", "config.json"):
            blob = (snapshot / name).resolve()
            content = blob.read_bytes()
            blob.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
            run = self.run_cli("doctor", "--model", "org/name")
            self.assertEqual(run.code, 3)
            self.assertEqual(self.outcomes(run)["model files"], "FAILED")
            self.assertIn(name, run.rows[0]["detail"])
            self.assertIn("crossrank pull", run.rows[0]["detail"])
            blob.write_bytes(content)

    def copy_of_builtin(self, name, **changes):
        folder = self.folder / name
        shutil.copytree(SOURCE / "models" / "minilm-l6-crossrank", folder)
        config = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps(config | changes))
        return folder

    def test_two_tokenizer_files_that_contradict_each_other(self):
        folder = self.copy_of_builtin("m", do_lower_case=False)
        run = self.run_cli("doctor", "--model", folder)
        self.assertEqual(run.code, 3)
        self.assertEqual(self.outcomes(run)["tokenizer"], "FAILED")
        for word in ("do_lower_case", "tokenizer_config.json", "tokenizer.json"):
            self.assertIn(word, run.rows[1]["detail"])
        # Accents follow the case where neither file says more.
        self.ok("doctor", "--model", self.copy_of_builtin("n", strip_accents=True))

    def test_models_that_cut_otherwise_are_sound(self):
        for name, changes in (
            ("a", {"model_max_length": 64}),
            ("b", {"model_max_length": 4}),
            ("c", {"truncation_side": "left"}),
        ):
            run = self.ok("doctor", "--model", self.copy_of_builtin(name, **changes))
            self.assertNotIn("FAILED", self.outcomes(run).values(), run.out)
            wanted = "skipped" if name == "b" else "ok"
            self.assertEqual(self.outcomes(run)["reference logits"], wanted, run.out)
            if name != "b":
                self.assertIn("cut otherwise", run.rows[3]["detail"])
        for model in ("limit_17", "truncate_left", "positions24"):
            self.ok("doctor", "--model", MODELS / model)

    def test_what_is_wrong_with_the_command_line_is_no_check(self):
        self.fails(2, "doctor", "--model", TINY, "--threads", "5000", says="5000")

    def test_a_model_that_does_not_load(self):
        run = self.run_cli("doctor", "--model", self.folder, "--format", "table")
        self.assertEqual(run.code, 3)
        self.assertRegex(run.out.decode(), r"model files +FAILED +\S")
        self.assertRegex(run.out.decode(), r"tokenizer +skipped +the model did not load")
        self.assertIn("this model cannot be used", run.err)


class BadModels(CliTest):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        shutil.copytree(TINY, self.model)
        self.weights = self.model / "model.safetensors"

    def bad(self, *says):
        for args, stdin in ((["rank", "-q", "x"], '"a"\n'), (["score"], PAIR)):
            run = self.fails(3, *args, "--model", self.model, stdin=stdin, says=says)
            self.assertEqual(run.out, b"")

    def test_a_folder_that_is_not_there(self):
        self.fails(3, "score", "--model", self.folder / "none", stdin=PAIR, says="none")
        self.fails(3, "tokenize", "--model", "/none", "--text", "a", says="/none")

    def test_a_folder_without_a_model(self):
        for path in self.model.iterdir():
            path.unlink()
        self.bad("config.json")

    def test_pickle_weights(self):
        self.weights.rename(self.model / "pytorch_model.bin")
        self.bad("pytorch_model.bin", "pickle")

    def test_wrong_shapes(self):
        weights = Safetensors(self.weights)
        name = next(n for n in weights.tensors if n.endswith("attention.self.query.weight"))
        dtype, (rows, columns), data = weights.tensors[name]
        weights.tensors[name] = [dtype, [rows // 2, columns * 2], data]
        weights.save(self.weights)
        self.bad(name, str(rows // 2))

    def test_a_missing_tensor(self):
        weights = Safetensors(self.weights)
        del weights.tensors["classifier.weight"]
        weights.save(self.weights)
        self.bad("classifier.weight")

    def test_another_number_of_layers_than_the_weights_have(self):
        shutil.rmtree(self.model)
        shutil.copytree(MODELS / "act_gelu", self.model)
        path = self.model / "config.json"
        config = json.loads(path.read_text())
        self.assertEqual(config["num_hidden_layers"], 2)
        for layers, word in ((1, "There is"), (3, "missing")):
            path.write_text(json.dumps(config | {"num_hidden_layers": layers}))
            self.bad(str(self.model), "num_hidden_layers", word)

    def test_weights_that_are_not_numbers(self):
        weights = Safetensors(self.weights)
        name = next(n for n in weights.tensors if n.endswith("LayerNorm.weight"))
        dtype, shape, data = weights.tensors[name]
        nan = {"F32": struct.pack("<f", float("nan")), "F16": b"\x00\x7e", "BF16": b"\xc0\x7f"}[
            dtype
        ]
        weights.tensors[name] = [dtype, shape, nan + data[len(nan) :]]
        weights.save(self.weights)
        self.bad(name)

    def test_a_file_that_was_cut(self):
        self.weights.write_bytes(self.weights.read_bytes()[:1000])
        self.bad("model.safetensors")

    def test_a_config_that_is_no_json(self):
        (self.model / "config.json").write_text("{")
        self.bad("config.json")

    def test_another_architecture(self):
        config = json.loads((self.model / "config.json").read_text())
        config |= {"architectures": ["RobertaForSequenceClassification"], "model_type": "roberta"}
        (self.model / "config.json").write_text(json.dumps(config))
        self.bad("oberta")

    def test_no_tokenizer(self):
        for name in ("tokenizer.json", "vocab.txt"):
            (self.model / name).unlink(missing_ok=True)
        self.bad("tokenizer.json")


if __name__ == "__main__":
    unittest.main()
