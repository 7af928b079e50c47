"""What an installed wheel must do; tools/check_wheel.sh runs it in an environment of its own.

`wheel_check.py bare` is for an environment without numpy, `full` for one with the dependencies.
Standard library only, and the command openssl.
"""

import base64
import contextlib
import hashlib
import http.server
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

BARE = sys.argv.pop(1) == "bare"
SCRIPTS = pathlib.Path(sys.executable).parent
PACKAGE = pathlib.Path(importlib.metadata.distribution("crossrank").locate_file("crossrank"))
BINARY = PACKAGE / "bin/crossrank"
QUERY = "how long to steep green tea"
DOCUMENTS = ["Trains leave at noon.", "Steep green tea for two minutes.", "Cats sleep a lot."]
# Of the C library's packages; libgcc_s is what glibc itself opens to end threads.
SYSTEM = re.compile(r"(libc|libm|libdl|libpthread|librt|libutil|ld-linux.*|libgcc_s)[.-].*")
MAX_SHIM_SECONDS = 0.040
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "model.safetensors": bytes(range(256)) * 100,
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Server(http.server.BaseHTTPRequestHandler):
    """A judge (POST) and a hub with one model (GET, HEAD)."""

    protocol_version = "HTTP/1.1"
    seen = []

    def log_message(self, *args):
        pass

    def answer(self, body, headers=(), status=200):
        self.send_response(status)
        for name, value in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        self.seen.append(self.path)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        labels = asked["response_format"]["json_schema"]["schema"]["required"]
        text = json.dumps({label: {"relevance": 7, "reason": "It says so."} for label in labels})
        choice = {"index": 0, "finish_reason": "stop"}
        choice["message"] = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
        reply = {"id": "1", "object": "chat.completion", "model": "m", "usage": usage}
        self.answer(json.dumps(reply | {"choices": [choice]}).encode())

    def do_GET(self):
        self.seen.append(self.path)
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/api/models/"):
            listing = {"sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            return self.answer(json.dumps(listing).encode())
        if name not in FILES:
            return self.answer(b"", [("X-Error-Code", "EntryNotFound")], 404)
        content = FILES[name]
        tag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        if name.endswith(".safetensors"):
            tag = hashlib.sha256(content).hexdigest()
        self.answer(content, [("ETag", f'"{tag}"'), ("X-Repo-Commit", COMMIT)])

    do_HEAD = do_GET


@contextlib.contextmanager
def serving(certificate=None):
    """The server's address; https where a certificate is given."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.handle_error = lambda *_: None  # who does not trust the certificate hangs up
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scheme = "https" if certificate else "http"
    yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def run(*command, expect=0, **environment):
    done = subprocess.run(
        [str(c) for c in command],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )
    if done.returncode != expect:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def foreign_libraries(maps):
    """Shared objects of /proc/PID/maps that are neither glibc's, Python's nor ours."""
    paths = {line.split(None, 5)[5] for line in maps.splitlines() if ".so" in line}
    ours = (str(SCRIPTS.parent), sys.base_prefix)
    names = {os.path.basename(path) for path in paths if not path.startswith(ours)}
    return sorted(name for name in names if not SYSTEM.fullmatch(name))


def seconds(*command):
    took = []
    for _ in range(9):
        start = time.perf_counter()
        run(*command)
        took.append(time.perf_counter() - start)
    return min(took), statistics.median(took)


class WheelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(
            tempfile.mkdtemp(dir=".")
        )  # in the folder that the caller removes
        cls.folder = cls.folder.resolve()
        cls.certificate = cls.folder / "server.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=crossrank test", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", cls.folder / "key.pem", "-out", cls.folder / "ca.pem")  # fmt: skip
        pair = [(cls.folder / name).read_text() for name in ("key.pem", "ca.pem")]
        cls.certificate.write_text("".join(pair))

    def pull(self, url, expect=0, **environment):
        environment = {
            "HF_ENDPOINT": url,
            "HF_HOME": tempfile.mkdtemp(dir=self.folder),
        } | environment
        return run("crossrank", "pull", "test/model", expect=expect, **environment)

    def test_rank_without_numpy(self):
        code = f"""
import sys
import crossrank
ranked = crossrank.CrossEncoderReRanker("builtin").rank({QUERY!r}, {DOCUMENTS!r})
print({DOCUMENTS!r}.index(ranked[0][0]), "numpy" in sys.modules)
"""
        self.assertEqual(run(sys.executable, "-c", code).split(), ["1", "False"])
        self.assertEqual(importlib.util.find_spec("numpy") is None, BARE)

    @unittest.skipIf(BARE, "returns arrays")
    def test_predict(self):
        import crossrank

        pairs = [(QUERY, document) for document in DOCUMENTS]
        scores = crossrank.CrossEncoder("builtin").predict(pairs)
        self.assertEqual((scores.shape, str(scores.dtype), scores.argmax()), ((3,), "float32", 1))

    def test_command(self):
        version = importlib.metadata.version("crossrank")
        self.assertIn(version, run("crossrank", "--version"))
        self.assertIn(version, run(sys.executable, "-m", "crossrank", "--version"))
        self.assertIn(str(PACKAGE), run("crossrank", "info", "--model", "builtin"))
        self.assertNotIn("FAILED", run("crossrank", "doctor", "--model", "builtin"))
        file = self.folder / "documents.txt"
        file.write_text("\n".join(DOCUMENTS))
        best = run("crossrank", "rank", "--model", "builtin", "--lines", "-q", QUERY, file)
        self.assertEqual(json.loads(best.splitlines()[0])["index"], 1)
        run("crossrank", "info", "--model", "/nonexistent", expect=3)

    def test_serve(self):
        server = subprocess.Popen(
            ["crossrank", "serve", "--model", "builtin", "--port", "0"],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(server.stderr.close)
        try:
            url = f"http://127.0.0.1:{json.loads(server.stderr.readline())['port']}"
            body = json.dumps({"query": QUERY, "documents": DOCUMENTS}).encode()
            request = urllib.request.Request(
                url + "/v1/rerank", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as reply:
                self.assertEqual(json.load(reply)["results"][0]["index"], 1)
            maps = pathlib.Path(f"/proc/{server.pid}/maps").read_text()
            self.assertEqual(foreign_libraries(maps), [])
        finally:
            server.terminate()
            self.assertEqual(server.wait(30), 0)

    def test_command_shim(self):
        (binary, _), (shim, median) = (
            seconds(BINARY, "--version"),
            seconds("crossrank", "--version"),
        )
        python, _ = seconds(sys.executable, "-c", "pass")
        print(
            f"start: binary {binary * 1e3:.0f} ms, crossrank {shim * 1e3:.0f} ms (median "
            f"{median * 1e3:.0f}), of which python -c pass {python * 1e3:.0f} ms"
        )
        # What Python itself takes is the machine's; the shim may add this to it.
        self.assertLess(shim - binary - python, MAX_SHIM_SECONDS)

    def test_judge_over_http_and_https(self):
        import crossrank

        documents = [{"page_content": text} for text in DOCUMENTS]
        for certificate in (None, self.certificate):
            with self.subTest(tls=bool(certificate)), serving(certificate) as url:
                judge = crossrank.LlmJudge(
                    url=url + "/v1", model="m", ca_bundle=str(self.folder / "ca.pem")
                )
                self.assertEqual(len(judge.rank(QUERY, documents)), 3)
                self.assertEqual(Server.seen.pop(), "/v1/chat/completions")

    def test_module_needs_glibc_alone(self):
        # Nobody answers there; that libcurl and OpenSSL were needed to find out is what counts.
        code = """
import pathlib
import crossrank
crossrank.CrossEncoderReRanker("builtin").rank("a", ["b"])
try:
    crossrank.LlmJudge(url="https://127.0.0.1:1/v1", model="m").rank("a", [{"page_content": "b"}])
except crossrank.CrossRankError as error:
    print(error)
print(pathlib.Path("/proc/self/maps").read_text())
"""
        said = run(sys.executable, "-c", code)
        self.assertNotIn("libcurl could not", said)
        self.assertEqual(foreign_libraries(said), [])

    def test_pull_over_tls(self):
        own = {"SSL_CERT_FILE": str(self.folder / "ca.pem")}
        with serving(self.certificate) as url:
            self.pull(url, **own)
            self.pull(url, CURL_CA_BUNDLE=own["SSL_CERT_FILE"])
            self.assertIn("/test/model/resolve/", " ".join(Server.seen))
            # The system's certificates do not know this server, nor does a file that is not there.
            self.assertIn("SSL_CERT_FILE", self.pull(url, expect=3))
            self.pull(url, expect=3, SSL_CERT_FILE="/nonexistent.pem")

    def test_record_and_licences(self):
        distribution = importlib.metadata.distribution("crossrank")
        files = {str(file): file for file in distribution.files}
        for name in ("LICENSE", "NOTICE"):
            self.assertTrue(any(f.endswith(f"dist-info/licenses/{name}") for f in files), name)
        notice = next(file for name, file in files.items() if name.endswith("licenses/NOTICE"))
        for part in ("libcurl", "OpenSSL", "nanobind", "libstdc++", "Boost", "spdlog", "CLI11"):
            self.assertIn(part, notice.read_text())
        models = [name for name in files if name.endswith("model.safetensors")]
        folder = "crossrank/share/crossrank/models/minilm-l6-crossrank"
        self.assertEqual(models, [folder + "/model.safetensors"])
        for file in files.values():
            if file.hash:
                digest = hashlib.sha256(file.locate().read_bytes()).digest()
                text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                self.assertEqual(text, file.hash.value, file)
        self.assertIn("py.typed", " ".join(files))


if __name__ == "__main__":
    unittest.main(verbosity=1)
