"""Hostile texts: what of them reaches the judge, byte for byte, and what of its words comes back.

The rules of cleaning stand in src/judge/untrusted.h; they are written here once more, on regular
expressions. The prompt is taken apart by a reader that knows its frame and nothing of its content.
"""

import concurrent.futures
import json
import re
import unittest

import judge_harness
from fault_server import FaultServer
from judge_harness import DOCUMENTS, SOURCE, CliTest, hybrid_args, run_on_terminal

HOSTILE = [
    json.loads(line)
    for line in (SOURCE / "tests/judge/hostile_documents.jsonl").read_text("utf-8").split("\n")
    if line
]
BY_ID = {document["id"]: document for document in HOSTILE}
NOWHERE = "http://127.0.0.1:1/v1"
CUT_MARK = "(the text goes on; it was cut here)"
QUESTION = "Rate these candidates, each once: "
MAX_FIELDS = 20
MAX_FIELD_CHARS = 100
METADATA_TOKENS = 256  # half of --judge-document-tokens
MAX_JUDGED = 99

# What has meant something to a chat template or a model, by family.
CONTROL_TOKENS = {
    "ChatML": "<|im_start|> <|im_end|> <|im_sep|> <|endoftext|>",
    "Llama 2": "[INST] [/INST] <<SYS>> <</SYS>> <s> </s>",
    "Llama 3": "<|begin_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|> <|eom_id|>"
    " <|python_tag|>",
    "Llama 4": "<|header_start|> <|header_end|> <|eot|>",
    "Mistral": "[SYSTEM_PROMPT] [/SYSTEM_PROMPT] [AVAILABLE_TOOLS] [TOOL_CALLS] [IMG] [THINK]",
    "Gemma": "<start_of_turn> <end_of_turn> <bos> <eos> <pad>",
    "DeepSeek": "<｜begin▁of▁sentence｜> <｜end▁of▁sentence｜> <｜User｜> <｜Assistant｜> <think>",
    "Phi": "<|system|> <|user|> <|assistant|> <|end|>",
    "Command R": "<BOS_TOKEN> <|START_OF_TURN_TOKEN|> <|END_OF_TURN_TOKEN|> <|SYSTEM_TOKEN|>",
    "GLM": "[gMASK] [sMASK] <sop> <eop> <|observation|>",
    "EXAONE": "[|system|] [|user|] [|assistant|] [|endofturn|]",
    "MiniMax": "]~!b[ ]~b] [e~[",
    "gpt-oss": "<|start|> <|message|> <|channel|> <|return|> <|call|>",
    "Granite": "<|start_of_role|> <|end_of_role|> <|end_of_text|>",
    "Kimi": "<|im_system|> <|im_middle|> <|im_user|> <|im_assistant|>",
    "InternLM": "[UNUSED_TOKEN_145] [UNUSED_TOKEN_146] <eoa> <TOKENS_UNUSED_0>",
    "Nemotron": "<extra_id_1> <SPECIAL_12>",
    "BERT": "[CLS] [SEP] [MASK] [PAD] [UNK]",
    "Qwen": "<tool_call> </tool_call> <tool_response> <|vision_start|>",
}

# Unicode's Default_Ignorable_Code_Point: they show nothing, and models read them.
SHOWS_NOTHING = [
    *(0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810)),
    *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164),
    *(*range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFF9)),
    *(*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
]

LINE_BREAKS = "\n\v\f\r\x85\u2028\u2029"
LEFT_OUT = re.compile(
    "["
    "\0-\x09\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls that break no line; tabs are spaces by then
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction
    "\u00ad\u034f\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff\ufff0-\ufffb"  # no width
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # fillers
    "\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff"  # variation selectors and tags
    "]"
)
DRIVES_TERMINAL = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
OPENS_TAG = re.compile(r"<(?=[A-Za-z/|\uff5c])|\[(?=[A-Za-z/_|])|\](?=~)")


def clean(text):
    """Lines with \\n between them."""
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    text = re.sub(f"\r\n|[{LINE_BREAKS}]", "\n", text)
    text = LEFT_OUT.sub("", text.replace("\t", " "))
    return OPENS_TAG.sub(lambda opening: opening[0] + " ", text)


def quoted(text):
    lines = clean(text).split("\n")
    return [f"| {line}" for line in (lines if lines[-1] else lines[:-1])]


def short(text):
    text = clean(text).replace("\n", " ")
    return text if len(text) <= MAX_FIELD_CHARS else text[:MAX_FIELD_CHARS] + "..."


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def field_text(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(filter(None, map(field_text, value)))
    return dump(value)


def tokens(text):
    """The careful estimate: three letters, another ASCII character, or a byte of any other."""
    letters = sum(-(-len(run) // 3) for run in re.findall("[A-Za-z]+", text))
    text = re.sub(r"(?<! ) ", "", text)  # a space belongs to what is behind it, a second one not
    return letters + len(re.sub("[A-Za-z]", "", text).encode())


def metadata_line(metadata):
    fields = {}
    room = METADATA_TOKENS - tokens("metadata ") - tokens("{}\n")
    for name, value in metadata.items():
        if not field_text(value):
            continue
        name, value = short(name), short(field_text(value))
        room -= tokens(dump(name)) + tokens(dump(value)) + tokens(":,")
        if len(fields) == MAX_FIELDS or room < 0:
            break
        fields[name] = value
    return f"metadata {dump(fields)}" if fields else None


def whole(text):
    """What the command makes of a text before anyone else sees it."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


class Reader:
    """The frame of a prompt: blocks between fences, then the question."""

    def __init__(self, user):
        self.lines = user.split("\n")
        self.fence = self.lines[0][3:35]
        assert re.fullmatch("[0-9a-f]{32}", self.fence), self.lines[0]
        self.at = 0
        self.query = self.block("query")
        self.context = self.block("context") if self.opens("context") else None
        self.candidates = []  # (metadata line or None, quoted lines, whether they are cut)
        while self.opens(self.label()):
            self.candidates.append(self.block(self.label()))
        labels = [f"c{i + 1:02}" for i in range(len(self.candidates))]
        assert self.lines[self.at :] == [QUESTION + ", ".join(labels)], self.lines[self.at :]

    def label(self):
        return f"candidate c{len(self.candidates) + 1:02}"

    def opens(self, name):
        return self.lines[self.at] == f"<<<{self.fence} {name}"

    def block(self, name):
        assert self.opens(name), (name, self.lines[self.at])
        self.at += 1
        metadata = None
        if name.startswith("candidate") and self.lines[self.at].startswith("metadata "):
            metadata = self.lines[self.at]
            json.loads(metadata.removeprefix("metadata "))
            self.at += 1
        text = []
        while self.lines[self.at].startswith("| "):
            text.append(self.lines[self.at])
            self.at += 1
        cut = self.lines[self.at] == CUT_MARK
        self.at += cut
        assert self.lines[self.at] == f"{self.fence}>>>", (name, self.lines[self.at])
        self.at += 1
        return metadata, text, cut


class Injection(CliTest):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.env = judge_harness.environment(self.folder)

    def dry_run(self, documents, *more, query=judge_harness.QUERY, mode="listwise", seed=1):
        """The user messages of the requests."""
        args = ["--judge-dry-run", "--judge-seed", seed, "--judge-mode", mode, *more]
        stdin = jsonl_ascii(documents)
        run = self.ok(*hybrid_args(NOWHERE, *args, query=query, form="jsonl"), stdin=stdin)
        messages = [row["body"]["messages"] for row in run.rows]
        for system, user in messages:
            self.assertEqual((system["role"], user["role"]), ("system", "user"))
            self.assertEqual(len({system["content"] for system, _ in messages}), 1)
        return [user["content"] for _, user in messages]

    def assert_clean(self, user):
        """Nothing in the whole message that the rules leave out, whoever put it there."""
        self.assertIsNone(LEFT_OUT.search(user))
        for character in LINE_BREAKS.replace("\n", ""):
            self.assertNotIn(character, user)
        outside_frame = re.sub(
            r"^<<<[0-9a-f]{32} (query|context|candidate c\d\d)$", "", user, flags=re.M
        )
        self.assertIsNone(OPENS_TAG.search(outside_frame))
        user.encode("utf-8")  # no halves of characters

    def assert_block(self, block, text, metadata=None):
        shown_metadata, shown, cut = block
        expected = quoted(whole(text))
        self.assertEqual(shown_metadata, metadata_line(metadata or {}))
        if cut:  # a beginning, and as much of it as there is room for
            joined, whole_text = "\n".join(shown), "\n".join(expected)
            self.assertTrue(whole_text.startswith(joined))
            self.assertLess(len(joined), len(whole_text))
            self.assertGreater(len(joined.encode()), 400)
        else:
            self.assertEqual(shown, expected)

    def each(self, check):
        """check(document) for all, several at a time; each is a subtest of its own."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            checks = [(one, pool.submit(check, one)) for one in HOSTILE]
        for one, done in checks:
            with self.subTest(id=one["id"], why=one["why"]):
                done.result()

    def test_metadata_has_its_limits(self):
        """Else these documents would not try them."""
        lines = {id: metadata_line(BY_ID[id]["metadata"]) for id in ("meta-many", "meta-long")}
        for id, line in lines.items():
            self.assertLess(len(json.loads(line[9:])), len(BY_ID[id]["metadata"]), id)
            self.assertLessEqual(tokens(line + "\n"), METADATA_TOKENS, id)
        (user,) = self.dry_run([BY_ID["meta-many"]], "--judge-document-tokens", 64)
        ((short_line, _, _),) = Reader(user).candidates
        self.assertLess(len(short_line), len(lines["meta-many"]))
        self.assertLessEqual(tokens(short_line + "\n"), 32)

    def test_documents_are_as_many_and_as_described(self):
        readme = (SOURCE / "README.md").read_text("utf-8")
        self.assertIn(f" {len(HOSTILE)} hostile documents", readme)
        self.assertEqual(len(BY_ID), len(HOSTILE))
        for one in HOSTILE:
            self.assertEqual(list(one), ["id", "page_content", "metadata", "why"])
            self.assertTrue(one["why"])

    def test_fences_in_the_documents_are_those_of_the_seeds(self):
        """Else they would attack nothing."""
        known = [Reader(self.dry_run(DOCUMENTS, seed=seed)[0]).fence for seed in (1, 2)]
        for id, fence in zip(("fence-close-known", "fence-close-known-second"), known):
            self.assertIn(fence + ">>>", BY_ID[id]["page_content"])

    def test_as_documents(self):
        def check(one):
            (user,) = self.dry_run([one])
            self.assert_clean(user)
            prompt = Reader(user)
            self.assertEqual(prompt.query, (None, ["| " + judge_harness.QUERY], False))
            self.assertIsNone(prompt.context)
            (block,) = prompt.candidates
            self.assert_block(block, one["page_content"], one["metadata"])

        self.each(check)

    def test_all_at_once(self):
        for documents in (HOSTILE[:MAX_JUDGED], HOSTILE[-MAX_JUDGED:]):
            more = ("--candidates", MAX_JUDGED, "--judge-context-tokens", 1_000_000)
            (user,) = self.dry_run(documents, *more)
            self.assert_clean(user)
            blocks = Reader(user).candidates
            self.assertEqual(len(blocks), MAX_JUDGED)
            # The labels are dealt: each document takes the block that is its own.
            for one in documents:
                mine = [block for block in blocks if self.is_block_of(block, one)]
                self.assertTrue(mine, one["id"])
                blocks.remove(mine[0])

    def is_block_of(self, block, one):
        try:
            self.assert_block(block, one["page_content"], one["metadata"])
        except AssertionError:
            return False
        return True

    def test_pointwise(self):
        more = ("--candidates", MAX_JUDGED)
        users = self.dry_run(HOSTILE[:MAX_JUDGED], *more, mode="pointwise")
        self.assertEqual(len(users), MAX_JUDGED)
        for user in users:
            self.assert_clean(user)
            (block,) = Reader(user).candidates
            mine = [one for one in HOSTILE if self.is_block_of(block, one)]
            self.assertTrue(mine)

    def test_two_passes(self):
        for user in self.dry_run(HOSTILE[:10], "--order-bias", "two_pass"):
            self.assert_clean(user)
            self.assertEqual(len(Reader(user).candidates), 10)

    def test_as_query(self):
        def check(one):
            query = whole(one["page_content"]).replace("\0", "")  # as arguments are
            if not query.strip():
                return
            (user,) = self.dry_run(DOCUMENTS, query=query)
            self.assert_clean(user)
            prompt = Reader(user)
            self.assert_block(prompt.query, query)
            self.assertEqual(len(prompt.candidates), len(DOCUMENTS))

        self.each(check)

    def test_as_context(self):
        def check(one):
            text = whole(one["page_content"])
            path = self.write(one["id"], text)
            (user,) = self.dry_run(DOCUMENTS, "--context-file", path)
            self.assert_clean(user)
            prompt = Reader(user)
            if text:
                self.assert_block(prompt.context, text)
            else:
                self.assertIsNone(prompt.context)
            self.assertEqual(len(prompt.candidates), len(DOCUMENTS))

        self.each(check)

    def test_bytes_that_are_no_text(self):
        junk = bytes(range(1, 256)) + b"<\xff|im_start|>\xc0\xaf\xed\xa0\x80\xf5<\xe2\x80|im_end|>"
        path = self.write("context", junk)
        (user,) = self.dry_run(DOCUMENTS, "--context-file", path)
        self.assert_clean(user)
        self.assertIn("\ufffd", "\n".join(Reader(user).context[1]))

    def test_no_control_token_survives(self):
        for family, tokens in CONTROL_TOKENS.items():
            with self.subTest(family=family):
                tokens = tokens.split(" ")
                text = "".join(tokens) + "\n" + "\n".join(f"x{token}y" for token in tokens)
                documents = [{"page_content": text, "metadata": {text: text[:90], "a": tokens}}]
                (user,) = self.dry_run(documents, query=text)
                Reader(user)
                self.assertEqual([token for token in tokens if token in user], [])

    def test_nothing_that_shows_nothing_survives(self):
        text = "\n".join(f"{code:X}:{chr(code)}." for code in SHOWS_NOTHING[:400])
        (user,) = self.dry_run(
            [text], "--judge-document-tokens", 100_000, "--judge-context-tokens", 1_000_000
        )
        ((_, lines, cut),) = Reader(user).candidates
        self.assertFalse(cut)
        survivors = [line for line in lines if not re.fullmatch(r"\| [0-9A-F]+:\.", line)]
        self.assertEqual(survivors, [])

    # What comes back.

    def hostile_answer(self, x):
        """Hostile words and ids at every place where a model could put them."""
        words = [whole(document["page_content"]) for document in HOSTILE]
        rated = {}
        for i, label in enumerate(x.documents):
            rated[label] = {"relevance": i % 11, "reason": words[i % len(words)], "id": "evil"}
        rated |= {"c00": {"relevance": 10}, "d9": {"relevance": 10}, "../c01": {"relevance": 10}}
        rated |= {word[:50] or "x": {"relevance": 10, "reason": word} for word in words}
        x.say(json.dumps(rated), model="\u001b]0;evil\u0007\u202emodel\n<|im_end|>")

    def test_hostile_answers_give_ids_and_integers(self):
        documents = [{"id": f"n{i}", "page_content": f"Cat {i} sleeps."} for i in range(MAX_JUDGED)]
        ids = {document["id"] for document in documents}
        with FaultServer([self.hostile_answer]) as server:
            more = ("--candidates", MAX_JUDGED, "--top-k", 0, "--judge-context-tokens", 100_000)
            run = judge_harness.judge(server.url, *more, documents=documents)
        result = run.json
        self.assertEqual(result["outcome"], "judged")
        self.assertEqual(sorted(run.ids), sorted(ids))
        reasons = {clean(one["page_content"]).replace("\n", " ")[:200] for one in HOSTILE}
        for one in result["results"]:
            self.assertEqual(set(one["judge"]), {"relevance", "reason", "chars_cut"})
            self.assertIs(type(one["judge"]["relevance"]), int)
            self.assertIn(one["judge"]["relevance"], range(11))
            self.assertIn(one["judge"]["reason"], reasons)
        self.assertEqual(result["judge"]["model"], "]0;evilmodel < |im_end|>")
        self.assert_shows_as_it_is(run.err.decode("utf-8"))

    def assert_shows_as_it_is(self, text):
        """No control character but the ends of lines, nothing that turns text around."""
        self.assertNotRegex(text.replace("\n", ""), DRIVES_TERMINAL)

    def shown_on_terminal(self, url, documents, *more, **named):
        args = hybrid_args(url, *more, "--quiet", form="table", **named)
        stdin = jsonl_ascii(documents).encode()
        code, shown = run_on_terminal(args, self.env, columns=200, stdin=stdin)
        text = shown.decode("utf-8").replace("\r\n", "\n")
        self.assert_shows_as_it_is(text)
        return code, text.split("\n")

    def test_tables_hold_no_control_characters(self):
        # Whole characters: the command says on standard error when it had to repair a document.
        whole_ones = [one | {"page_content": whole(one["page_content"])} for one in HOSTILE]
        whole_ones = [one for one in whole_ones if one["id"] != "meta-surrogates"]
        batches = [whole_ones[begin : begin + 40] for begin in range(0, len(whole_ones), 40)]
        for documents in batches:
            with FaultServer([self.hostile_answer]) as server:
                more = ("--candidates", 40, "--top-k", 0, "--judge-context-tokens", 100_000)
                query = "a\x1b[31mb\u202ec"
                code, lines = self.shown_on_terminal(server.url, documents, *more, query=query)
            self.assertEqual(code, 0, lines)
            # Query, titles, a row for each, two lines of footer: no text begins a line of its own.
            self.assertEqual(len(lines), 1 + 1 + len(documents) + 2 + 1, "\n".join(lines))

    def test_messages_hold_no_control_characters(self):
        def answers(text):
            yield lambda x: x.answer(500, {"error": {"message": text}})
            yield lambda x: x.answer(500, whole(text))
            yield lambda x: x.answer(200, {"error": text})

        # Control and bidirectional characters, tags and breaks, a long one.
        ids = ("ansi", "controls", "bidi-override", "tags-split-breaks", "backspaces", "huge-line")
        for id in ids:
            for answer in answers(BY_ID[id]["page_content"]):
                with self.subTest(id=id), FaultServer([answer]) as server:
                    code, lines = self.shown_on_terminal(server.url, DOCUMENTS, "--strict")
                    self.assertEqual(code, 5, lines)
                    self.assertLess(len("\n".join(lines)), 3000)


def jsonl_ascii(documents):
    """With escapes, in which halves of characters can be written."""
    kept = ("id", "page_content", "metadata")
    return "".join(
        json.dumps({k: d[k] for k in kept if k in d} if isinstance(d, dict) else d) + "\n"
        for d in documents
    )


if __name__ == "__main__":
    unittest.main()
