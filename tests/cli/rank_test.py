"""crossrank rank: what goes in, what comes out, and that documents come back as they were."""

import json
import unittest

from harness import LABELS3, TINY, WIDE, CliTest, jsonl

FIELDS = ["rank", "index", "id", "logit", "probability", "score", "document", "truncation", "stage"]
DOCUMENTS = [
    {"id": "a", "page_content": "green tea", "metadata": {"title": "Tea"}},
    {"id": 7, "text": "black coffee", "metadata": {"n": 1, "tags": ["x", "y"]}, "extra": [1, 2.50]},
    "a bare string",
    {"page_content": "the sea at night"},
    {"id": "e", "page_content": ""},
]


class Formats(CliTest):
    def rank(self, *args, documents=DOCUMENTS, **kwargs):
        return self.ok(
            "rank", "-q", "tea", "--model", TINY, *args, stdin=jsonl(documents), **kwargs
        )

    def test_max_chars_is_a_cut(self):
        long = jsonl([{"text": "tea"}, {"text": "é" * 401}])
        rank = ("rank", "-q", "tea", "--model", TINY, "--truncation")
        self.fails(4, *rank, "error", stdin=long, says=["standard input:2: ", "401 characters"])
        self.ok(*rank, "error", "--max-chars", "0", stdin=long)
        warned = self.ok(*rank, "chunk_max", stdin=long).err
        self.assertIn("first 400 characters of 1 document: raise --max-chars", warned)

    def test_jsonl_is_what_a_pipe_gets(self):
        run = self.rank("--top-k", "0")
        self.assertEqual([list(row) for row in run.rows], [FIELDS] * 5)
        self.assertEqual([row["rank"] for row in run.rows], [1, 2, 3, 4, 5])
        self.assertEqual(sorted(row["index"] for row in run.rows), [0, 1, 2, 3, 4])
        logits = [row["logit"] for row in run.rows]
        self.assertEqual(logits, sorted(logits, reverse=True))
        self.assertEqual(run.out, self.rank("--top-k", "0", "--format", "jsonl").out)
        for row in run.rows:
            self.assertEqual(row["stage"], "cross_encoder")
            self.assertEqual(
                list(row["truncation"]),
                [
                    "tokens_total",
                    "tokens_used",
                    "chars_cut",
                    "query_truncated",
                    "document_truncated",
                ],
            )
            self.assertEqual(row["score"], row["logit"])  # this model's activation is the identity

    def test_four_are_returned(self):
        self.assertEqual(len(self.rank().rows), 4)

    def test_one_line_names_model_and_weights(self):
        run = self.rank()
        self.assertRegex(
            run.err,
            rf"^crossrank: ranked 5 documents with {TINY}, weights "
            r"[0-9a-f]{12}, fp32, \w+, \d+ threads?\n$",
        )
        self.assertEqual(self.rank("--quiet").err, "")

    def test_json_is_one_object(self):
        run = self.rank("--format", "json")
        result = json.loads(run.out)
        self.assertEqual(
            list(result),
            [
                "query",
                "model",
                "weights_sha256",
                "precision",
                "results",
                "truncated_documents",
                "elapsed_ms",
            ],
        )
        self.assertEqual(
            (result["query"], result["model"], result["precision"]), ("tea", TINY, "fp32")
        )
        self.assertRegex(result["weights_sha256"], r"^[0-9a-f]{12}$")
        self.assertEqual(result["results"], self.rank().rows)
        self.assertEqual(run.out.count(b"\n"), 1)

    def test_tsv(self):
        rows = self.rank("--top-k", "0").rows
        lines = [line.split("\t") for line in self.rank("--top-k", "0", "--format", "tsv").lines]
        for row, line in zip(rows, lines, strict=True):
            self.assertEqual(len(line), 7)
            self.assertEqual(line[0], str(row["rank"]))
            self.assertEqual(line[2], "" if row["id"] is None else str(row["id"]))
            self.assertEqual(float(line[3]), row["logit"])
        run = self.rank("--format", "tsv", documents=["a\tb\nc\rd"])
        self.assertEqual(run.lines[0].split("\t")[6], "a b c d")
        self.assertEqual(
            len(self.rank("--format", "tsv", "--no-return-documents").lines[0].split("\t")), 6
        )

    def test_trec(self):
        rows = self.rank("--top-k", "0").rows
        sha = json.loads(self.rank("--format", "json").out)["weights_sha256"]
        lines = [line.split(" ") for line in self.rank("--top-k", "0", "--format", "trec").lines]
        for row, line in zip(rows, lines, strict=True):
            docid = row["index"] if row["id"] is None else row["id"]
            self.assertEqual(line[:4], ["q1", "Q0", str(docid), str(row["rank"])])
            self.assertEqual(float(line[4]), row["logit"])
            self.assertEqual(line[5], f"{TINY}-{sha}")
        self.assertTrue(
            self.rank("--format", "trec", "--query-id", "42").lines[0].startswith("42 Q0 ")
        )

    def test_trec_refuses_an_id_that_breaks_its_columns(self):
        self.fails(
            4,
            "rank",
            "-q",
            "x",
            "--model",
            TINY,
            "--format",
            "trec",
            says="a b",
            stdin='{"id":"a b","text":"c"}\n',
        )

    def test_numbers_are_the_shortest_float32(self):
        import struct

        for row, line in zip(self.rank().rows, self.rank().lines):
            as_float32 = struct.unpack("f", struct.pack("f", row["logit"]))[0]
            shorter = min(
                (
                    f"{as_float32:.{n}g}"
                    for n in range(1, 10)
                    if struct.unpack("f", struct.pack("f", float(f"{as_float32:.{n}g}")))[0]
                    == as_float32
                ),
                key=len,
            )
            self.assertEqual(float(shorter), row["logit"])
            self.assertNotRegex(line.split('"document"')[0], r"\d{11}")

    def test_table_has_aligned_columns_and_a_footer(self):
        documents = [
            {"id": "東京", "text": "日本の首都"},
            {"id": "x", "text": "cafe\u0301 au lait"},
        ]
        run = self.rank("--format", "table", documents=documents)
        self.assertEqual(len(run.lines), 5)
        self.assertEqual(run.lines[0], "query: tea")
        header = run.lines[1]
        self.assertEqual(header.split(), ["rank", "logit", "prob", "tokens", "id", "text"])
        for line in run.lines[2:4]:  # "東京" is two characters and four columns
            wide = "東京" in line
            self.assertIn(line[header.index("text") - (2 if wide else 0)], "日c")
        self.assertRegex(
            run.lines[4], rf"^2 of 2 documents, \d+ ms, {TINY}, weights [0-9a-f]{{12}}, "
        )
        self.assertEqual(run.err, "")


class Documents(CliTest):
    def rank(self, stdin, *args):
        return self.ok("rank", "-q", "tea", "--model", TINY, "--top-k", "0", *args, stdin=stdin)

    def by_index(self, stdin, *args):
        return sorted(self.rank(stdin, *args).rows, key=lambda row: row["index"])

    def test_documents_come_back_byte_for_byte(self):
        lines = [
            '{ "z":1e40 , "id" : 9007199254740993,"page_content":"a\\u00e9\\/", '
            '"metadata":{"n":1.0,"n":2} }',
            '"caf\\u00e9 \\ud83d\\ude00"',
            '{"text":"b","id":null,"more":[ 1, 2.50, -0.0, 1E5 ]}',
        ]
        run = self.rank("\n".join(lines))
        for line in run.lines:
            index = json.loads(line)["index"]
            self.assertIn('"document":' + lines[index] + ',"truncation"', line)
        self.assertIn('"id":9007199254740993,', run.out.decode())

    def test_an_array_over_many_lines(self):
        text = '\n [\n {"id": "a",\n  "text": "x, ] [ y"} ,\n\n "b\\"]"\n,["not a document"]]\n'
        self.fails(
            4,
            "rank",
            "-q",
            "x",
            "--model",
            TINY,
            stdin=text,
            says=["standard input:7: ", "not an array"],
        )
        rows = self.by_index(text.replace(',["not a document"]', ""))
        self.assertEqual(
            [row["document"] for row in rows], [{"id": "a", "text": "x, ] [ y"}, 'b"]']
        )
        self.assertIn(
            '"document":{"id":"a","text":"x, ] [ y"},',
            self.rank(text.replace(',["not a document"]', "")).out.decode(),
        )

    def test_array_and_lines_give_the_same_scores(self):
        logits = [row["logit"] for row in self.by_index(jsonl(DOCUMENTS))]
        self.assertEqual(
            [r["logit"] for r in self.by_index(json.dumps(DOCUMENTS, indent=2))], logits
        )

    def test_plain_lines(self):
        rows = self.by_index('first "line"\r\n\n   \n[second\n{third', "--lines")
        self.assertEqual([row["document"] for row in rows], ['first "line"', "[second", "{third"])
        self.assertEqual([row["id"] for row in rows], [None] * 3)

    def test_an_empty_list_is_an_empty_result(self):
        for text in ("", "\n \n", "[]", " [ \n ] \n"):
            self.assertEqual(self.rank(text).out, b"")
        run = self.ok("rank", "-q", "x", "--model", TINY, "--format", "json", stdin="[]")
        self.assertEqual(json.loads(run.out)["results"], [])

    def test_an_empty_query_is_a_query(self):
        run = self.ok("rank", "-q", "", "--model", TINY, stdin='"a"\n')
        self.assertEqual(len(run.rows), 1)

    def test_queries_that_look_like_something_else(self):
        for query in ("-v", "--help", "[a,b]", "@file", "a=b"):
            run = self.ok("rank", "-q", query, "--model", TINY, "--format", "json", stdin='"a"\n')
            self.assertEqual(json.loads(run.out)["query"], query)

    def test_a_byte_order_mark_is_no_text(self):
        plain = self.rank('{"text":"a"}\n').out
        self.assertEqual(self.rank(b'\xef\xbb\xbf{"text":"a"}\n').out, plain)

    def test_file_dash_and_stdin_are_the_same(self):
        path = self.write("documents.jsonl", jsonl(DOCUMENTS))
        wanted = self.rank(jsonl(DOCUMENTS)).out
        self.assertEqual(self.rank("", path).out, wanted)
        self.assertEqual(self.rank(jsonl(DOCUMENTS), "-").out, wanted)

    def test_control_characters_do_not_reach_the_terminal(self):
        text = "a\x1b[2J\x7f\x9b\u00a0\u00e9b"
        documents = jsonl([{"text": text, "id": "i\x1b\x9d"}])
        for format in ("tsv", "jsonl", "json", "table"):
            run = self.ok("rank", "-q", text, "--model", TINY, "--format", format, stdin=documents)
            shown = run.out.decode() + run.err
            for control in "\x1b\x7f\x9b\x9d":
                self.assertNotIn(control, shown, format)
            self.assertIn("\u00e9b", shown)
        (row,) = self.ok("rank", "-q", "a", "--model", TINY, stdin=documents).rows
        self.assertEqual((row["document"]["text"], row["id"]), (text, "i\x1b\x9d"))
        self.fails(
            4,
            "rank",
            "-q",
            "a",
            "--model",
            TINY,
            "--format",
            "trec",
            stdin=documents,
            says="control characters",
        )

    def test_ids_of_tables_and_runs(self):
        table = self.ok(
            "rank", "-q", "a", "--model", TINY, "--format", "table", stdin='"hot"\n'
        ).lines[2]
        self.assertEqual(table.split()[4:], ["hot"])  # no index in the place of an id
        twice = jsonl([{"text": "a", "id": "x"}, {"text": "b", "id": "x"}])
        run = self.fails(
            4,
            "rank",
            "-q",
            "a",
            "--model",
            TINY,
            "--format",
            "trec",
            stdin=twice,
            says=['"x"', "another result"],
        )
        self.assertEqual(run.out, b"")

    def test_ties_keep_the_order_of_the_input(self):
        rows = self.rank(jsonl(["same"] * 20)).rows
        self.assertEqual([row["index"] for row in rows], list(range(20)))


class Scoring(CliTest):
    def rows(self, *args, documents=DOCUMENTS):
        return self.ok(
            "rank", "-q", "tea", "--model", WIDE, "--top-k", "0", *args, stdin=jsonl(documents)
        ).rows

    def test_thresholds_are_inclusive(self):
        rows = self.rows()
        third = rows[2]
        self.assertEqual(self.rows("--min-logit", str(third["logit"])), rows[:3])
        self.assertEqual(self.rows("--min-logit=" + str(rows[-1]["logit"])), rows)
        self.assertEqual(self.rows("--min-probability", str(third["probability"])), rows[:3])

    def test_four_hundred_characters_are_scored(self):
        text = "tea " * 200
        (row,) = self.rows(documents=[text])
        self.assertEqual(row["truncation"]["chars_cut"], 400)
        self.assertEqual(row["document"], text)
        (cut,) = self.rows("--max-chars", "0", documents=[text[:400]])
        self.assertEqual(cut["logit"], row["logit"])
        (whole,) = self.rows("--max-chars", "0", documents=[text])
        self.assertEqual(whole["truncation"]["chars_cut"], 0)

    def test_metadata_is_scored_when_asked_for(self):
        documents = [{"text": "hot", "metadata": {"title": "tea", "n": 3, "on": True, "no": None}}]
        (plain,) = self.rows(documents=documents)
        (fields,) = self.rows("--metadata-fields", "title,n", documents=documents)
        (same,) = self.rows(documents=["tea\n3\nhot"])
        self.assertNotEqual(fields["logit"], plain["logit"])
        self.assertEqual(fields["logit"], same["logit"])
        self.assertEqual(fields["document"], documents[0])
        (template,) = self.rows(
            "--metadata-template", "{title} {on} {no}. {page_content}", documents=documents
        )
        self.assertEqual(template["logit"], self.rows(documents=["tea true . hot"])[0]["logit"])

    def test_a_field_that_no_document_has_is_a_warning(self):
        run = self.ok(
            "rank",
            "-q",
            "tea",
            "--model",
            TINY,
            "--metadata-fields",
            "titel",
            stdin=jsonl(DOCUMENTS),
        )
        self.assertIn("titel", run.err)

    def test_a_field_beside_the_text_is_hinted_at(self):
        run = self.ok(
            "rank",
            "-q",
            "tea",
            "--model",
            TINY,
            "--metadata-fields",
            "title",
            stdin=jsonl([{"text": "a"}, {"text": "b", "title": "c"}]),
        )
        self.assertIn('line 2 has "title" beside the text', run.err)
        spaced = jsonl([{"text": "a", "metadata": {"title": "b", "year": 2}}])
        self.assertEqual(
            self.ok(
                "rank", "-q", "a", "--model", TINY, "--metadata-fields", "title, year", stdin=spaced
            ).out,
            self.ok(
                "rank", "-q", "a", "--model", TINY, "--metadata-fields", "title,year", stdin=spaced
            ).out,
        )

    def test_chunks_say_which_part_was_best(self):
        text = "black coffee at night. " * 6 + "green tea. " + "black coffee at night. " * 6
        (row,) = self.rows(
            "--max-chars",
            "0",
            "--truncation",
            "chunk_max",
            "--chunk-tokens",
            "24",
            "--chunk-overlap",
            "4",
            documents=[text],
        )
        span = row["span"]
        self.assertEqual(list(span), ["begin_byte", "end_byte", "begin_char", "end_char"])
        self.assertLess(span["begin_char"], span["end_char"])
        self.assertLessEqual(span["end_char"], len(text))

    def test_a_pair_that_may_not_be_cut_is_named_by_its_line(self):
        path = self.write("d.jsonl", jsonl(["short", "", "tea " * 90]))
        self.fails(
            4,
            "rank",
            "-q",
            "tea",
            "--model",
            TINY,
            "--truncation",
            "error",
            path,
            says=[f"{path}:3: "],
        )

    def test_a_query_that_leaves_no_room_is_a_usage_error(self):
        path = self.write("d.jsonl", jsonl(["a", "b"]))
        run = self.fails(
            2,
            "rank",
            "-q",
            "tea " * 90,
            "--model",
            TINY,
            "--truncation",
            "document_only",
            path,
            says=[f"{path}:1: ", "room"],
        )
        self.assertNotIn("counting from 0", run.err)

    def test_several_labels_cannot_rank(self):
        self.fails(3, "rank", "-q", "x", "--model", LABELS3, stdin='"a"\n', says="label")


class BadDocuments(CliTest):
    def bad(self, text, *says, line=1, args=()):
        path = self.write("in.jsonl", text)
        run = self.fails(
            4, "rank", "-q", "x", "--model", TINY, path, *args, says=[f"{path}:{line}: ", *says]
        )
        self.assertEqual(run.out, b"")

    def test_what_is_no_document(self):
        self.bad('"a"\n{"text": 5}\n', '"text" must be a string, not a number', line=2)
        self.bad('{"page_content": null}', '"page_content"', "null")
        self.bad("5", "not a number")
        self.bad('"a"\n\n\n["b"]\n', "not an array", line=4)
        self.bad('{"title": "a"}', "page_content", "text")
        self.bad('{"text": "a", "id": 1.5}', '"id"', "1.5")
        self.bad('{"text": "a", "id": true}', '"id"', "boolean")
        self.bad('{"text": "a", "metadata": 3}', '"metadata" must be an object, not a number')
        self.bad('{"text": "a"', "not valid JSON")
        self.bad("plain text\n", "--lines")
        self.bad('["a", ]', "comma")
        self.bad('["a"', "not closed")
        self.bad('["a"] "b"', "behind")
        self.bad('["a", {"text":1}\n]', "number")

    def test_nested_brackets(self):
        self.bad("[" * 100000, "not closed")
        self.bad("[" * 100000 + "]" * 100000, "nested")
        self.bad('{"text":"a","metadata":{"a":' + "[" * 100000, "nested")
        self.bad('"a"\n' + '{"a":' * 100000 + "1" + "}" * 100000, "nested", line=2)

    def test_skip_bad_counts_and_keeps_the_index(self):
        run = self.ok(
            "rank",
            "-q",
            "x",
            "--model",
            TINY,
            "--skip-bad",
            "--top-k",
            "0",
            stdin='"a"\n{"text": 5}\nnonsense\n"b"\n',
        )
        self.assertEqual(sorted(row["index"] for row in run.rows), [0, 3])
        self.assertIn("skipped 2 documents", run.err)
        self.assertIn("standard input:2: ", run.err)

    def test_bytes_that_are_not_utf8(self):
        run = self.ok(
            "rank",
            "-q",
            "x",
            "--model",
            TINY,
            "--top-k",
            "0",
            stdin=b'"good"\n"a\xff\xe4\xb8b"\n"\\ud800 and \\udc00\\ud83d\\ude00"\n',
        )
        documents = {row["index"]: row["document"] for row in run.rows}
        self.assertEqual(documents[1], b"a\xff\xe4\xb8b".decode("utf-8", errors="replace"))
        self.assertEqual(documents[2], "\ufffd and \ufffd\U0001f600")
        self.assertIn("2 lines of standard input", run.err)
        self.assertIn("line 2", run.err)

    def test_a_query_that_is_not_utf8(self):
        run = self.ok(
            "rank",
            "-q",
            b"\xffa".decode("utf-8", errors="surrogateescape"),
            "--model",
            TINY,
            "--format",
            "json",
            stdin='"a"\n',
        )
        self.assertEqual(json.loads(run.out)["query"], "\ufffda")
        self.assertIn("query", run.err)


if __name__ == "__main__":
    unittest.main()
