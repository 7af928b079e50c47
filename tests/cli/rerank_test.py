"""crossrank rerank: a TREC run to a TREC run; what a kill leaves is gone on with."""

import fcntl
import json
import re
import signal
import statistics
import unittest

from harness import LABELS3, TINY, WIDE, jsonl
from trec_sets import RerankTest, lines_of, made_set, read_trec


class Rerank(RerankTest):
    def logits(self, qid, docids, *args, text=lambda document: document["text"]):
        """What `crossrank score` gives."""
        pairs = [
            {"query": self.queries[qid], "document": text(self.corpus[docid])} for docid in docids
        ]
        return [row["logit"] for row in self.ok("score", *args, stdin=jsonl(pairs)).rows]

    def test_each_query_is_ranked_by_logits(self):
        files = self.files(*made_set(5, 60, 30))
        run = self.ok("rerank", *files, "-k", "10", "--model", TINY, "--max-length", "32")
        found = read_trec(run.out.decode())
        self.assertEqual(list(found), list(self.first))
        for qid, results in found.items():
            best = [d for d, _ in sorted(self.first[qid], key=lambda one: -one[1])[:10]]
            logits = self.logits(qid, best, "--model", TINY, "--max-length", "32")
            expected = sorted(zip(best, logits), key=lambda one: -one[1])
            self.assertEqual([docid for docid, _, _ in results], [docid for docid, _ in expected])
            self.assertEqual([score for _, _, score in results], [logit for _, logit in expected])
            self.assertEqual([rank for _, rank, _ in results], list(range(1, 11)))
        self.assertIn("reranked 5 queries, 50 pairs", run.err)
        self.assertIn('"title", which is not scored', run.err)

    def test_files_and_details(self):
        files = self.files(*made_set(3, 20, 8))
        out, details = self.folder / "out.trec", self.folder / "details.jsonl"
        args = ("rerank", *files, "--model", TINY, "--metadata-template", "{title}. {page_content}")
        run = self.ok(*args, "-o", out, "--details", details)
        self.assertEqual(run.out, b"")
        self.assertNotIn("title", run.err)
        self.assertEqual(out.read_bytes(), self.ok(*args).out)
        rows = [json.loads(line) for line in details.read_text().splitlines()]
        trec_rows = [
            (qid, *row) for qid, results in read_trec(out.read_text()).items() for row in results
        ]
        self.assertEqual(
            [(row["qid"], row["docid"], row["rank"], row["score"]) for row in rows], trec_rows
        )
        for row in rows:
            self.assertEqual(
                self.logits(
                    row["qid"],
                    [row["docid"]],
                    "--model",
                    TINY,
                    text=lambda document: f"{document['title']}. {document['text']}",
                ),
                [row["logit"]],
            )
            self.assertEqual(dict(self.first[row["qid"]])[row["docid"]], row["first_stage_score"])
            self.assertIn("tokens_used", row["truncation"])
        self.assertEqual(
            sorted(p.name for p in self.folder.iterdir() if "out" in p.name), ["out.trec"]
        )

    def test_killed_runs_go_on(self):
        files = self.files(*made_set(40, 200, 100))
        args = ("rerank", *files, "--model", WIDE, "--threads", "1")
        expected = self.ok(*args).out
        out, partial = self.folder / "out.trec", self.folder / "out.trec.partial"
        done, kills = 1, 0
        while stopped := self.stopped_at(done + 3, partial, signal.SIGKILL, *args, "-o", out):
            kills += 1
            self.assertEqual(stopped[0], -signal.SIGKILL)
            self.assertFalse(out.exists())
            lines = lines_of(partial)
            self.assertGreaterEqual(lines, done)  # nothing is lost
            done = lines
        self.assertGreater(kills, 1)
        self.assertEqual(out.read_bytes(), expected)
        self.assertFalse(partial.exists())

    def test_what_a_kill_may_leave_of_a_line(self):
        files = self.files(*made_set(40, 200, 100))
        args = ("rerank", *files, "--model", WIDE, "--threads", "1")
        expected = self.ok(*args).out
        out, partial = self.folder / "out.trec", self.folder / "out.trec.partial"
        self.assertTrue(self.stopped_at(5, partial, signal.SIGKILL, *args, "-o", out))
        journal = partial.read_bytes()
        for size in (0, 5, journal.index(b"\n") + 1, len(journal) // 2, len(journal)):
            partial.write_bytes(journal[:size])
            said = self.ok(*args, "-o", out).err
            behind = int((re.findall(r"going on behind the (\d+)", said) or ["0"])[0])
            self.assertIn(f"reranked {40 - behind} queries, {4000 - 100 * behind:,} pairs", said)
            self.assertEqual(out.read_bytes(), expected)
        partial.write_bytes(journal)
        for other in (
            ("--max-length", "16"),
            ("--blend", "0.5"),
            ("-k", "3"),
            ("--precision", "int8"),
        ):
            self.fails(2, *args, *other, "-o", out, says=["out.trec.partial", "delete"])
        self.write("queries.tsv", "".join(f"{q}\t{t}!\n" for q, t in self.queries.items()))
        self.fails(2, *args, "-o", out, says="out.trec.partial")

    def test_ctrl_c_says_how_to_go_on(self):
        files = self.files(*made_set(40, 200, 100))
        out, partial = self.folder / "out.trec", self.folder / "out.trec.partial"
        args = ("rerank", *files, "--model", WIDE, "--threads", "1", "-o", out)
        code, err = self.stopped_at(3, partial, signal.SIGINT, *args)
        self.assertEqual(code, 130)
        self.assertRegex(err, r"behind \d+ of 40 queries; the same command goes on from there")
        with open(partial, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.fails(2, *args, says="in use")
        self.assertIn("going on behind the", self.ok(*args).err)

    def test_blend(self):
        files = self.files(*made_set(3, 30, 12))
        args = ("rerank", *files, "--model", TINY)
        plain = read_trec(self.ok(*args).out.decode())
        ends = {
            method: [
                read_trec(self.ok(*args, "--blend", alpha, "--blend-method", method).out.decode())
                for alpha in ("0", "1", "0.3")
            ]
            for method in ("z", "rrf")
        }
        for qid in plain:
            first = [d for d, _ in sorted(self.first[qid], key=lambda one: -one[1])]
            logits = {d: s for d, _, s in plain[qid]}
            for none, whole, _ in ends.values():
                self.assertEqual([d for d, _, _ in none[qid]], first)
                self.assertEqual([d for d, _, _ in whole[qid]], [d for d, _, _ in plain[qid]])
            bm25 = dict(self.first[qid])

            def z(values, one):
                return (values[one] - statistics.fmean(values.values())) / statistics.pstdev(
                    values.values()
                )

            for docid, _, score in ends["z"][2][qid]:
                self.assertAlmostEqual(
                    score, 0.3 * z(logits, docid) + 0.7 * z(bm25, docid), places=5
                )
            for docid, _, score in ends["rrf"][2][qid]:
                ranks = [d for d, _, _ in plain[qid]].index(docid), first.index(docid)
                self.assertAlmostEqual(
                    score, 0.3 / (61 + ranks[0]) + 0.7 / (61 + ranks[1]), places=7
                )

    def test_what_is_nowhere(self):
        queries, corpus, first = made_set(3, 20, 6)
        first["q1"].append(("nowhere", 30.0))
        first["unknown"] = [("d1", 1.0)]
        files = self.files(queries, corpus, first)
        args = ("rerank", *files, "--model", TINY)
        self.fails(4, *args, says=["first.trec:20:", 'no text of the query "unknown"'])
        self.write("queries.tsv", queries + "unknown\ttea\n")
        self.fails(4, *args, says=["first.trec:13:", 'no document "nowhere"'])
        self.write("queries.tsv", queries)
        run = self.ok(*args, "--skip-bad")
        self.assertIn("skipped 2 lines, the first: ", run.err)
        self.assertEqual(
            {q: len(r) for q, r in read_trec(run.out.decode()).items()},
            dict.fromkeys(("q0", "q1", "q2"), 6),
        )

    def test_candidates_that_stand_twice(self):
        queries, corpus, first = made_set(1, 5, 5)
        first["q0"] = [(docid, score + 1) for docid, score in first["q0"]] + first["q0"]
        corpus += [dict(document, text="other") for document in corpus]
        files = self.files(queries, corpus, first)
        run = self.ok("rerank", *files, "--model", TINY)
        self.assertEqual(len(read_trec(run.out.decode())["q0"]), 5)
        self.assertIn("first.trec: 5 lines", run.err)
        self.assertIn("5 lines of", run.err)

    def test_a_warning_names_flags(self):
        cut = ("--truncation", "chunk_max", "--max-chars", "5")
        run = self.ok("rerank", *self.files(*made_set(2, 10, 4)), "--model", TINY, *cut)
        self.assertIn("query q0: Chunks cover only the first 5 characters", run.err)
        self.assertIn("raise --max-chars", run.err)

    def test_other_forms(self):
        """BEIR's and Pyserini's names, integers, CRLF, byte order marks, blank lines, tabs."""
        beir = jsonl([{"_id": 1, "text": "tea"}, {"docid": "2", "contents": "sea", "url": "u"}])
        run = self.ok(
            "rerank",
            "--queries",
            self.write("q", "\ufeff" + jsonl([{"_id": "a", "text": "moon"}]) + "\n"),
            "--corpus",
            self.write("c", "\ufeff" + beir.replace("\n", "\r\n")),
            "--run",
            self.write("r", "\ufeffa\tQ0\t1\t1\t+2e0\tt\r\n\n a  0  2 2 1 t \n"),
            "--model",
            TINY,
            "--metadata-fields",
            "url",
        )
        self.assertEqual({d for d, _, _ in read_trec(run.out.decode())["a"]}, {"1", "2"})

    def test_inputs_that_cannot_be(self):
        queries, corpus, first = made_set(2, 6, 3)
        good = self.files(queries, corpus, first)

        def with_file(flag, content, code, says):
            args = list(good)
            args[args.index(flag) + 1] = self.write("bad", content)
            self.fails(code, "rerank", *args, "--model", TINY, says=says)

        with_file("--queries", "q0 no tab\n", 4, ["bad:1:", "no tab"])
        with_file("--queries", "q0\ta\nq0\tb\n", 4, ["bad:2:", "second time"])
        with_file("--corpus", '{"id": "d1"}\n', 4, ["bad:1:", "text"])
        with_file("--corpus", '{"text": "a"}\n', 4, ["bad:1:", "id"])
        with_file("--corpus", '{"id": 1.5, "text": "a"}\n', 4, "bad:1:")
        with_file("--corpus", '{"id": "1", "text": ["a"]}\n', 4, ["bad:1:", "string"])
        with_file("--corpus", "[1]\n", 4, "bad:1:")
        with_file("--run", "q0 Q0 d1 1 1.0\n", 4, ["bad:1:", "this one has 5"])
        for score in ("nan", "inf", "1e400", "1x", "0x10", "--1"):
            with_file("--run", f"q0 Q0 d1 1 {score} t\n", 4, ["bad:1:", "the score"])
        for flag in ("--queries", "--corpus", "--run"):
            args = list(good)
            args[args.index(flag) + 1] = str(self.folder / "missing")
            self.fails(3, "rerank", *args, says="missing")
        self.fails(2, "rerank", *good, "--blend", "1.5", says="--blend")
        self.fails(2, "rerank", *good, "--details", "x", says="--output")
        same = self.folder / "same"
        self.fails(2, "rerank", *good, "--details", same, "-o", same, says="one file")
        self.fails(3, "rerank", *good, "-o", "/dev/null", says="no regular file")
        with_file("--run", "q0 Q0 d\x1b[2J 1 1.0 t\n", 4, ["bad:1:", "control characters"])
        self.fails(2, "rerank", "--queries", "q", says="--corpus")
        self.fails(3, "rerank", *good, "--model", LABELS3, says="one label")
        tight = ("--truncation", "error", "--max-length", "4")
        says = ["corpus.jsonl:", 'for query "q0"', "--max-length"]
        self.fails(4, "rerank", *good, "--model", TINY, *tight, says=says)


if __name__ == "__main__":
    unittest.main()
