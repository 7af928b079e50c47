"""crossrank rerank and the files it is given: whose it leaves alone, which it refuses, and what it
says of them."""

import gzip
import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from harness import BINARY, TINY, WIDE, jsonl
from trec_sets import RerankTest, made_set, read_trec


class Journals(RerankTest):
    def begun(self, model=WIDE):
        """A command that was stopped, its output and its journal."""
        files = self.files(*made_set(40, 200, 100))
        out, partial = self.folder / "out.trec", self.folder / "out.trec.partial"
        args = ("rerank", *files, "--model", model, "--threads", "1", "-o", out)
        self.assertTrue(self.stopped_at(4, partial, signal.SIGKILL, *args))
        return args, out, partial

    def test_a_strangers_file_stays_as_it_is(self):
        files = self.files(*made_set(2, 6, 3))
        out, partial = self.folder / "out.trec", self.folder / "out.trec.partial"
        for foreign in (b"a thesis", b"line\nand a half", b"\n", b"{}\n{}\n\0"):
            partial.write_bytes(foreign)
            says = ["out.trec.partial", "delete the file"]
            self.fails(2, "rerank", *files, "--model", TINY, "-o", out, says=says)
            self.assertEqual(partial.read_bytes(), foreign)

    def test_another_tokenizer_or_configuration_is_another_model(self):
        model = self.folder / "model"
        shutil.copytree(WIDE, model)
        args, out, partial = self.begun(model)
        for name, content in (
            ("tokenizer.json", (model / "tokenizer.json").read_bytes() + b"\n"),
            ("config.json", (model / "config.json").read_bytes() + b"\n"),
            ("special_tokens_map.json", b"{}"),
        ):
            path = model / name
            before = path.read_bytes() if path.exists() else None
            path.write_bytes(content)
            self.fails(2, *args, says="with another model")
            path.unlink() if before is None else path.write_bytes(before)
        self.assertIn("going on behind", self.ok(*args).err)

    def test_its_lines_are_looked_at(self):
        args, out, partial = self.begun()
        title, *lines = partial.read_bytes().splitlines(keepends=True)
        half = json.loads(lines[1])
        half["results"].pop()
        for bad, at in (
            ([lines[1], lines[0]], 2),
            ([lines[0], lines[0]], 3),
            ([lines[0], b"\n"], 3),
            ([lines[0], b'{"qid": 5}\n'], 3),
            ([lines[0], json.dumps(half).encode() + b"\n"], 3),
            ([lines[0], b"\xff\xfe\n"], 3),
            (lines[:1] * 41, 42),
        ):
            partial.write_bytes(b"".join([title, *bad]))
            self.fails(4, *args, says=[f"out.trec.partial:{at}: ", "delete the file"])
            self.assertFalse(out.exists())
        partial.write_bytes(b"".join([title, *lines]))
        self.ok(*args)

    def test_a_corpus_that_is_edited_meanwhile(self):
        files = self.files(*made_set(40, 200, 100))
        corpus = pathlib.Path(files[3])
        before = corpus.read_bytes()
        partial = self.folder / "out.trec.partial"
        args = ("rerank", *files, "--model", WIDE, "--threads", "1", "-o", self.folder / "out.trec")
        process = self.start(*args)
        while not partial.exists() and process.poll() is None:
            pass
        with open(corpus, "r+b") as file:
            file.write(before.replace(b"tea", b"TEA").replace(b"sea", b"SEA"))
        err = process.communicate(timeout=60)[1].decode()
        self.assertEqual(process.returncode, 4, err)
        self.assertIn("changed while it was in use", err)


class Files(RerankTest):
    def setUp(self):
        super().setUp()
        self.good = self.files(*made_set(2, 6, 3))
        self.args = ("rerank", *self.good, "--model", TINY)

    def with_file(self, flag, content):
        args = list(self.args)
        args[args.index(flag) + 1] = self.write("other", content)
        return args

    def test_outputs_are_no_inputs(self):
        os.symlink("o", self.folder / "o.link")
        self.write("o", "an older run")
        before = {path: path.read_bytes() for path in self.folder.iterdir()}
        out, run = self.folder / "o", self.good[5]
        for flags, names in (
            (("-o", self.good[1]), ("--output", "--queries")),
            (("-o", self.good[3]), ("--output", "--corpus")),
            (("-o", self.folder / "." / "first.trec"), ("--output", "--run")),
            (("-o", out, "--details", run), ("--details", "--run")),
            (("-o", out, "--details", f"{out}.partial"), ("--details", "--output's FILE.partial")),
            (("-o", out, "--details", self.folder / ".." / self.folder.name / "o"), ("--output",)),
            (("-o", out, "--details", self.folder / "o.link"), ("--details", "--output")),
            (("-o", "-"), ("--output",)),
            (("-o", out, "--details", "-"), ("--details",)),
        ):
            self.fails(2, *self.args, *flags, says=names)
        os.rename(run, self.folder / "o.partial")
        args = [*self.args, "-o", out]
        args[args.index("--run") + 1] = self.folder / "o.partial"
        self.fails(2, *args, says=["--run", "FILE.partial"])
        os.rename(self.folder / "o.partial", run)
        self.assertEqual(before, {path: path.read_bytes() for path in self.folder.iterdir()})

    def test_one_standard_input(self):
        args = ["rerank", "--queries", "-", "--corpus", self.good[3], "--run", "-"]
        self.fails(2, *args, says="only one file")
        args[-1] = self.good[5]
        run = self.ok(*args, "--model", TINY, stdin=pathlib.Path(self.good[1]).read_bytes())
        self.assertEqual(len(read_trec(run.out.decode())), 2)

    def test_nothing_left(self):
        out = self.folder / "out.trec"
        for skip in ((), ("--skip-bad",)):
            args = ("-o", out, *skip)
            self.fails(4, *self.with_file("--run", ""), *args, says="the run is empty")
            says = ["first.trec", "none of its queries (2)", "other"]
            self.fails(4, *self.with_file("--queries", "x\ty\n"), *args, says=says)
            says = ["first.trec", "none of its candidates (6)", "other"]
            corpus = jsonl([{"id": "x", "text": "y"}])
            self.fails(4, *self.with_file("--corpus", corpus), *args, says=says)
        run = "".join(f"{qid} Q0 d\x1b 1 1 t\n" for qid in self.first)
        self.fails(4, *self.with_file("--run", run), "--skip-bad", says="no query is left")
        self.assertFalse(out.exists())

    def test_skip_bad_is_named_and_counts_what_is_missing(self):
        more = "q0 Q0 x 1 1 t\nq0 Q0 y 1 1 t\nq1 Q0 z 1 1 t\n"
        run = pathlib.Path(self.good[5]).read_text() + more
        says = ['no document "', '", nor 2 more', "--skip-bad"]
        self.fails(4, *self.with_file("--run", run), says=says)
        run = pathlib.Path(self.good[5]).read_text() + "x Q0 d1 1 1 t\n"
        self.fails(4, *self.with_file("--run", run), says=['the query "x";', "--skip-bad"])
        err = self.ok(*self.with_file("--run", run), "--skip-bad").err
        self.assertIn("skipped 1 line: ", err)
        self.assertNotIn("--skip-bad", err)

    def test_skip_bad_takes_no_time(self):
        run = pathlib.Path(self.good[5]).read_text()
        run += "".join(f"q0 Q0 x{i} 1 {i} t\n" for i in range(60000))
        err = self.ok(*self.with_file("--run", run), "-k", "0", "--skip-bad", timeout=20).err
        self.assertIn("skipped 60,000 lines", err)

    def test_lines_of_a_corpus_that_are_no_documents(self):
        corpus = pathlib.Path(self.good[3]).read_text().splitlines(keepends=True)
        corpus.insert(2, '{"id": "n", "text": null}\n')
        args = self.with_file("--corpus", "".join(corpus))
        self.fails(4, *args, says=["other:3:", "null", "--skip-bad"])
        self.assertIn("skipped 1 line: ", self.ok(*args, "--skip-bad").err)

    def test_a_corpus_in_another_format(self):
        for content, hint in (
            ("d1\tsome text\nd2\tmore\n", "jq -Rc"),
            ("some text\n", "a corpus is JSON lines"),
            ('[{"id": "d1", "text": "a"}]', "jq -c '.[]'"),
            ('\n{\n  "id": "d1",\n  "text": "a"\n}\n', "jq -c ."),
        ):
            says = ["other:", "a corpus is JSON lines", hint]
            self.fails(4, *self.with_file("--corpus", content), says=says)

    def test_repairs_are_said(self):
        queries = pathlib.Path(self.good[1]).read_bytes().replace(b"\n", b" \xff\n", 1)
        err = self.ok(*self.with_file("--queries", queries), "--quiet").err
        self.assertIn("1 line of", err)
        self.assertIn("not UTF-8", err)
        evaluated = ("eval", "--run", self.good[5], "--qrels", self.write("q", "q0 0 d1 1\n"))
        report = ("--queries", self.folder / "other", "--report", self.folder / "r.html")
        self.assertIn("not UTF-8", self.ok(*evaluated, *report, "--quiet").err)
        corpus = pathlib.Path(self.good[3]).read_bytes().replace(b'"text": "', b'"text": "\\ud800')
        err = self.ok(*self.with_file("--corpus", corpus), "--quiet").err
        self.assertIn("6 lines of", err)
        self.assertEqual(err.count("\n"), 1)

    def test_empty_texts_are_said(self):
        queries, corpus, first = made_set(1, 3, 3)
        corpus[1]["text"] = ""
        files = self.files(queries, corpus, first)
        err = self.ok("rerank", *files, "--model", TINY).err
        self.assertIn("1 candidate has an empty text", err)

    def test_compressed_input(self):
        for flag in ("--queries", "--corpus", "--run"):
            content = gzip.compress(pathlib.Path(self.args[self.args.index(flag) + 1]).read_bytes())
            args = self.with_file(flag, content)
            self.fails(3, *args, says=["other is compressed (gzip)", "gunzip -k"])
        for command in (["score", "--model", TINY, "-"], ["rank", "-q", "x", "--model", TINY]):
            process = self.start(*command)
            for i in range(2):  # a pipe may give one byte at a time
                process.stdin.write(content[i : i + 1])
                process.stdin.flush()
            err = process.communicate(content[2:], timeout=60)[1].decode()
            self.assertEqual(process.returncode, 3, err)
            self.assertIn("compressed (gzip)", err)

    def test_left_overs_of_the_same_process_number(self):
        out = self.folder / "out.trec"
        script = 'touch "$0.$$.new"; exec "$@"'
        command = ["bash", "-c", script, out, BINARY, *self.args, "-o", out]
        subprocess.run(command, env=self.env, check=True, capture_output=True, timeout=60)
        self.assertEqual(len(read_trec(out.read_text())), 2)

    def test_blend_flags(self):
        tag = self.ok(*self.args).out.decode().split()[5]
        for flags, ending in (
            (("--blend", "0.5"), "-blend0.50"),
            (("--blend", "0.125", "--blend-method", "rrf"), "-rrf0.125"),
        ):
            lines = self.ok(*self.args, *flags).out.decode().splitlines()
            self.assertEqual({line.split()[5] for line in lines}, {tag + ending})
        given = self.ok(*self.args, "--blend").out.decode()
        self.assertEqual(given, self.ok(*self.args, "--blend", "--quiet").out.decode())
        alpha = given.split()[5].removeprefix(tag + "-blend")
        self.assertEqual(given, self.ok(*self.args, "--blend", alpha).out.decode())
        self.assertIn(
            f"{float(alpha)} where it has no value", self.ok("rerank", "--help").out.decode()
        )
        self.fails(2, *self.args, "--blend-method", "rrf", says=["--blend-method", "--blend"])


if __name__ == "__main__":
    unittest.main()
