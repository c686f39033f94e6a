"""Clients are spread evenly over the workers, however few they are, and however the kernel gives
them to the listeners.

Which worker has a client is seen by what the process's loops wait for (/proc/PID/fdinfo).
"""

import collections
import contextlib
import glob
import os
import re
import signal
import socket
import threading
import unittest

from tests.lib.imap_raw import RawImap
from tests.lib.mailferry import environment
from tests.lib.process import PATIENCE, Process, wait_until
from tests.lib.scene import PASSWORD, Scene

WORKERS = 4


def sockets(port):
    """Inodes of this machine's sockets that are connected at `port`, their own end."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f][1:]
    return {row[9] for row in rows if row[3] == "01" and row[1].endswith(f":{port:04X}")}


def waited_for(pid):
    """{descriptor of a loop: [what it waits for]}"""
    found = {}
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as f:
            found[path] = re.findall(r"^tfd: +(\d+)", f.read(), re.MULTILINE)
    return found


class Workers(Scene):
    def begin(self, upstream, **options):
        """A gateway that nobody has been connected to, not even to look whether it is there."""
        gateway = self.gateway(upstream, start=False, workers=WORKERS,
                               config={"limits": {"login_refusals": 0}}, **options)
        gateway.process = Process(gateway.command_line(), gateway.log, env=environment())
        gateway.process.wait_said("listening on")
        return gateway

    def spread(self, gateway):
        """How many clients each worker has, the fewest first."""
        clients, pid = sockets(gateway.port), gateway.process.pid
        counts = collections.Counter()
        for loop, descriptors in waited_for(pid).items():
            for each in descriptors:
                with contextlib.suppress(FileNotFoundError):
                    link = os.readlink(f"/proc/{pid}/fd/{each}")
                    counts[loop] += link.removeprefix("socket:[").rstrip("]") in clients
        return sorted(count for count in counts.values() if count)

    def wait_spread(self, gateway, wanted):
        wait_until(lambda: self.spread(gateway) == wanted, f"clients to be spread as {wanted}")

    def test_each_has_as_many(self):
        gateway = self.begin(self.fake())
        for count in range(1, 4 * WORKERS + 1):
            self.connect(gateway)
            each, more = divmod(count, WORKERS)
            wanted = [each] * (WORKERS - more) + [each + 1] * more
            self.wait_spread(gateway, [n for n in wanted if n])

    def test_who_comes_at_once_too(self):
        gateway = self.begin(self.fake())
        clients = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(80)]
        for client in clients:
            self.addCleanup(client.close)
            self.assertEqual(b"+OK", client.recv(3))
        self.assertGreaterEqual(self.spread(gateway)[0], 15)

    def test_a_session_that_was_handed_on_is_whole(self):
        gateway = self.begin(self.fake([b"Subject: one\r\n\r\nx\r\n"]))
        for client in [self.login(gateway) for _ in range(2 * WORKERS)]:
            self.assertEqual(b"Subject: one\r\n\r\nx\r\n", client.retr(1))
            client.quit()

    def imap_gateway(self, users):
        server = self.dovecot({user: PASSWORD for user in users}, pop3=True)
        return self.begin(f"pop3://127.0.0.1:{server.pop3_port}", listener="imap")

    def log_in(self, gateway, user, refused_first=()):
        client = RawImap(gateway.port)
        self.addCleanup(client.close)
        for other in refused_first:
            self.assertEqual("NO", client.command(f"LOGIN {other} wrong").status)
        self.assertEqual("OK", client.command(f"LOGIN {user} {PASSWORD}").status)
        self.assertEqual("OK", client.command("SELECT INBOX").status)
        return client

    def test_accounts_are_spread(self):
        """Also those whose clients have gone; and later clients of a user go where he is."""
        users = [f"user{n}" for n in range(2 * WORKERS)]
        gateway = self.imap_gateway(users)
        for user in users:
            self.log_in(gateway, user).close()
        for user in users:
            self.log_in(gateway, user)
        self.wait_spread(gateway, [2] * WORKERS)
        for _ in range(2 * WORKERS):
            self.log_in(gateway, "user1")
        self.wait_spread(gateway, [2] * (WORKERS - 1) + [2 + 2 * WORKERS])

    def test_a_client_goes_from_home_to_home(self):
        """One that was refused at some accounts is let in at another."""
        users = [f"user{n}" for n in range(WORKERS)]
        gateway = self.imap_gateway(users)
        for user in users:
            self.log_in(gateway, user)
        self.log_in(gateway, users[0], refused_first=users)
        self.wait_spread(gateway, [1] * (WORKERS - 1) + [2])

    def test_accounts_begin_and_end_everywhere(self):
        """One that nobody was let in to ends at once, while others come for it."""
        gateway = self.imap_gateway(["user"])
        trouble = []

        def come():
            try:
                self.log_in(gateway, "user", refused_first=["user"] * 3)
            except (AssertionError, OSError) as e:
                trouble.append(e)
        crowd = [threading.Thread(target=come) for _ in range(3 * WORKERS)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        self.assertEqual([], trouble)
        self.wait_spread(gateway, [len(crowd)])

    def test_clients_come_while_it_ends(self):
        """Each is greeted or finds the connection closed, and the process ends as it should."""
        gateway = self.begin(self.fake())
        over, heard = threading.Event(), set()

        def come():
            while not over.is_set():
                with contextlib.suppress(OSError), \
                        socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as client:
                    heard.add(client.recv(4))
        crowd = [threading.Thread(target=come) for _ in range(8)]
        for one in crowd:
            one.start()
        gateway.process.wait_said(" connect ", times=50)
        gateway.process.signal(signal.SIGTERM)
        gateway.process.wait()
        over.set()
        for one in crowd:
            one.join()
        self.assertLessEqual(heard, {b"+OK ", b"-ERR", b""})
        gateway.stop()


if __name__ == "__main__":
    unittest.main()
