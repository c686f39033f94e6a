"""The upstream found by the user's domain: SRV records (RFC 6186), what the certificate must show,
servers that are away, and where the state stands."""

import imaplib
import unittest

from tests.lib import corpus
from tests.lib.fakedns import FakeDns
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE, free_port
from tests.lib.scene import PASSWORD, Scene
from tests.lib.stores import DovecotStore

USER = "ann@mail.test"
IMAPS, IMAP = "_imaps._tcp.mail.test", "_imap._tcp.mail.test"
POP3S, POP3 = "_pop3s._tcp.mail.test", "_pop3._tcp.mail.test"


class Srv(Scene):
    def setUp(self):
        super().setUp()
        self.ca = self.authority()

    def dns(self, records, **options):
        server = FakeDns(records, **options).start()
        self.addCleanup(server.stop)
        return server

    def server(self, hosts=("DNS:mail.test",), user=USER):
        """A Dovecot whose certificate is made out to `hosts`, with a message."""
        server = self.dovecot({user: PASSWORD}, tls=self.ca.issue("-".join(hosts).replace(":", ""),
                                                                  hosts), pop3=True)
        DovecotStore(server, user).deliver_all([corpus.plain_mail(1)])
        return server

    def auto(self, dns, route=None, **options):
        return self.gateway(f"auto?ca={self.ca.cert}", route=route,
                            config={"dns": dns.address, **options.pop("config", {})}, **options)

    def imap(self, gateway, user=USER, password=PASSWORD):
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(f'"{user}"', password)
        return client


class Found(Srv):
    def test_tls_before_starttls(self):
        server = self.server()
        dns = self.dns({IMAPS: [(20, 0, server.tls_port, "localhost")],
                        IMAP: [(10, 0, server.port, "localhost")]})
        gateway = self.auto(dns)
        self.assertEqual(self.login(gateway, USER).stat()[0], 1)
        gateway.wait_said(f"address=127.0.0.1:{server.tls_port}")
        self.assertEqual(dns.asked, [IMAPS, IMAP])

    def test_starttls(self):
        server = self.server()
        dns = self.dns({IMAPS: [(0, 0, 0, ".")], IMAP: [(10, 0, server.port, "localhost")]})
        gateway = self.auto(dns)
        self.assertEqual(self.login(gateway, USER).stat()[0], 1)
        gateway.wait_said("upstream-tls")

    def test_imap_clients_find_pop3(self):
        server = self.server()
        dns = self.dns({POP3S: [(0, 0, server.pop3s_port, "localhost")]})
        gateway = self.auto(dns, listener="imap", route={"imap": {"idle_seconds": 0}})
        self.assertEqual(self.imap(gateway).select()[1], [b"1"])
        self.assertEqual(set(dns.asked), {POP3S, POP3})

    def test_imap_clients_stls(self):
        server = self.server()
        dns = self.dns({POP3: [(0, 0, server.pop3_port, "localhost")]})
        gateway = self.auto(dns, listener="imap")
        self.assertEqual(self.imap(gateway).select()[1], [b"1"])

    def test_the_next_one_when_a_server_is_away(self):
        server = self.server()
        dns = self.dns({IMAPS: [(20, 0, server.tls_port, "localhost"),
                                (10, 0, free_port(), "localhost")]})
        gateway = self.auto(dns)
        self.assertEqual(self.login(gateway, USER).stat()[0], 1)

    def test_all_away(self):
        dns = self.dns({IMAPS: [(20, 0, free_port(), "localhost")]})
        with self.assertRaisesRegex(Refused, "SYS/TEMP.*refused the connection"):
            self.login(self.auto(dns), USER)

    def test_what_was_heard_is_remembered(self):
        server = self.server()
        dns = self.dns({IMAPS: [(0, 0, server.tls_port, "localhost")]})
        gateway = self.auto(dns, pop3={"warm_seconds": 0})
        for _ in range(3):
            self.login(gateway, USER).quit()
        self.assertEqual(dns.asked, [IMAPS, IMAP])

    def test_not_longer_than_the_record_allows(self):
        server = self.server()
        dns = self.dns({IMAPS: [(0, 0, server.tls_port, "localhost")]}, ttl=0)
        gateway = self.auto(dns, pop3={"warm_seconds": 0})
        for _ in range(2):
            self.login(gateway, USER).quit()
        self.assertEqual(dns.asked, [IMAPS, IMAP] * 2)

    def test_the_state_stays_when_the_server_moves(self):
        server = self.server()
        dns = self.dns({IMAPS: [(0, 0, server.tls_port, "localhost")]}, ttl=0)
        gateway = self.auto(dns, pop3={"deletion": "keep"})
        client = self.login(gateway, USER)
        client.dele(1)
        client.quit()
        dns.records = {IMAP: [(0, 0, server.port, "localhost")]}
        self.assertEqual(self.login(gateway, USER).stat()[0], 0)


class Refusals(Srv):
    def refuses(self, words, records, hosts=("DNS:mail.test",), user=USER, **options):
        server = self.server(hosts)
        dns = self.dns({name: [(0, 0, server.tls_port, target)] for name, target in records.items()})
        with self.assertRaisesRegex(Refused, words):
            self.login(self.auto(dns, **options), user)
        return server

    def test_no_records(self):
        self.refuses("SYS/PERM.*no mail server is known for mail.test.*_imaps._tcp", {})

    def test_not_offered(self):
        self.refuses("SYS/PERM.*no mail server is known for mail.test", {IMAPS: ".", IMAP: "."})

    def test_no_domain(self):
        self.refuses("log in as user@example.com", {IMAPS: "localhost"}, user="ann")

    def test_no_domain_of_dns(self):
        self.refuses("log in as user@example.com", {IMAPS: "localhost"}, user="ann@a b")

    def test_silence(self):
        dns = self.dns({})
        dns.silent = True
        gateway = self.auto(dns, config={"limits": {"connect_seconds": 3, "drain_seconds": 2}})
        with self.assertRaisesRegex(Refused, "SYS/TEMP"):
            self.login(gateway, USER)

    def test_a_target_elsewhere_proves_nothing_by_its_own_name(self):
        server = self.refuses("certificate of mail.test is made out to another name",
                              {IMAPS: "localhost"}, hosts=("DNS:localhost",))
        self.assertNotIn("Login: user", server.process.output())

    def test_the_gateway_itself(self):
        port = free_port()
        dns = self.dns({IMAPS: [(0, 0, port, "localhost")]})
        with self.assertRaisesRegex(Refused, "this gateway itself"):
            self.login(self.auto(dns, port=port), USER)


class Certificates(Srv):
    def reads(self, hosts, user=USER, target="localhost", **options):
        server = self.server(hosts, user)
        domain = user.partition("@")[2]
        dns = self.dns({f"_imaps._tcp.{domain}": [(0, 0, server.tls_port, target)]})
        self.assertEqual(self.login(self.auto(dns, **options), user).stat()[0], 1)

    def test_of_the_domain(self):
        self.reads(("DNS:mail.test",))

    def test_of_the_target_within_the_domain(self):
        self.reads(("DNS:localhost",), user="ann@localhost")

    def test_of_a_target_that_the_route_names(self):
        self.reads(("DNS:localhost",), route={"srv_targets": ["local*"]})


if __name__ == "__main__":
    unittest.main()
