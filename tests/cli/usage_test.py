"""The command line itself: help, version, and every way to get it wrong, which is exit code 2."""

import re
import unittest

from harness import TINY, CliTest

COMMANDS = ["rank", "score", "eval", "tokenize", "info", "models", "pull", "doctor"]


class Help(CliTest):
    def test_help_is_one_screen_and_names_every_command(self):
        run = self.ok("--help")
        self.assertEqual(run.err, "")
        self.assertLessEqual(len(run.lines), 24)
        self.assertLessEqual(max(map(len, run.lines)), 80)
        for command in COMMANDS:
            self.assertRegex(run.out.decode(), rf"crossrank {command}\b")

    def test_each_command_has_help(self):
        for command in COMMANDS:
            run = self.ok(command, "--help")
            self.assertIn(command, run.out.decode())
            self.assertEqual(run.err, "")

    def test_help_of_rank_names_every_flag(self):
        text = self.ok("rank", "--help").out.decode()
        for flag in (
            "query model precision threads isa max-length max-chars truncation "
            "chunk-tokens chunk-overlap max-chunks batch-tokens top-k min-logit "
            "min-probability format return-documents no-return-documents quiet lines "
            "skip-bad metadata-fields metadata-template max-metadata-chars"
        ).split():
            self.assertRegex(text, rf"--{flag}\b")

    def test_version(self):
        self.assertRegex(self.ok("--version").out.decode(), r"^crossrank .*\d+\.\d+\.\d+.*\n$")


class Usage(CliTest):
    def test_no_command(self):
        self.fails(2, says="crossrank --help")

    def test_unknown_command(self):
        self.fails(2, "rerunk", says=["unknown command 'rerunk'", "rank, hybrid, score"])

    def test_unknown_flag(self):
        run = self.fails(
            2, "rank", "-q", "x", "--modle", "builtin", says="unknown option '--modle'"
        )
        self.assertNotIn("builtin", run.err)
        self.fails(2, "--modle", says="unknown option '--modle'")

    def test_no_query(self):
        run = self.fails(2, "rank", says=["--query", "crossrank rank --help"], stdin='"a"\n')
        self.assertEqual(run.out, b"")

    def test_two_files(self):
        self.fails(2, "rank", "-q", "x", "a", "b", says="b")

    def test_counts(self):
        for flag in (
            "threads max-length max-chars chunk-tokens chunk-overlap max-chunks "
            "batch-tokens top-k max-metadata-chars"
        ).split():
            for value in ("-1", "x", "1.5", "", "99999999999999999999", "0x10", "1 "):
                with self.subTest(flag=flag, value=value):
                    run = self.fails(2, "rank", "-q", "x", f"--{flag}", value, says=f"--{flag}")
                    self.assertIn("whole number", run.err)

    def test_counts_that_cannot_be_zero(self):
        for flag in ("batch-tokens", "chunk-tokens", "max-chunks"):
            self.fails(2, "score", f"--{flag}", "0", says="from 1 on")

    def test_numbers(self):
        for flag, value in (
            ("min-logit", "x"),
            ("min-logit", "nan"),
            ("min-logit", "inf"),
            ("min-probability", "1.5"),
            ("min-probability", "-0.1"),
        ):
            self.fails(2, "rank", "-q", "x", f"--{flag}", value, says=[f"--{flag}", "number"])

    def test_choices(self):
        for flag, value in (("format", "xml"), ("truncation", "left"), ("precision", "fp64")):
            self.fails(2, "rank", "-q", "x", f"--{flag}", value, says=[f"--{flag}", value, "|"])
        self.fails(2, "score", "--format", "trec", says="trec")
        self.fails(2, "rank", "-q", "x", "--isa", "mmx", says=["mmx", "scalar"])

    def test_overlap_of_a_whole_chunk(self):
        self.fails(
            2,
            "rank",
            "-q",
            "x",
            "--model",
            TINY,
            "--truncation",
            "chunk_max",
            "--chunk-tokens",
            "8",
            "--chunk-overlap",
            "8",
            stdin='"a"\n',
            says="overlap",
        )

    def test_max_length_without_room_for_a_text(self):
        self.fails(
            2,
            "score",
            "--model",
            TINY,
            "--max-length",
            "2",
            stdin='{"query":"a","document":"b"}\n',
            says="2",
        )

    def test_a_flag_twice(self):
        self.fails(2, "rank", "-q", "x", "-q", "y", says="query")

    def test_fields_and_template_exclude_each_other(self):
        self.fails(
            2,
            "rank",
            "-q",
            "x",
            "--model",
            TINY,
            "--metadata-fields",
            "a",
            "--metadata-template",
            "{page_content}",
            stdin='"a"\n',
            says="metadata",
        )

    def test_windows_that_do_not_advance(self):
        for args in (["rank", "-q", "x"], ["score"], ["tokenize"]):
            self.fails(
                2,
                *args,
                "--truncation",
                "chunk_max",
                "--chunk-tokens",
                "16",
                says=["--chunk-tokens 16", "--chunk-overlap", "32"],
            )

    def test_tokenize_checks_its_options_before_the_first_text(self):
        self.fails(2, "tokenize", "--model", TINY, "--max-length", "2", says="--max-length is 2")
        self.fails(
            2,
            "tokenize",
            "--model",
            TINY,
            "--max-length",
            "1",
            "--text",
            "a",
            says="--max-length is 1",
        )
        self.fails(2, "tokenize", "--model", TINY, "--text", "a", "FILE", says="--text")
        self.assertNotIn("terminal", self.ok("tokenize", "--help").out.decode())

    def test_a_template_without_the_text(self):
        self.fails(
            2,
            "rank",
            "-q",
            "x",
            "--model",
            TINY,
            "--metadata-template",
            "{title}",
            stdin='"a"\n',
            says="page_content",
        )

    def test_query_id_with_white_space(self):
        self.fails(2, "rank", "-q", "x", "--query-id", "a b", says="--query-id")

    def test_pull_without_a_revision_behind_the_at(self):
        self.fails(2, "pull", "a/b@", says="revision")

    def test_an_empty_model(self):
        for command in ("rank -q x", "score", "tokenize", "info", "doctor"):
            self.fails(2, *command.split(), "--model", "", says="--model")

    def test_pull_of_what_is_inside(self):
        self.fails(2, "pull", "builtin", says="inside")

    def test_messages_name_the_command_once(self):
        run = self.run_cli("rank")
        self.assertEqual(len(re.findall("crossrank: ", run.err)), 1)


if __name__ == "__main__":
    unittest.main()
