#!/usr/bin/env python3
"""Runs crossrank.conf: three servers on loopback behind nginx, clients that ask without a pause,
and in the middle of it one server killed, started again, and another one told to end. No request
may fail. Then without nginx's second try, where requests must fail: else the check sees nothing.

    examples/nginx/check.py [BINARY]     default build/release/crossrank; needs nginx (nginx-light)

Exit codes: 0 all is well, 1 something is not, 77 there is no nginx. Standard library alone.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENTS = 8
LONGEST_RUN = 300  # seconds, when clients stop by themselves
# A state lasts this long and until so many requests were answered: a busy machine answers few.
STATE_SECONDS, STATE_REQUESTS = 3.0, 40
NO_NGINX = 77
WRAPPER = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 2;
{user}
events {{ worker_connections 512; }}
http {{
  log_format tries '$status $upstream_addr $upstream_status';
  access_log {folder}/access.log tries;
  {temporary}
  include {folder}/crossrank.conf;
}}
"""


class Failure(Exception):
    pass


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def ask(connection, method, path, body=None):
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        return ask(connection, "GET", path)
    finally:
        connection.close()


def wait_until(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise Failure(f"not within {seconds} s: {what}")


class Server:
    """One crossrank serve on a port."""

    def __init__(self, binary, port):
        self.binary, self.port, self.process = binary, port, None

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "serve", "--model", "builtin", "--port", str(self.port)]
            + ["--threads", "1", "--quiet"],
            stderr=subprocess.DEVNULL,
        )
        wait_until(f"port {self.port} is ready", lambda: get(self.port, "/readyz")[0] == 200)

    def stop(self, number):
        self.process.send_signal(number)
        return self.process.wait(timeout=70)

    def rankings(self):
        """How many it has answered, by its own count."""
        text = get(self.port, "/metrics")[1].decode()
        counts = re.findall(
            r'^crossrank_requests_total\{.*route="/v1/rerank".*\} (\d+)', text, re.M
        )
        return sum(map(int, counts))


class Load:
    """Clients that keep a connection each and ask as long as they are let."""

    def __init__(self, port, body, wanted):
        self.port, self.body, self.wanted = port, body, wanted
        self.count, self.failures, self.lock = 0, [], threading.Lock()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.client) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def goes_on(self):
        """Waits for the length of a state."""
        start, before = time.monotonic(), self.count
        wait_until(
            f"{STATE_REQUESTS} requests are answered",
            lambda: (
                self.count - before >= STATE_REQUESTS and time.monotonic() - start >= STATE_SECONDS
            ),
            seconds=100,
        )

    def client(self):
        end = time.monotonic() + LONGEST_RUN
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=70)
        while not self.over.is_set() and time.monotonic() < end:
            try:
                status, answer = ask(connection, "POST", "/v1/rerank", self.body)
                wrong = None
                if status != 200:
                    wrong = f"{status}: {answer[:200]}"
                elif json.loads(answer)["results"] != self.wanted:
                    wrong = f"another ranking: {answer[:200]}"
            except (OSError, http.client.HTTPException) as error:
                wrong = repr(error)
                connection.close()
            with self.lock:
                self.count += 1
                if wrong:
                    self.failures.append(wrong)
        connection.close()


def start_nginx(folder, ports, retry):
    """nginx with crossrank.conf on other ports; `retry` False: without its second try."""
    text = (HERE / "crossrank.conf").read_text("utf-8")
    for number, port in enumerate(ports):
        text, found = re.subn(
            rf"(?m)^( +(?:listen|server) 127\.0\.0\.1:)808{number}\b", rf"\g<1>{port}", text
        )
        if found != 1:
            raise Failure(f"crossrank.conf names port 808{number} {found} times, not once")
    if not retry:
        text, found = re.subn(r"(?m)^( +proxy_next_upstream) .*;$", r"\1 off;", text)
        if found != 1:
            raise Failure("crossrank.conf has no proxy_next_upstream")
    (folder / "crossrank.conf").write_text(text, "utf-8")
    (folder / "access.log").unlink(missing_ok=True)
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=True).stderr
    temporary = ["client_body", "proxy"]
    temporary += [
        m for m in ("fastcgi", "uwsgi", "scgi") if f"--without-http_{m}_module" not in built
    ]
    (folder / "nginx.conf").write_text(
        WRAPPER.format(
            folder=folder,
            user="user root;" if os.geteuid() == 0 else "",
            temporary=" ".join(f"{name}_temp_path {folder}/{name};" for name in temporary),
        ),
        "utf-8",
    )
    process = subprocess.Popen(
        ["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", str(folder / "error.log")]
    )
    try:
        wait_until("nginx is ready", lambda: get(ports[0], "/readyz")[0] == 200)
    except Failure:
        process.kill()
        print((folder / "error.log").read_text("utf-8"), file=sys.stderr)
        raise
    return process


def run(folder, servers, ports, body, wanted):
    """All states under one load. Returns it and how many requests had a second try."""
    first, second, third = servers
    nginx = start_nginx(folder, ports, retry=True)
    try:
        with Load(ports[0], body, wanted) as load:
            load.goes_on()
            shares = [server.rankings() for server in servers]
            first.stop(signal.SIGKILL)
            load.goes_on()
            first.start()
            load.goes_on()
            back = first.rankings()
            code = second.stop(signal.SIGTERM)
            load.goes_on()
    finally:
        nginx.terminate()
        nginx.wait(timeout=30)
    tried_again = sum(
        "," in line for line in (folder / "access.log").read_text("utf-8").splitlines()
    )
    print(f"{load.count} requests, {len(load.failures)} failed, {tried_again} tried again")
    print(f"before the kill the servers had {shares}; the killed one, started again, {back}")
    for failure in load.failures[:5]:
        print(f"  {failure}")
    if load.failures:
        raise Failure("requests failed")
    if not tried_again:
        raise Failure("the killed server had no request: this run shows nothing")
    if min(shares) * 4 < max(shares):
        raise Failure("the load is not shared")
    if not back:
        raise Failure("the server that was started again gets no requests")
    if code:
        raise Failure(f"the server that was told to end ended with {code}")


def run_without_retry(folder, servers, ports, body, wanted):
    nginx = start_nginx(folder, ports, retry=False)
    try:
        with Load(ports[0], body, wanted) as load:
            load.goes_on()
            servers[0].stop(signal.SIGKILL)
            load.goes_on()
    finally:
        nginx.terminate()
        nginx.wait(timeout=30)
    print(f"without the second try: {load.count} requests, {len(load.failures)} failed")
    if not load.failures:
        raise Failure("no request failed although none was tried again: this check sees nothing")


def main():
    if len(sys.argv) > 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    if not shutil.which("nginx"):
        print("check.py: there is no nginx, so nothing was checked", file=sys.stderr)
        return NO_NGINX
    binary = sys.argv[1] if len(sys.argv) == 2 else HERE.parents[1] / "build/release/crossrank"
    corpus = (HERE.parent / "corpus.jsonl").read_text("utf-8").splitlines()
    documents = [json.loads(line)["page_content"] for line in corpus[:6]]
    body = json.dumps({"query": "who walked on the moon first", "documents": documents}).encode()
    ports = free_ports(4)
    servers = [Server(binary, port) for port in ports[1:]]
    folder = Path(tempfile.mkdtemp(prefix="crossrank-nginx-"))
    try:
        for server in servers:
            server.start()
        direct = http.client.HTTPConnection("127.0.0.1", ports[1], timeout=30)
        wanted = json.loads(ask(direct, "POST", "/v1/rerank", body)[1])["results"]
        direct.close()
        run(folder, servers, ports, body, wanted)
        servers[1].start()
        run_without_retry(folder, servers, ports, body, wanted)
    except Failure as failure:
        print(f"check.py: {failure}", file=sys.stderr)
        return 1
    finally:
        for server in servers:
            if server.process and server.process.poll() is None:
                server.process.kill()
                server.process.wait()
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
