"""Whatever bytes come, the server answers with the right status and a sentence, or closes; and it
goes on serving. The cases are bad_input/*.json; bad_cases.py says how they are read.
"""

import socket
import time
import unittest

import bad_cases
from server import SLOWDOWN, Server

NAMES = ("fields", "framing", "keys", "limits", "malformed", "routes", "small_limits", "strange")
NAMES += ("texts",)
LEAST_CASES = 300
HELD_BYTES = 32 << 20
LONGEST_MESSAGE = 1000  # characters: a message shows what was sent, but not all of it
GOOD = bad_cases.request_bytes("POST", "/rerank", bad_cases.BODY)


class Wrong(AssertionError):
    """What came back is not what the case says."""


def run_case(server, case):
    """Sends what the case says and compares what comes back."""
    start = time.monotonic()
    try:
        with server.connect() as connection:
            talk(connection, case)
    except socket.timeout:
        raise Wrong("no answer, and the connection stays open") from None
    except ConnectionError as error:
        raise Wrong(f"{error}; {server.process.poll()}") from None
    took = time.monotonic() - start
    if took < case.least_s:
        raise Wrong(f"it took only {took:.2f} s")
    if took > case.most_s * SLOWDOWN:
        raise Wrong(f"it took {took:.2f} s")


def talk(connection, case):
    for step in case.send:
        if isinstance(step, bytes):
            if not connection.send(step):
                break  # it has answered and closed
        elif step[0] == "wait":
            time.sleep(step[1])
        elif step[0] == "half_close":
            connection.finish_sending()
        elif step[0] == "answer":
            check_status(connection.read_answer(), tuple(step[1]))
    answer = None
    for statuses in case.answers:
        answer = connection.read_answer(head=case.head)
        check_status(answer, statuses)
        if answer is None:
            return
        if answer.status >= 400 and not case.head:
            check_error(answer, case)
    for name in case.headers:
        if answer.header(name) is None:
            raise Wrong(f"no {name} in {answer.headers}")
    if answer.status == 100:
        return
    if case.then == "closed" and not connection.is_closed():
        raise Wrong(f"something behind the answer: {connection.buffer[:200]!r}")
    if case.then == "open":
        if not connection.send(GOOD):
            raise Wrong("the connection is closed")
        check_status(connection.read_answer(), (200,))


def check_status(answer, statuses):
    found = "closed" if answer is None else answer.status
    if found not in statuses:
        raise Wrong(f"{found}, not {' or '.join(map(str, statuses))}: {answer}")


def check_error(answer, case):
    try:
        dialect, message = bad_cases.error_of(answer)
    except ValueError as error:
        raise Wrong(f"{error}: {answer}") from None
    if case.dialect and dialect != case.dialect:
        raise Wrong(f"an error of {dialect}, not of {case.dialect}: {answer}")
    if case.says.lower() not in message.lower():
        raise Wrong(f"the message does not say {case.says!r}: {answer}")
    if len(message) > LONGEST_MESSAGE:
        raise Wrong(f"a message of {len(message)} characters: {answer}")


class BadInput(unittest.TestCase):
    def run_group(self, name):
        group = bad_cases.load(name)
        headers = {}
        if group.env:
            headers["Authorization"] = "Bearer " + "".join(group.env.values())
        with Server(*group.serve, env=group.env) as server:
            for case in group.cases:
                with self.subTest(group=name, case=case.name):
                    run_case(server, case)
                server.check_alive()
            good = server.post("/rerank", {"query": "tea", "texts": ["green tea"]}, headers)
            self.assertEqual(good.status, 200, good)
            server.stop()
            server.check_log()
            log = "\n".join(server.lines)
        for secret in group.env.values():
            self.assertNotIn(secret, log)

    def test_there_are_many(self):
        count = sum(len(bad_cases.load(name).cases) for name in NAMES)
        self.assertGreaterEqual(count, LEAST_CASES)
        files = {path.stem for path in bad_cases.FOLDER.glob("*.json")}
        self.assertEqual(files, {*NAMES, "slow"})
        for name in NAMES:
            self.assertTrue(hasattr(self, f"test_{name}"), name)

    def test_lines_of_a_chunked_body_are_not_held(self):
        """The size of a chunk, what stands behind it and the trailers have no length of their own,
        and are no part of the body; a server that waits for their end holds them."""
        head = (bad_cases.MACROS["@POST@"] + "Transfer-Encoding: chunked\r\n\r\n").encode()
        for name, start, part in (
            ("size", b"", b"0" * 65536),
            ("extension", b"2;a=", b"x" * 65536),
            ("trailer", b"2\r\n{}\r\n0\r\nX-Name: ", b"x" * 65536),
            ("trailers", b"2\r\n{}\r\n0\r\n", b"X-Name: x\r\n" * 6000),
        ):
            with self.subTest(line=name), Server() as server:
                before = server.resident_bytes
                with server.connect() as connection:
                    connection.send(head + start)
                    for _ in range(1000):  # 64 MB
                        if not connection.send(part):
                            break
                    self.assertLess(server.resident_bytes - before, HELD_BYTES)

    def test_fields(self):
        self.run_group("fields")

    def test_framing(self):
        self.run_group("framing")

    def test_keys(self):
        self.run_group("keys")

    def test_limits(self):
        self.run_group("limits")

    def test_malformed(self):
        self.run_group("malformed")

    def test_routes(self):
        self.run_group("routes")

    def test_small_limits(self):
        self.run_group("small_limits")

    def test_strange(self):
        self.run_group("strange")

    def test_texts(self):
        self.run_group("texts")


if __name__ == "__main__":
    unittest.main()
