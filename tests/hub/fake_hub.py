#!/usr/bin/env python3
"""A hub on the loopback, and a CDN beside it on another port; Python's standard library alone.

Prints "HUB_PORT CDN_PORT" and serves until its standard input closes. The name of a repository
says how it misbehaves (see REPOS). GET /_log on the hub lists every request, as JSON.
"""

import hashlib
import http.server
import json
import sys
import threading
import time
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_for_private_things"

SIDE_FILES = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer.json": b'{"version": "1.0"}' * 50,
    "vocab.txt": b"[PAD]\n[UNK]\n",
    "tokenizer_config.json": b"{}",
    "special_tokens_map.json": b"{}",
    "README.md": b"not needed",
    "onnx/model.onnx": b"not needed either",
}
WEIGHTS = bytes(range(256)) * 1200  # 307,200 bytes: several reads and writes
SHARDS = {
    "model-00001-of-00002.safetensors": WEIGHTS[:1000],
    "model-00002-of-00002.safetensors": WEIGHTS[1000:3000],
}


def index_of(*names):
    return json.dumps({"weight_map": {f"t{i}": name for i, name in enumerate(names)}}).encode()


def repo(weights=None, **behaviour):
    files = dict(SIDE_FILES)
    files.update({"model.safetensors": WEIGHTS} if weights is None else weights)
    return {"files": files, **behaviour}


REPOS = {
    "test/plain": repo(),
    "test/renamed-new": repo(),
    "test/cdn-by-name": repo(cdn_host="localhost"),
    "test/interrupted": repo(break_after=100_000, break_times=2),
    "test/always-interrupted": repo(break_after=10, break_times=10**9),
    "test/interrupted-no-range": repo(break_after=100_000, break_times=1, no_range=True),
    "test/no-length": repo(break_after=100_000, break_times=1, no_length=True),
    "test/refuses-range": repo(break_after=100_000, break_times=1, refuses_range=True),
    "test/wrong-range": repo(break_after=100_000, break_times=1, wrong_range=True),
    "test/stalls-once": repo(stall_after=500, stall_times=1),
    "test/hangs": repo(api_hangs=True),
    "test/stalls": repo(stall_after=100_000, stall_times=10**9),
    "test/slow": repo(seconds=0.5),
    "test/no-api": repo(no_api=True),
    "test/private": repo(token=True),
    "test/gated": repo(gated=403),
    "test/gated-no-token": repo(gated=401),
    "test/forbidden": repo(gated=403, error_code=""),
    "test/unauthorized": repo(gated=401, error_code=""),
    "test/wrong-digest": repo(sent={"model.safetensors": WEIGHTS[:-1] + b"?"}),
    "test/wrong-git-digest": repo(sent={"config.json": b'{"model_type": "bart"}'}),
    "test/too-long": repo(sent={"model.safetensors": WEIGHTS + b"more"}),
    "test/too-short": repo(sent={"model.safetensors": WEIGHTS[:-5]}),
    "test/no-size": repo(size="none"),
    "test/absurd-size": repo(size=str(2**61)),
    "test/impossible-size": repo(size="99999999999999999999999"),
    "test/hostile-etag": repo(etag="../../../../evil"),
    "test/hostile-commit": repo(commit="../../../evil"),
    "test/other-commit": repo(file_commit="f" * 40),
    "test/hostile-listing": repo(
        listing=[
            "../../../evil",
            "/etc/passwd",
            "config.json",
            "tokenizer.json",
            "model.safetensors",
        ]
    ),
    "test/hostile-index": repo(
        {"model.safetensors.index.json": index_of("../../evil.safetensors")}
    ),
    "test/sharded": repo({"model.safetensors.index.json": index_of(*SHARDS, *SHARDS), **SHARDS}),
    "test/shard-missing": repo(
        {"model.safetensors.index.json": index_of(*SHARDS), **dict(list(SHARDS.items())[:1])}
    ),
    "test/pickle": repo({"pytorch_model.bin": b"\x80\x04."}),
    "test/huge-json": repo(api_body="huge"),
    "test/not-json": repo(api_body=b"<html>Please log in to this network</html>"),
    "test/json-array": repo(api_body=b"[]"),
    "test/flaky": repo(fail_times=2),
    "test/broken": repo(fail_times=10**9),
    "test/asks-for-an-hour": repo(fail_times=10**9, fail_status=429, retry_after="3600"),
    "test/circle": repo(circle=True),
    "test/revisions": repo(revisions={"main", "v1.0", "refs/pr/1"}),
    "test/changing": repo(changing=True),
    "test/only-vocab": {
        "files": {"config.json": b"{}", "vocab.txt": b"[UNK]\n", "model.safetensors": b"12345678"}
    },
    "test/no-tokenizer": {"files": {"config.json": b"{}", "model.safetensors": b"12345678"}},
    "cross-encoder/ms-marco-MiniLM-L6-v2": repo(),
}
RENAMED = {
    "test/renamed-old": "test/renamed-new",
    "cross-encoder/ms-marco-MiniLM-L-6-v2": "cross-encoder/ms-marco-MiniLM-L6-v2",
}

state_lock = threading.Lock()
log = []
counts = {}


def count(*key):
    """How often this was called before with the same key."""
    with state_lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key] - 1


def is_lfs(name):
    return name.endswith((".safetensors", ".bin", ".onnx"))


def etag_of(name, content):
    if is_lfs(name):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    cdn = False

    def log_message(self, *args):
        pass

    def note(self):
        with state_lock:
            log.append(
                {
                    "cdn": self.cdn,
                    "method": self.command,
                    "path": urllib.parse.unquote(self.path),
                    "authorization": self.headers.get("Authorization", ""),
                    "range": self.headers.get("Range", ""),
                }
            )

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        headers = {"X-Error-Code": code} if code else {}
        self.answer(status, headers, b'{"error": "no"}')

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        try:
            self.handle_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Hub(Handler):
    def handle_request(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if path == "/_log":
            with state_lock:
                body = json.dumps(log).encode()
            return self.answer(200, {"Content-Type": "application/json"}, body)
        self.note()
        parts = path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        if api:
            parts = parts[2:]
        name = "/".join(parts[:2])
        if name in RENAMED:  # relative, as the real hub answers
            return self.answer(307, {"Location": path.replace(name, RENAMED[name])})
        if name not in REPOS:  # so the real one answers those without a token
            return self.refuse(401, "RepoNotFound")
        r = REPOS[name]
        if r.get("circle"):
            return self.answer(307, {"Location": path})
        if count("fail", self.command, path) < r.get("fail_times", 0):
            headers = {"Retry-After": r["retry_after"]} if "retry_after" in r else {}
            return self.answer(r.get("fail_status", 500), headers)
        if "gated" in r:
            return self.refuse(r["gated"], r.get("error_code", "GatedRepo"))
        if r.get("token") and self.headers.get("Authorization") != "Bearer " + TOKEN:
            return self.refuse(401, "RepoNotFound")
        kind = parts[2] if len(parts) > 2 else "revision"
        if kind == "revision":
            return self.list_files(r, "/".join(parts[3:]) or "main")
        if kind == "tree":
            return self.list_tree(r)
        return self.resolve(name, r, parts[3], "/".join(parts[4:]))

    def commit(self, r):
        if r.get("changing"):  # a push every time that somebody asks
            return "%040x" % count("push")
        return r.get("commit", COMMIT)

    def list_files(self, r, revision):
        if r.get("no_api"):
            return self.answer(404)
        if revision not in r.get("revisions", {"main"}) and revision != COMMIT:
            return self.refuse(404, "RevisionNotFound")
        if r.get("api_hangs"):
            time.sleep(8)
        if r.get("api_body") == "huge":
            return self.answer(200, {}, b'{"sha": "' + b"a" * (17 << 20) + b'"}')
        names = r.get("listing", r["files"])
        body = json.dumps(
            {"id": "x", "sha": self.commit(r), "siblings": [{"rfilename": n} for n in names]}
        ).encode()
        self.answer(200, {"Content-Type": "application/json"}, r.get("api_body", body))

    def list_tree(self, r):
        entries = []
        for name, content in r["files"].items():
            entry = {"type": "file", "path": name, "size": len(content)}
            entry["oid"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            if is_lfs(name):
                entry["lfs"] = {
                    "oid": etag_of(name, content),
                    "size": len(content),
                    "pointerSize": 1,
                }
            entries.append(entry)
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(entries).encode())

    def resolve(self, name, r, revision, file):
        if file not in r["files"]:
            return self.refuse(404, "" if r.get("no_api") else "EntryNotFound")
        content = r["files"][file]
        etag = r.get("etag", etag_of(file, content))
        commit = COMMIT if revision == "main" else revision
        headers = {"X-Repo-Commit": r.get("file_commit", commit)}
        size = r.get("size", str(len(content)))
        if not is_lfs(file):
            body = r.get("sent", {}).get(file, content)
            headers["ETag"] = f'W/"{etag}"' if file == "vocab.txt" else f'"{etag}"'
            return self.answer(200, headers, body)
        host = r.get("cdn_host", "127.0.0.1")
        headers["Location"] = f"http://{host}:{cdn_port}/{name}/{file}?signature=a%2Fb"
        headers["X-Linked-Etag"] = f'"{etag}"'
        headers["ETag"] = '"of-the-redirect-itself"'
        if size != "none":
            headers["X-Linked-Size"] = size
        self.answer(302, headers, b"Found. Redirecting")


class Cdn(Handler):
    cdn = True

    def handle_request(self):
        self.note()
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        name, file = "/".join(path.split("/")[1:3]), "/".join(path.split("/")[3:])
        r = REPOS[name]
        body = r.get("sent", {}).get(file, r["files"][file])
        time.sleep(r.get("seconds", 0))
        status, headers, start = 200, {}, 0
        wanted = self.headers.get("Range", "")
        if wanted and r.get("refuses_range"):
            return self.answer(416, {"Content-Range": f"bytes */{len(body)}"})
        if wanted and not r.get("no_range"):
            start = int(wanted.split("=")[1].split("-")[0])
            shown = start + 7 if r.get("wrong_range") else start
            status = 206
            headers["Content-Range"] = f"bytes {shown}-{len(body) - 1}/{len(body)}"
        rest = body[start:]
        if r.get("no_length"):
            self.protocol_version = "HTTP/1.0"
            self.close_connection = True
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if not r.get("no_length"):
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if "break_after" in r and count("break", path) < r["break_times"]:
            self.wfile.write(rest[: r["break_after"]])
            self.close_connection = True
            return
        if "stall_after" in r and count("stall", path) < r["stall_times"]:
            self.wfile.write(rest[: r["stall_after"]])
            self.wfile.flush()
            time.sleep(8)
            self.close_connection = True
            return
        self.wfile.write(rest)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # clients may hang up
            super().handle_error(request, client_address)


hub = Server(("127.0.0.1", 0), Hub)
cdn = Server(("127.0.0.1", 0), Cdn)
cdn_port = cdn.server_address[1]
for server in (hub, cdn):
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(hub.server_address[1], cdn_port, flush=True)
sys.stdin.read()
