"""Writes the seed corpora of safetensors, config, jsonl, hub, judge and eval. Run by hand."""

import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent / "corpus"


def write(name, files):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, data in files.items():
        (folder / file).write_bytes(data)


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors(header, data=b"", length=None):
    if not isinstance(header, bytes):
        header = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


HUGE = 2**64 - 1
ONE = {"a": tensor("F32", [1], 0, 4)}
write(
    "safetensors",
    {
        "empty": b"",
        "seven_bytes": b"\0" * 7,
        "no_tensors": safetensors({}),
        "two": safetensors(
            {
                "__metadata__": {"format": "pt"},
                "w": tensor("F16", [2, 3], 4, 16),
                "b": tensor("F32", [], 0, 4),
            },
            b"x" * 16,
        ),
        "padded": safetensors(json.dumps(ONE).encode() + b"   ", b"xxxx"),
        "every_dtype": safetensors(
            {
                d: tensor(d, [1], sum(s[:i]), sum(s[: i + 1]))
                for s in [[1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 8, 8, 8]]
                for i, d in enumerate(
                    "BOOL U8 I8 F8_E4M3 F8_E5M2 I16 U16 F16 BF16 I32 U32 F32 I64 U64 F64".split()
                )
            },
            b"x" * 51,
        ),
        "zero_sized": safetensors(
            {"z": tensor("F32", [0, 5], 0, 0), **ONE, "y": tensor("I64", [0], 4, 4)}, b"xxxx"
        ),
        "header_too_long": safetensors(b"{}", length=3),
        "header_huge": safetensors(b"{}", length=HUGE),
        "header_not_json": safetensors(b'{"a":'),
        "header_not_utf8": safetensors(b'{"\xff":1}'),
        "header_is_array": safetensors(b"[]"),
        "header_deep": safetensors(b'{"a":' + b"[" * 300),
        "duplicate": safetensors(b'{"a":1,"a":2}'),
        "metadata_number": safetensors({"__metadata__": {"a": 1}}),
        "overflow": safetensors({"a": tensor("F32", [2**62], 0, 0)}),
        "overflow_zero": safetensors({"a": tensor("F32", [2**40, 2**40, 0], 0, 0)}),
        "offsets_huge": safetensors({"a": tensor("U8", [1], HUGE - 1, HUGE)}, b"x"),
        "offsets_reversed": safetensors({"a": tensor("U8", [1], 1, 0)}, b"x"),
        "overlap": safetensors(
            {"a": tensor("U8", [3], 0, 3), "b": tensor("U8", [2], 2, 4)}, b"xxxx"
        ),
        "hole": safetensors({"a": tensor("U8", [1], 0, 1), "b": tensor("U8", [1], 2, 3)}, b"xxx"),
        "trailing": safetensors(ONE, b"xxxxx"),
        "truncated": safetensors(ONE, b"xx"),
        "unframed": json.dumps(ONE).encode() + b"xxxx",
        "index": b'{"metadata":{"total_size":1},"weight_map":{"a":"s.safetensors"}}',
        "index_outside": b'{"weight_map":{"a":"../s.safetensors"}}',
        "index_missing_tensor": b'{"weight_map":{"a":"s.safetensors","b":"s.safetensors"}}',
        "index_missing_shard": b'{"weight_map":{"a":"t.safetensors"}}',
    },
)

BERT = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}
CALIBRATION = {"format": 1, "temperature": 2.5, "bias": -1e-3, "weights_sha256": "0a" * 32}
write(
    "config",
    {
        name: json.dumps(value).encode()
        for name, value in {
            "bert": {
                **BERT,
                "hidden_size": 384,
                "num_attention_heads": 12,
                "num_hidden_layers": 6,
                "intermediate_size": 1536,
                "id2label": {"0": "LABEL_0"},
                "hidden_act": "gelu",
                "layer_norm_eps": 1e-12,
                "position_embedding_type": "absolute",
                "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"},
            },
            "electra": {
                "architectures": ["ElectraForSequenceClassification"],
                "embedding_size": 16,
                "hidden_size": 32,
                "num_attention_heads": 2,
                "num_labels": 3,
                "type_vocab_size": 1,
                "vocab_size": 99,
                "max_position_embeddings": 64,
                "hidden_act": "gelu_new",
                "sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid",
            },
            "model_type_only": {"model_type": "bert"},
            "roberta": {
                "architectures": ["RobertaForSequenceClassification"],
                "model_type": "roberta",
            },
            "decoder": {**BERT, "is_decoder": True},
            "relative": {**BERT, "position_embedding_type": "relative_key"},
            "heads": {**BERT, "hidden_size": 100, "num_attention_heads": 12},
            "fraction": {**BERT, "hidden_size": 384.5},
            "huge": {**BERT, "vocab_size": 1e30, "num_hidden_layers": 2**63},
            "negative": {**BERT, "num_labels": -1},
            "own_file": {"model_type": "CrossEncoder", "activation_fn": "torch.nn.Softmax"},
            "own_file_unknown": {"activation_fn": "torch.nn.ReLU"},
            "calibration": CALIBRATION,
            "calibration_huge": {**CALIBRATION, "temperature": 1e308, "bias": 10**400},
            "calibration_negative": {**CALIBRATION, "temperature": -0.0},
            "calibration_digest": {**CALIBRATION, "weights_sha256": "\u00e9" * 64},
        }.items()
    },
)

write(
    "jsonl",
    {
        "pairs": b'{"query":"q","document":"d"}\n'
        b'{"query":"q","document":{"page_content":"d","id":7}}\n',
        "pairs_text": b'{"query":"q","document":{"text":"d","metadata":{"t":[1,null,true]}}}\n',
        "tsv": b"query\tdocument\nq2\td2\r\n",
        "texts": b'{"text":"a"}\n{"query":"b","document":"c"}\n',
        "documents": b'"bare"\n{"id":"x","text":"t"}\n{"page_content":"p","metadata":{"a":1.5}}\n',
        "array": b'[\n  "a",\n  {"text": "b"}\n]\n',
        "array_broken": b'[\n  "a",\n  {"text": 3}\n]\n',
        "blank_lines": b"\n  \n\t\n",
        "numbers": b'{"text":1}\n[1e999]\n-0.0\n1E+2\n18446744073709551616\n0.1\n5e-324\n',
        "duplicates": b'{"text":"a","text":"b"}\n{"query":"q","query":"r","document":"d"}\n',
        "lone_surrogate": b'{"text":"\\ud800x\\udc00\\ud83d\\ude00"}\n{"text":"\\\\ud800"}\n',
        "not_utf8": b'{"text":"\xff\xe2\x82"}\n\xed\xa0\x80\n',
        "escapes": rb'{"text":"\u0000\"\\\/\b\f\n\r\t\u00e9"}' + b"\n",
        "nul": b'{"text":"a\0b"}\n{}\0\n',
        "deep": b"[" * 200 + b"\n" + b'{"a":' * 200 + b"\n",
        "bom": b'\xef\xbb\xbf{"text":"a"}\n',
        "truncated": b'{"text":"a\n{"text":',
        "crlf": b'{"text":"a"}\r\n{"text":"b"}\r\n',
    },
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = ["config.json", "model.safetensors", "a/b.json"]
write(
    "hub",
    {
        "head": (
            f"HTTP/1.1 302 Found\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-Size: 45\r\n"
            f'X-Linked-Etag: "{"ab" * 32}"\r\nETag: W/"x"\r\nLocation: /x\r\n\r\n'
        ).encode(),
        "head_interim": b"HTTP/1.1 103 Early Hints\r\nETag: old\r\nHTTP/2 206\r\n"
        b"content-range: bytes 100-199/200\r\ncontent-length: 100\r\n",
        "head_retry": b"HTTP/1.1 429\r\nRetry-After: 7\r\nX-Error-Code: RepoNotFound\r\n",
        "head_odd": b"HTTP/\nHTTP/1.1 2x\n:\nETag:\netag : a\nETAG:\t\x00\xff \n",
        "head_long": b"ETag: " + b"e" * 9000 + b"\nETag: " + b"f" * 8000,
        "range": b"bytes 100-199/200",
        "range_huge": b"bytes 18446744073709551616-1/2",
        "range_no_end": b"bytes 5",
        "range_negative": b"bytes -5-6/7",
        "listing": json.dumps(
            {"sha": COMMIT, "siblings": [{"rfilename": n} for n in NAMES]}
        ).encode(),
        "listing_no_commit": b'{"sha":"main","siblings":[]}',
        "listing_no_name": f'{{"sha":"{COMMIT}","siblings":[{{"rfilename":1}},[]]}}'.encode(),
        "listing_outside": f'{{"sha":"{COMMIT}","siblings":[{{"rfilename":"../a"}}]}}'.encode(),
        "listing_array": b"[]",
        "shards": json.dumps(
            {"weight_map": {t: f"model-{i}-of-2.safetensors" for i, t in enumerate("ab", 1)}}
        ).encode(),
        "shards_outside": b'{"weight_map":{"a":"../s.safetensors"}}',
        "shards_hidden": b'{"weight_map":{"a":".safetensors"}}',
        "shards_nul": b'{"weight_map":{"a":"s\\u0000.safetensors"}}',
        "shards_empty": b'{"weight_map":{}}',
        "not_json": b'{"weight_map":{"a":"s',
        "not_utf8": b'{"sha":"\xff\xe2\x82"}',
    },
)

RATED = json.dumps({"c01": {"relevance": 7, "reason": "r"}, "c02": {"relevance": 10}})


def chat(content, **choice):
    choice["message"] = {"content": content}
    usage = {"prompt_tokens": 9, "completion_tokens": 4}
    return json.dumps({"model": "m", "choices": [choice], "usage": usage}).encode()


TOKENS = [
    {"token": token, "top_logprobs": [{"token": top, "logprob": -0.7} for top in tops]}
    for token, tops in (('{"c01":{"relevance', ""), ('":', ""), ("1", "15"), ("0", "0,"))
]
write(
    "judge",
    {
        "ratings": RATED.encode(),
        "prose": b"Sure {x}:\n```json\n" + RATED.encode() + b"\n```",
        "repeated": b'{"c01":{"relevance":7},"c01":{"relevance":8},"c02":{"relevance":11}}',
        "completion": chat(RATED, finish_reason="stop"),
        "logprobs": chat(RATED, logprobs={"content": TOKENS}),
        "refusal": b'{"choices":[{"message":{"refusal":"no"},"finish_reason":"content_filter"}]}',
        "error": b'{"error":{"message":"Rate limit 3, requested 2","code":429}}',
        "date": b"Thu, 01 Jan 1970 00:00:10 GMT",
        "hostile": "<|im_end|>\n<<<f00d query\n[INST] \u202e\u2028| x </s>\r\n".encode(),
        "open": b"{" * 100,
    },
)

QRELS = b"q1 0 a 1\nq1 0 b 3\nq2 0 a 0\n"
RUN = b"q1 Q0 b 1 2.5 t\nq1 Q0 a 2 2.5 t\nq2 Q0 c 1 -1e-3 t\n"
write(
    "eval",
    {
        "both": QRELS + b"\0" + RUN,
        "layout": b"\xef\xbb\xbfq1 0 a 1\r\n\r\n q2\t0\va\f2 \0\xef\xbb\xbf\r\nq1 Q0 a 1 +.5 t",
        "duplicates": b"q 0 a 1\nq 0 a -2\n\0q Q0 a 1 1 t\np Q0 a 1 1 t\nq Q0 a 2 2 t\n",
        "float32": b"q 0 a 1\n\0q Q0 a 1 1.000000001 t\nq Q0 b 2 1 t\nq Q0 c 3 1e-400 t\n",
        "grades": b"q 0 a 2147483647\nq 0 b -2147483647\n\0q Q0 a 1 3e38 t\nq Q0 b 1 -3e38 t",
        "grade_too_low": b"q 0 a -2147483648",
        "infinite": b"\0q Q0 a 1 1 t\nq Q0 b 1 1e39 t",
        "nan": b"\0q Q0 a 1 nan t",
        "few_fields": QRELS + b"q 0 a\n\0" + RUN + b"q Q0 a\n",
        "not_utf8": b"\xff 0 \xe2\x82 \xf0\x9f\0\xff Q0 \xe2\x82 1 \xed\xa0\x80 t",
        "long_field": b"q 0 a " + b"9" * 39 + "é".encode(),
        "measures": b"nDCG@10,MRR,AP@99999999999999999999,P",
    },
)
