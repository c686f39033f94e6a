"""RETR and TOP give the octets of the store, for every message of the corpus, whatever secures
the two sides; and LIST says how many they will be (CASES B1 to B4)."""

import unittest

from tests.lib import corpus
from tests.lib.pop3 import trusting
from tests.lib.scene import Scene
from tests.lib.stores import DovecotStore


class RetrExact(Scene):
    def fill(self, dovecot):
        self.cases = corpus.cases()
        DovecotStore(dovecot, next(iter(dovecot.users))).deliver_all(c.stored for c in self.cases)

    def check_all(self, client):
        """RETR of every case is exact."""
        for number, case in enumerate(self.cases, 1):
            with self.subTest(case.name):
                self.assert_octets(client.retr(number), case.received)

    def assert_octets(self, got, expected):
        """As assertEqual, but a difference in 10 MB is shown where it is."""
        if got == expected:
            return
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b),
                  min(len(got), len(expected)))
        self.fail(f"{len(got)} octets for {len(expected)}, differing at {at}: "
                  f"{got[max(0, at - 30):at + 30]!r} for {expected[max(0, at - 30):at + 30]!r}")

    def check_sizes(self, gateway):
        """A first session sees exact sizes wherever the upstream's are; a second one everywhere."""
        client = self.login(gateway)
        before = client.list()
        self.assertEqual(len(before), len(self.cases))
        for number, case in enumerate(self.cases, 1):
            if not _completed(case):
                self.assertEqual(before[number], len(case.received), case.name)
        self.check_all(client)
        client.quit()

        client = self.login(gateway)
        after = client.list()
        self.assertEqual({case.name: after[number] for number, case in enumerate(self.cases, 1)},
                         {case.name: len(case.received) for case in self.cases})
        self.assertEqual(client.stat(), (len(after), sum(after.values())))
        client.quit()

    def test_plain(self):
        dovecot = self.dovecot()
        self.fill(dovecot)
        self.check_sizes(self.gateway(dovecot))

    def test_starttls_on_both_sides(self):
        ca = self.authority()
        server = ca.issue("server")
        dovecot = self.dovecot(tls=server, extra="disable_plaintext_auth = yes")
        self.fill(dovecot)
        gateway = self.gateway(f"imap://localhost:{dovecot.port}?tls=starttls&ca={ca.cert}",
                               tls=server)
        client = self.connect(gateway)
        client.stls(trusting(ca.cert))
        client.login(*next(iter(dovecot.users.items())))
        self.check_all(client)
        client.quit()

    def test_tls_on_both_sides(self):
        ca = self.authority()
        server = ca.issue("server")
        dovecot = self.dovecot(tls=server)
        self.fill(dovecot)
        gateway = self.gateway(f"imaps://localhost:{dovecot.tls_port}?ca={ca.cert}",
                               listener="pop3s", tls=server)
        client = self.login(gateway, tls=trusting(ca.cert))
        self.check_all(client)
        client.quit()

    def test_without_prefetch_and_in_reverse(self):
        dovecot = self.dovecot()
        self.fill(dovecot)
        client = self.login(self.gateway(dovecot, pop3={"prefetch": 0}))
        for number, case in reversed(list(enumerate(self.cases, 1))):
            if not case.wide:
                with self.subTest(case.name):
                    self.assert_octets(client.retr(number), case.received)
        client.quit()

    def test_all_pipelined(self):
        dovecot = self.dovecot()
        self.fill(dovecot)
        numbers = [n for n, case in enumerate(self.cases, 1) if not case.wide]
        client = self.login(self.gateway(dovecot))
        client.send(b"".join(b"RETR %d\r\n" % n for n in numbers))
        for number in numbers:
            client.reply()
            self.assert_octets(client.body(), self.cases[number - 1].received)
        client.quit()

    def test_top(self):
        dovecot = self.dovecot()
        self.fill(dovecot)
        client = self.login(self.gateway(dovecot))
        for number, case in enumerate(self.cases, 1):
            for lines in (0, 5, 10_000):
                with self.subTest(case.name, lines=lines):
                    self.assert_octets(client.top(number, lines), case.top(lines))
        client.quit()

    def test_compressed_upstream(self):
        dovecot = self.dovecot(extra="protocol imap {\n"
                                     "  mail_plugins = imap_zlib\n}\n")
        self.fill(dovecot)
        client = self.login(self.gateway(dovecot))
        self.check_all(client)
        client.quit()


def _completed(case):
    """Does the client get more than the upstream counts: a line end, an empty line?"""
    normal = case.stored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return case.stored != b"" and len(normal) != len(case.received)


if __name__ == "__main__":
    unittest.main()
