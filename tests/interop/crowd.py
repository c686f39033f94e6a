"""Connections that do not log in: so many from one address, and no longer than they may; and nobody
who has logged in is harmed by them (CASES R4)."""

import contextlib
import socket
import threading
import unittest

from tests.lib import corpus
from tests.lib.fakepop3 import FakePop3
from tests.lib.imap_raw import RawImap
from tests.lib.pop3 import Pop3
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

MAILS = [corpus.plain_mail(n) for n in range(1, 4)]
REFUSAL = "too many connections from your address that have not logged in"


class Trickle:
    """A client that says an octet now and then, and never a whole line."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.greeting = self.socket.recv(1000)
        self._over = threading.Event()
        threading.Thread(target=self._trickle, daemon=True).start()

    def _trickle(self):
        with contextlib.suppress(OSError):
            while not self._over.wait(0.1):
                self.socket.sendall(b"N")

    def wait_closed(self):
        """Until the other side has closed it."""
        with contextlib.suppress(ConnectionResetError):
            while self.socket.recv(1000):
                pass

    def close(self):
        self._over.set()
        self.socket.close()


class Crowd(Scene):
    def crowded(self, waiting, upstream=None, trusted="192.0.2.0/24", **options):
        """A gateway that lets so many wait for a login; this machine is none that it trusts."""
        limits = {"unauthenticated_per_address": waiting, "trusted_networks": [trusted],
                  **options.pop("limits", {})}
        return self.gateway(upstream or self.fake(MAILS), config={"limits": limits}, **options)

    def pop3_upstream(self):
        server = FakePop3({USER: PASSWORD}).start()
        self.addCleanup(server.stop)
        return f"pop3://127.0.0.1:{server.port}"

    def admitted(self, kind, gateway):
        """A client that has a place; one that has just left may have its own for a moment yet."""
        def attempt():
            client = kind(gateway.port)
            self.addCleanup(client.close)
            return client if client.greeting.startswith((b"+OK", b"* OK")) else client.close()
        return wait_until(attempt, "a place to be free")

    def first_word(self, gateway):
        """What a client hears that says nothing; it is gone then."""
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as s:
            return s.recv(1000)

    def test_slow_ones_have_their_places_and_their_time(self):
        gateway = self.crowded(3, limits={"login_seconds": 10})
        ann = self.admitted(Pop3, gateway).login(USER, PASSWORD)
        crowd = [self.admitted(Trickle, gateway) for _ in range(3)]
        refused = self.first_word(gateway)
        self.assertTrue(refused.startswith(f"-ERR [SYS/TEMP] {REFUSAL} (3)".encode()), refused)
        gateway.wait_said(f'refused peer=127.0.0.1 message="{REFUSAL} (3)')
        self.assertEqual(ann.retr(1), MAILS[0])
        for client in crowd:
            client.wait_closed()
        self.admitted(Pop3, gateway)
        self.assertEqual(ann.retr(2), MAILS[1])
        ann.dele(3)
        ann.quit()

    def test_who_has_logged_in_does_not_count(self):
        gateway = self.crowded(1)
        clients = [self.admitted(Pop3, gateway).login(USER, PASSWORD) for _ in range(5)]
        for client in clients:
            self.assertEqual(client.retr(3), MAILS[2])
        self.admitted(Trickle, gateway)
        self.assertIn(REFUSAL.encode(), self.first_word(gateway))

    def test_who_leaves_does_not_count(self):
        gateway = self.crowded(1)
        for _ in range(5):
            self.admitted(Pop3, gateway).close()

    def test_imap_clients_move_between_loops(self):
        gateway = self.crowded(1, self.pop3_upstream(), listener="imap", workers=4)
        for _ in range(8):
            client = self.admitted(RawImap, gateway)
            self.assertEqual("OK", client.command(f'LOGIN "{USER}" {PASSWORD}').status)
        self.admitted(Trickle, gateway)
        refused = self.first_word(gateway)
        self.assertTrue(refused.startswith(f"* BYE [UNAVAILABLE] {REFUSAL} (1)".encode()), refused)
        self.assertEqual("OK", client.command("NOOP").status)

    def test_handshakes_count(self):
        certificate = self.authority().issue("localhost")
        gateway = self.crowded(1, listener="pop3s", tls=certificate)

        def one_is_refused():
            silent = socket.create_connection(("127.0.0.1", gateway.port))
            self.addCleanup(silent.close)
            return REFUSAL in gateway.output()
        wait_until(one_is_refused, "a silent client to be refused for another one")

    def test_trusted_ones_may_be_many(self):
        gateway = self.crowded(1, trusted="127.0.0.0/8")
        for client in [Trickle(gateway.port) for _ in range(4)]:
            self.addCleanup(client.close)
            self.assertTrue(client.greeting.startswith(b"+OK"), client.greeting)


if __name__ == "__main__":
    unittest.main()
