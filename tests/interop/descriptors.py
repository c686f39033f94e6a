"""A process without file descriptors (CASES R8): who is there is served on as far as that needs none,
who comes is refused or waits, the process lives, and all is well as soon as there are some again.
Before there is none, what is kept only for speed is given up."""

import contextlib
import json
import os
import resource
import socket
import threading
import unittest

from tests.lib import corpus
from tests.lib.fakepop3 import FakePop3
from tests.lib.imap_scene import DRAFT, ImapClients, ScriptedScene, crlf
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

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
        self.gate = self.gateway(self.fake(MAILS), config={"limits": {"connect_seconds": 1}})
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
        client = self.connect(self.gate)
        leave_descriptors(self.gate, 1)
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


class Shortage(Scene):
    """More users than descriptors for both sides of each: what upstream sessions are kept only for
    speed goes, and nobody is refused."""

    limits = {"connections_per_address": 1000, "unauthenticated_per_address": 1000}

    def users(self, count):
        return {f"user{n}@example.com": PASSWORD for n in range(count)}

    def limit(self, most):
        """The process has so many, and no more."""
        resource.prlimit(self.gate.process.pid, resource.RLIMIT_NOFILE, (most, most))

    def told(self):
        """How many were let go of, and how many had to wait; the log told it once."""
        health = json.loads(self.gate.health())
        self.assertEqual(1, self.gate.output().count(" descriptors message="))
        self.assertNotIn("out of file descriptors", self.gate.output())
        return health["let_go"], health["waited"]


class Pop3Shortage(Shortage):
    def test_sessions_that_wait_make_room(self):
        users = self.users(150)
        self.gate = self.gateway(self.fake(MAILS, users=users), pop3={"warm_seconds": 600},
                                 config={"limits": self.limits})
        self.limit(150)
        for user in users:
            client = self.login(self.gate, user)
            client.stat()
            client.quit()
            client.close()
        self.assertGreater(self.told()[0], 0)
        clients = [self.login(self.gate, user) for user in list(users)[:40]]
        for client in clients:
            self.assertEqual(MAILS[1], client.retr(2))

    def test_who_finds_none_waits_for_one(self):
        """Clients have taken all but the few that are left to connect upstream with."""
        self.gate = self.gateway(self.fake(MAILS),
                                 config={"limits": {**self.limits, "connect_seconds": 2}})
        self.limit(80)
        clients = []
        while len(os.listdir(f"/proc/{self.gate.process.pid}/fd")) < 80 - 8 - 4:
            clients.append(self.connect(self.gate))
        served = []
        with self.assertRaisesRegex(Refused, r"\[SYS/TEMP\].*out of file descriptors"):
            for client in clients:
                client.login(USER, PASSWORD)
                served.append(client)
        self.assertTrue(served)
        for each in served:
            self.assertEqual(MAILS[2], each.retr(3))
        served[0].close()
        client.login(USER, PASSWORD)
        self.assertEqual(MAILS[0], client.retr(1))


class ImapShortage(Shortage, ImapClients):
    """Each fetches a message that is not in the cache, all at once."""

    route = {"idle_seconds": 600, "poll_seconds": 3600}
    mail = crlf(MAILS[0])

    def test_all_ask_at_once(self):
        users = self.users(300)
        self.fake = FakePop3(users)
        self.fake.lock = threading.Semaphore(len(users))  # each has a maildrop of his own
        self.fake.deliver(self.mail)
        self.fake.start()
        self.addCleanup(self.fake.stop)
        self.gate = self.imap_gateway(self.fake.port, config={"limits": self.limits})
        self.limit(400)
        clients = []
        for self.user in users:
            clients.append(self.client(folder="INBOX", count=1))
        for client in clients:
            client.send(b"one FETCH 1 BODY.PEEK[]\r\n")
        for client in clients:
            self.heard(client, rb"^\* 1 FETCH \(BODY\[\] \{%d\}" % len(self.mail))
            self.assertEqual(self.mail, client.read(len(self.mail)))
            self.heard(client, rb"^one OK")
        let_go, waited = self.told()
        self.assertGreater(let_go, 0)
        self.assertGreater(waited, 0)


if __name__ == "__main__":
    unittest.main()
