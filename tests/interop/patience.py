"""A login ends in time, with a word that says it is nobody's password, whatever the upstream does to
prolong it."""

import contextlib
import imaplib
import socketserver
import threading
import unittest

from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE
from tests.lib.scene import PASSWORD, USER, Scene

LIMITS = {"limits": {"connect_seconds": 3, "response_seconds": 3}}


class Trickler:
    """Greets, and answers the first command with something to say, again and again, but never with
    the end of it."""

    def __init__(self, greeting, begin, more):
        words = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    self.wfile.write(greeting)
                    self.rfile.readline()
                    self.wfile.write(begin)
                    while not words.over.wait(0.2):
                        self.wfile.write(more)

        self.over = threading.Event()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class Patience(Scene):
    def trickler(self, *words):
        server = Trickler(*words)
        self.addCleanup(server.stop)
        return server.port

    def test_imap_upstream(self):
        port = self.trickler(b"* OK ready\r\n", b"", b"* OK just a moment\r\n")
        gateway = self.gateway(f"imap://127.0.0.1:{port}", config=LIMITS)
        with self.assertRaisesRegex(Refused, r"\[SYS/TEMP\] the login was not done within 6 sec"):
            self.login(gateway)
        gateway.wait_said("login-refused")

    def test_pop3_upstream(self):
        port = self.trickler(b"+OK ready\r\n", b"+OK\r\n", b"X-AND-MORE\r\n")
        gateway = self.gateway(f"pop3://127.0.0.1:{port}", listener="imap", config=LIMITS)
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[UNAVAILABLE\].*within 6 seconds"):
            client.login(USER, PASSWORD)


if __name__ == "__main__":
    unittest.main()
