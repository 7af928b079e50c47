"""crossrank eval: what it prints, what it refuses, and that a report holds any text as data."""

import json
import os
import re
import unittest

from harness import SOURCE, CliTest, run_on_terminal

CASES = SOURCE / "tests" / "eval" / "cases"
EXPECTED = json.loads((CASES / "expected.json").read_text("utf-8"))["cases"]
QRELS = "".join(f"q{q} 0 d{d} {1 if d == 3 else 0}\n" for q in range(10) for d in range(5))


def run_file(places):
    """A run in which the relevant document of query q stands at places[q]."""
    lines = []
    for q, place in enumerate(places):
        order = [0, 1, 2, 4]
        order.insert(place - 1, 3)
        lines += [f"q{q} Q0 d{d} {i} {9 - i} tag\n" for i, d in enumerate(order, 1)]
    return "".join(lines)


class EvalTest(CliTest):
    def setUp(self):
        super().setUp()
        self.qrels = self.write("qrels.txt", QRELS)
        self.before = self.write("before.trec", run_file([3, 4, 3, 5, 3, 4, 3, 2, 1, 3]))
        self.after = self.write("after.trec", run_file([1, 2, 1, 2, 1, 1, 1, 2, 2, 1]))

    def eval(self, *args, runs=None, **kwargs):
        named = [x for run in runs or (self.before, self.after) for x in ("--run", run)]
        return self.ok("eval", "--qrels", self.qrels, *named, *args, **kwargs)

    def refused(self, code, *args, says=(), qrels=None, runs=None, **kwargs):
        named = [x for run in runs or (self.before,) for x in ("--run", run)]
        return self.fails(
            code, "eval", "--qrels", qrels or self.qrels, *named, *args, says=says, **kwargs
        )


class Output(EvalTest):
    def test_a_pipe_gets_a_line_a_record(self):
        run = self.eval("--per-query")
        kinds = [row["record"] for row in run.rows]
        self.assertEqual(kinds, (["mean"] + ["query"] * 10) * 2 + ["comparison"] * 5)
        mean = run.rows[0]
        self.assertEqual(mean["run"], "before.trec")
        self.assertEqual(list(mean["measures"]), ["nDCG@10", "MRR@10", "MAP", "R@100", "judged@10"])
        places = [3, 4, 3, 5, 3, 4, 3, 2, 1, 3]
        self.assertAlmostEqual(mean["measures"]["MRR@10"], sum(1 / p for p in places) / 10, 12)
        self.assertEqual(run.rows[1]["query"], "q0")
        self.assertEqual(run.rows[1]["measures"]["MRR@10"], 1 / 3)  # the shortest decimal of it
        comparison = run.rows[-5]
        self.assertEqual(
            [comparison[k] for k in ("run", "baseline", "measure", "queries")],
            ["after.trec", "before.trec", "nDCG@10", 10],
        )
        self.assertEqual([comparison[k] for k in ("wins", "ties", "losses")], [8, 1, 1])
        self.assertEqual(comparison["verdict"], "helped")
        self.assertIsNone(run.rows[-1]["verdict"])  # of judged@10
        self.assertEqual(run.out, self.eval("--per-query", "--format", "jsonl").out)
        self.assertTrue(
            run.err.startswith("crossrank: after.trec helped: its nDCG@10 is "), run.err
        )
        self.assertEqual(self.eval("--quiet").err, "")

    def test_json_is_one_object(self):
        result = json.loads(self.eval("--format", "json").out)
        self.assertEqual(
            list(result),
            ["qrels", "relevance_level", "all_queries", "runs", "comparisons", "conclusions"],
        )
        self.assertEqual(len(result["comparisons"]), 5)
        self.assertEqual(len(result["conclusions"]), 1)
        low, high = result["runs"][0]["intervals"]["MRR@10"]
        self.assertTrue(low < result["runs"][0]["measures"]["MRR@10"] < high)
        with_queries = json.loads(self.eval("--format", "json", "--per-query").out)
        self.assertEqual(len(with_queries["runs"][1]["per_query"]), 10)
        alone = json.loads(self.eval("--format", "json", runs=[self.before]).out)
        self.assertEqual([alone["comparisons"], alone["conclusions"]], [[], []])

    def test_tsv_is_five_columns(self):
        lines = [line.split("\t") for line in self.eval("--format", "tsv", "--per-query").lines]
        self.assertEqual({len(line) for line in lines}, {5})
        self.assertEqual(lines[0][:4], ["mean", "before.trec", "nDCG@10", "all"])
        self.assertEqual(
            sorted({line[0] for line in lines}),
            ["difference", "high", "losses", "low", "mean", "p", "query", "ties", "wins"],
        )

    def test_a_terminal_gets_tables_and_a_sentence(self):
        args = ["eval", "--qrels", self.qrels, "--run", self.before, "--run", self.after]
        code, shown = run_on_terminal([*args, "--per-query"], self.env, columns=120)
        self.assertEqual(code, 0)
        text = shown.decode().replace("\r\n", "\n")
        self.assertRegex(text, r"\nafter.trec +10 +0\.\d{4} ")
        self.assertIn("after.trec against before.trec, over 10 queries\n", text)
        self.assertRegex(text, r"\nnDCG@10 +\+0\.\d{4} .* 8 +1 +1 +helped\n")
        self.assertEqual(text.count("helped: its nDCG@10"), 1)  # not on standard error too

    def test_hurt_and_undecided(self):
        hurt = json.loads(self.eval("--format", "json", runs=[self.after, self.before]).out)
        self.assertTrue(hurt["conclusions"][0].startswith("before.trec hurt: its nDCG@10 is 0."))
        other = self.write("other.trec", run_file([4, 3, 3, 5, 4, 3, 3, 2, 1, 3]))
        unclear = json.loads(self.eval("--format", "json", runs=[self.before, other]).out)
        self.assertTrue(unclear["conclusions"][0].startswith("Undecided whether other.trec helps"))

    def conclusion(self, *runs):
        [said] = json.loads(self.eval("--format", "json", runs=runs).out)["conclusions"]
        return said

    def test_equal_rankings_are_not_undecided(self):
        same = self.write("same.trec", run_file([3, 4, 3, 5, 3, 4, 3, 2, 1, 3]))
        self.assertEqual(
            self.conclusion(self.before, same),
            "same.trec and before.trec have the same nDCG@10 for each of 10 queries.",
        )

    def test_what_may_explain_a_difference_is_said(self):
        self.assertTrue(self.conclusion(self.before, self.after).endswith("1 worse)."))
        lines = run_file([1] * 10)
        unjudged = self.write("unjudged.trec", lines.replace(" d1 ", " x1 ").replace("d4", "x4"))
        said = self.conclusion(self.before, unjudged)
        self.assertIn("100 % are judged in before.trec and 60 % in unjudged.trec", said)
        short = self.write("short.trec", "".join(re.findall(r".* [123] \d tag\n", lines)))
        said = self.conclusion(self.before, short)
        self.assertIn("up to 5 documents a query, short.trec up to 3", said)

    def test_ids_of_documents_that_do_not_agree(self):
        other = self.write("other.trec", run_file([1] * 10).replace(" d", " doc-"))
        self.assertIn("do the ids of the documents agree?", self.eval(runs=[other]).err)
        self.assertNotIn("do the ids", self.eval().err)

    def test_scores_against_ranks(self):
        by_rank = re.sub(r" (\d) \d tag", r" \1 \1 tag", run_file([1] * 10))
        said = self.eval(runs=[self.write("ranks.trec", by_rank)]).err
        self.assertIn("ranks.trec: 40 lines with a worse rank and a better score", said)

    def test_texts_and_details_of_another_set(self):
        report = ("--report", self.folder / "report.html")
        queries = self.write("others.tsv", "x1\ttext\n")
        said = self.eval(*report, "--queries", queries).err
        self.assertIn("others.tsv: none of its queries is in ", said)
        details = self.write(
            "details.jsonl",
            '{"qid":"x1","docid":"d","rank":1,'
            '"truncation":{"tokens_total":9,"tokens_used":9,"chars_cut":0}}\n',
        )
        said = self.eval(*report, "--details", details).err
        self.assertIn("details.jsonl: none of its queries is in ", said)

    def test_files_of_one_name_are_told_apart_by_their_paths(self):
        (self.folder / "b").mkdir()
        other = self.write("b/before.trec", run_file([1] * 10))
        rows = self.eval(runs=[self.before, other]).rows
        self.assertEqual([rows[0]["run"], rows[1]["run"]], [self.before, other])

    def test_standard_input_is_a_run(self):
        stdin = run_file([1] * 10)
        rows = self.eval("--measures", "P@1", runs=["-"], stdin=stdin).rows
        self.assertEqual(rows[0]["measures"], {"P@1": 1.0})

    def test_a_case_by_the_command(self):
        args = ["eval", "--qrels", CASES / "ties.qrels", "--run", CASES / "ties.run"]
        run = self.ok(*args, "--relevance-level", "2", "--measures", "ap,RR,P@5")
        wanted = EXPECTED["ties"]["2"]["mean"]
        self.assertAlmostEqual(run.rows[0]["measures"]["ap"], wanted["MAP"], 12)
        self.assertAlmostEqual(run.rows[0]["measures"]["RR"], wanted["MRR"], 12)

    def test_what_a_mean_leaves_out_is_said(self):
        args = ["eval", "--qrels", CASES / "missing_queries.qrels"]
        args += ["--run", CASES / "missing_queries.run", "--measures", "P@5"]
        run = self.ok(*args)
        self.assertIn("lacks 3 of the 9 queries", run.err)
        self.assertIn("--all-queries", run.err)
        self.assertIn("has 1 query that", run.err)
        self.assertEqual([run.rows[0][k] for k in ("queries", "missing_queries")], [6, 3])
        counted = self.ok(*args, "--all-queries").rows[0]
        self.assertEqual([counted[k] for k in ("queries", "missing_queries")], [9, 3])
        self.assertAlmostEqual(
            counted["measures"]["P@5"], run.rows[0]["measures"]["P@5"] * 6 / 9, 12
        )
        self.assertEqual(self.ok(*args, "--quiet").err, "")

    def test_duplicates_are_said(self):
        qrels, run = CASES / "duplicates.qrels", CASES / "duplicates.run"
        done = self.ok("eval", "--qrels", qrels, "--run", run, "--quiet")
        self.assertEqual(done.err.count("a later line has again: the last one counts"), 2)
        self.assertEqual(done.rows[0]["duplicate_lines"], 1)

    def test_ids_cannot_drive_a_terminal(self):
        evil = "q\x1b[31m\u202e"
        qrels = self.write("evil.qrels", f"{evil} 0 d 1\n".encode() + b"\xff 0 d 1\n")
        run = self.write("evil.trec", f"{evil} Q0 d 1 1 t\n".encode() + b"\xff Q0 d 1 1 t\n")
        for form in ("table", "json", "jsonl", "tsv"):
            args = ["--format", form, "--per-query"]
            done = self.ok("eval", "--qrels", qrels, "--run", run, *args)
            self.assertNotIn(b"\x1b", done.out, form)
            done.out.decode("utf-8")


class Refusals(EvalTest):
    def test_usage(self):
        self.fails(2, "eval", "--run", self.before, says="--qrels is required")
        self.fails(2, "eval", "--qrels", self.qrels, says="--run is required")
        for measures, says in (
            ("nDCG@ten", "'nDCG@ten' has no number"),
            ("bpref", "there are nDCG"),
            ("P", "P@10"),
            ("MAP,AP", "there twice"),
            ("judged@10", "another one before it"),
        ):
            self.refused(2, "--measures", measures, says=says)
        self.refused(2, "--relevance-level", "0", says="from 1 on")
        self.refused(2, "--format", "trec", says="none of table|json|jsonl|tsv")
        self.refused(2, runs=[self.before, self.before], says="twice")
        self.refused(2, "--queries", "q.tsv", says="are for --report")
        self.refused(2, qrels="-", runs=["-"], says="only one file can be -")
        self.refused(2, "--report", "-", says="--report")
        self.refused(2, "--report", self.qrels, says=["--report", "--qrels"])
        self.refused(2, "--report", self.before, says=["--report", "--run"])
        self.assertEqual((self.folder / "qrels.txt").read_text(), QRELS)

    def test_files_that_are_not_there(self):
        self.refused(3, runs=["nowhere.trec"], says="nowhere.trec does not exist")
        self.refused(3, qrels="nowhere.txt", says="nowhere.txt does not exist")
        self.refused(3, runs=[self.folder], says="is a folder")

    def test_bad_input_is_named_with_file_and_line(self):
        run = self.write("bad.trec", "q1 Q0 d 1 2 t\nq1 Q0 e 1 nan t\n")
        self.refused(4, runs=[run], says=["bad.trec:2: ", "'nan'"])
        qrels = self.write("bad.qrels", "q1 0 d\n")
        self.refused(4, qrels=qrels, says=["bad.qrels:1: ", "QUERY 0 DOCUMENT GRADE"])
        queries = self.write("queries.tsv", "q1\ttext\nq2 text\n")
        report = ("--report", self.folder / "report.html")
        self.refused(4, "--queries", queries, *report, says=["queries.tsv:2: ", "no tab"])
        good = '{"qid":"q1","docid":"d","rank":1,"truncation":{"tokens_total":9,"tokens_used":9,'
        for line, says in (
            ("[]", "must be an object"),
            ("{", "details.jsonl:2: "),
            ('{"qid":1}', '"qid" must be there, a string'),
            ('{"qid":"q1","docid":"d","rank":0}', "counts from 1"),
            ('{"qid":"q1","docid":"d","rank":1}', "rerank --details"),
            (good + '"chars_cut":-1}}', '"chars_cut" must be there, a whole number'),
        ):
            details = self.write("details.jsonl", good + '"chars_cut":0}}\n' + line + "\n")
            self.refused(4, "--details", details, *report, says=["details.jsonl:2: ", says])
        self.assertFalse((self.folder / "report.html").exists())
        self.refused(4, runs=["-"], stdin=b"\xff", says="standard input:1: ")

    def test_other_queries_altogether(self):
        run = self.write("other.trec", "x1 Q0 d 1 2 t\n")
        self.refused(4, runs=[run], says=["none of its 1 queries", "do the ids"])
        empty = self.write("empty.trec", "\n")
        self.refused(4, "--all-queries", runs=[empty], says="the run is empty")

    def test_grades_that_no_exponent_bears(self):
        qrels = self.write("high.qrels", "q1 0 d3 901\n")
        self.refused(2, "--measures", "nDCG_exp@10", qrels=qrels, says="901")
        self.ok("eval", "--qrels", qrels, "--run", self.before, "--measures", "nDCG@10")


class Report(EvalTest):
    HOSTILE = '</script><script>alert(1)</script> <!-- "quoted" \\ & \u2028 \x01 é'

    def data(self, page):
        """The page's data, which is between the first such tag and the first tag that ends it."""
        text = page.read_text("utf-8")
        inside = text.split('<script type="application/json" id="data">')[1].split("</script>")[0]
        self.assertNotIn("<", inside)
        self.assertNotIn("\u2028", inside)
        return json.loads(inside), text

    def test_the_report_holds_what_was_measured(self):
        queries = self.write("queries.tsv", f"q0\t{self.HOSTILE}\r\nq1\t{'long ' * 200}\n")
        page = self.folder / "report.html"
        run = self.eval("--queries", queries, "--report", page)
        data, text = self.data(page)
        self.assertEqual(data["measures"], list(run.rows[0]["measures"]))
        for mean, name in zip(data["runs"][0]["means"], data["measures"], strict=True):
            self.assertAlmostEqual(mean, run.rows[0]["measures"][name], 6)
        self.assertEqual(data["queries"][0]["text"], self.HOSTILE)
        self.assertEqual(len(data["queries"][1]["text"]), 401)
        self.assertIsNone(data["queries"][2]["text"])
        self.assertEqual(data["extremes"][0]["worst"], [8])
        self.assertEqual(len(data["extremes"][0]["best"]), 8)
        for scores in (r["scores"] for r in data["runs"]):
            self.assertEqual(sum(scores["relevant"]), 10)
            self.assertEqual(sum(scores["not_relevant"]), 40)
        self.assertEqual(len(data["runs"][0]["ndcg_by_depth"]), 100)
        # One script that runs, and no address that a browser would ask.
        self.assertEqual(len(re.findall(r"<script\b", text)), 2)
        self.assertIn("default-src 'none'", text)
        self.assertFalse(re.findall(r"\b(?:src|href)=[\"'](?!data:)", text.split("<script>")[0]))

    def test_details_of_a_reranking_are_counted(self):
        examples = SOURCE / "examples"
        run, details = self.folder / "new.trec", self.folder / "details.jsonl"
        args = ["--queries", examples / "queries.tsv", "--corpus", examples / "corpus.jsonl"]
        args += ["--run", examples / "bm25.trec", "-o", run, "--details", details]
        self.ok("rerank", "--model", "builtin", "--max-length", "48", *args)
        page = self.folder / "report.html"
        qrels = ["--qrels", examples / "qrels.txt", "--run", run]
        self.ok("eval", *qrels, "--details", details, "--report", page)
        shares = self.data(page)[0]["truncation"]
        rows = [json.loads(line) for line in details.read_text().splitlines()]
        cut = sum(r["truncation"]["tokens_used"] < r["truncation"]["tokens_total"] for r in rows)
        self.assertGreater(cut, 3)
        self.assertEqual(shares["relevant"][0][1], 7)  # BM25 finds 7 of the 8 answers
        self.assertEqual([shares[k][1] for k in ("relevant", "others")], [[0, 0]] * 2)
        self.assertEqual(shares["relevant"][0][0] + shares["others"][0][0], cut)
        self.assertEqual(shares["relevant"][0][1] + shares["others"][0][1], len(rows))

        # In chunks all of a document is scored, though the best one has less.
        run.unlink()
        chunks = ("--truncation", "chunk_max", "--chunk-tokens", "32", "--chunk-overlap", "8")
        self.ok("rerank", "--model", "builtin", *chunks, *args)
        self.assertIn('"span"', details.read_text())
        self.ok("eval", *qrels, "--details", details, "--report", page)
        shares = self.data(page)[0]["truncation"]
        self.assertEqual([shares["relevant"][0][0], shares["others"][0][0]], [0, 0])

    def test_it_replaces_a_file_and_nothing_else(self):
        page = self.folder / "report.html"
        page.write_text("old")
        (self.folder / "link.html").symlink_to(page)
        self.eval("--report", self.folder / "link.html")
        self.assertTrue((self.folder / "link.html").is_symlink())
        self.assertIn("Ranking quality", page.read_text("utf-8"))
        self.assertEqual([p.name for p in self.folder.iterdir() if ".new" in p.name], [])
        for target in (self.folder, "/dev/null"):
            self.refused(3, "--report", target, says="no regular file")
        self.refused(3, "--report", self.folder / "none" / "r.html", says="cannot be written")
        self.assertTrue(os.path.exists("/dev/null"))

    def test_one_run_has_a_report_too(self):
        page = self.folder / "report.html"
        self.eval("--report", page, runs=[self.before])
        data, _ = self.data(page)
        self.assertEqual(data["comparisons"], [])
        self.assertEqual(len(data["extremes"][0]["worst"]), 10)


if __name__ == "__main__":
    unittest.main()
