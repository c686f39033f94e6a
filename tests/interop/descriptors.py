"""A process without file descriptors (CASES R8): who is there is served on as far as that needs none,
who comes is refused or waits, the process lives, and all is well as soon as there are some again."""

import contextlib
import os
import resource
import socket
import unittest

from tests.lib import corpus
from tests.lib.imap_scene import DRAFT, ScriptedScene
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import Scene

MAILS = [corpus.plain_mail(n) for n in range(1, 4)]


def descriptors(pid):
    """Those that are open, once no state is being written; else nothing."""
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            if "/accounts/" in os.readlink(f"/proc/{pid}/fd/{name}"):
                return None
            found.add(int(name))
    return found


def leave_descriptors(gateway, count):
    """The process may open so many more; None: as many as it likes."""
    pid = gateway.process.pid
    _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = most
    if count is not None:
        taken = wait_until(lambda: descriptors(pid), "the state to be written")
        limit = [n for n in range(len(taken) + count + 1) if n not in taken][count]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, most))


class Pop3(Scene):
    def setUp(self):
        super().setUp()
        self.gate = self.gateway(self.fake(MAILS))
        self.gate.wait_said(" end ")  # of the connection that has tried whether it listens
        self.client = self.login(self.gate)
        self.client.stat()

    def test_none_left(self):
        leave_descriptors(self.gate, 0)
        waiting = [socket.create_connection(("127.0.0.1", self.gate.port), timeout=PATIENCE)
                   for _ in range(3)]
        self.gate.wait_said("accept-paused")
        self.assertEqual(MAILS[1], self.client.retr(2))
        leave_descriptors(self.gate, None)
        for sock in waiting:
            self.addCleanup(sock.close)
            self.assertTrue(sock.recv(100).startswith(b"+OK"))
        self.client.dele(1)
        self.client.quit()
        self.assertEqual(MAILS[1:], [self.login(self.gate).retr(n) for n in (1, 2)])

    def test_none_for_the_upstream(self):
        leave_descriptors(self.gate, 1)
        client = self.connect(self.gate)
        with self.assertRaisesRegex(Refused, r"\[SYS/TEMP\]"):
            client.login("ann@example.com", "s3cret-Passw0rd")
        self.assertEqual(MAILS[2], self.client.retr(3))
        leave_descriptors(self.gate, None)
        self.assertEqual(MAILS[0], self.login(self.gate).retr(1))


class Imap(ScriptedScene):
    def test_none_left(self):
        self.serve()
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(self.mails[0], self.body(client, 1))
        leave_descriptors(self.gate, 0)
        for answer in (client.append("Drafts", None, None, DRAFT),
                       client.store("2", "+FLAGS", "(\\Flagged)")):
            self.assertEqual("NO", answer[0], answer)
        self.ok(client.noop())
        self.assertEqual({"\\flagged"} & self.flags(client)[2], set())
        leave_descriptors(self.gate, None)
        wait_until(lambda: client.store("2", "+FLAGS", "(\\Flagged)")[0] == "OK",
                   "flags to be kept again")
        self.ok(client.append("Drafts", None, None, DRAFT))
        self.assertEqual(self.mails, [self.body(client, n) for n in range(1, 6)])
        self.gate.restart()
        client = self.client(folder="INBOX", count=5)
        self.assertIn("\\flagged", self.flags(client)[2])
        self.assertEqual(1, self.select(client, "Drafts"))


if __name__ == "__main__":
    unittest.main()
