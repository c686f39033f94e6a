"""Devices with passwords of their own where the upstream is found by the user's domain: what
`mailferry authorize` seals was tried there, and OAuth 2.0 tokens go to no host that the operator has
not named, whatever the domain says."""

import os
import socket

from tests.interop.srv import IMAPS, POP3S, USER, Srv
from tests.lib import corpus
from tests.lib.authorizing import Authorizing
from tests.lib.oidc import PUBLIC, Person, Provider
from tests.lib.pop3 import Refused
from tests.lib.process import free_port
from tests.lib.scene import PASSWORD
from tests.lib.stores import DovecotStore

MADE = r"password +((?:\w{5}-){3}\w{5})"
CODE, ADDRESS = r"code +(\S{4}-\S{4})", r"address +(http\S+)"


class Devices(Srv):
    def stopped(self, records, listener="pop3", route=None):
        gateway = self.auto(self.dns(records), start=False, listener=listener, route=route)
        gateway.write_config()
        return gateway

    def authorize(self, gateway, *options, user=USER):
        walk = Authorizing("authorize", user, "-c", gateway.config_file, *options)
        self.addCleanup(walk.close)
        return walk

    def check_failed(self, walk, gateway, words):
        self.assertEqual(walk.end(), 1, walk.text)
        self.assertIn(words, walk.text.replace("\r\n", " "))
        self.assertFalse(os.path.exists(os.path.join(gateway.state_dir, "vault", USER + ".json")))


class Passwords(Devices):
    def sealed(self, gateway, *options):
        walk = self.authorize(gateway, *options)
        walk.say(PASSWORD)
        password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        return password

    def test_pop3_clients(self):
        server = self.server()
        gateway = self.stopped({IMAPS: [(0, 0, server.tls_port, "localhost")]})
        password = self.sealed(gateway)
        self.assertEqual(self.login(gateway.start(), USER, password).stat()[0], 1)

    def test_imap_clients(self):
        server = self.server()
        gateway = self.stopped({POP3S: [(0, 0, server.pop3s_port, "localhost")]}, listener="imap")
        password = self.sealed(gateway)
        self.assertEqual(self.imap(gateway.start(), password=password).select()[1], [b"1"])

    def test_the_server_that_the_devices_clients_are_served_from(self):
        """A domain that has no IMAP server: it is not looked for where the device is for IMAP."""
        server = self.server()
        gateway = self.stopped({POP3S: [(0, 0, server.pop3s_port, "localhost")]})
        gateway.config["listeners"].append({"url": f"imap://127.0.0.1:{free_port()}"})
        gateway.write_config()
        self.sealed(gateway, "--imap-only")
        walk = self.authorize(gateway, "--replace", "--pop3-only")
        walk.say(PASSWORD)
        self.assertEqual(walk.end(), 1)
        self.assertIn("no mail server is known for mail.test", walk.text)

    def refused(self, words, records, password=PASSWORD, user=USER):
        gateway = self.stopped(records)
        walk = self.authorize(gateway, user=user)
        walk.say(password)
        self.check_failed(walk, gateway, words)

    def test_refused_there(self):
        server = self.server()
        self.refused("the login failed, so nothing was stored",
                     {IMAPS: [(0, 0, server.tls_port, "localhost")]}, "Wr0ng")

    def test_no_records(self):
        self.refused("no mail server is known for mail.test", {})

    def test_no_domain(self):
        self.refused("log in as user@example.com", {}, user="ann")

    def test_another_certificate(self):
        server = self.server(("DNS:localhost",))
        self.refused("certificate of mail.test is made out to another name",
                     {IMAPS: [(0, 0, server.tls_port, "localhost")]})


class Tokens(Devices):
    def setUp(self):
        super().setUp()
        self.provider = Provider(self.path("oidc"), service=USER)
        self.addCleanup(self.provider.stop)
        self.provider.start()

    def server(self, hosts=("DNS:localhost",), user=USER):
        directory = self.path("oauth")
        os.mkdir(directory, 0o755)
        server = self.dovecot({user: PASSWORD}, tls=self.ca.issue("mail", hosts), pop3=True,
                              extra=self.provider.dovecot(directory))
        DovecotStore(server, user).deliver_all([corpus.plain_mail(1)])
        return server

    def bystander(self):
        """Somebody who only listens."""
        made = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(made.close)
        made.setblocking(False)
        return made

    def check_nobody_came(self, bystander):
        with self.assertRaises(BlockingIOError):
            bystander.accept()

    def route(self, targets):
        return {"srv_targets": targets,
                "oauth": {"issuer": self.provider.issuer, "client_id": PUBLIC,
                          "scope": "openid mail offline_access"}}

    def granted(self, gateway):
        walk = self.authorize(gateway)
        Person(self.provider, USER).type_code(walk.shown(ADDRESS), walk.shown(CODE))
        return walk

    def test_a_host_that_is_named(self):
        """Another one that the domain names, and first, is not even tried."""
        server = self.server()
        other = self.bystander()
        gateway = self.stopped({IMAPS: [(0, 0, other.getsockname()[1], "127.0.0.1"),
                                        (10, 0, server.tls_port, "localhost")]},
                               route=self.route(["local*"]))
        walk = self.granted(gateway)
        password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        self.assertEqual(self.login(gateway.start(), USER, password).stat()[0], 1)
        self.check_nobody_came(other)

    def test_a_host_that_is_not(self):
        other = self.bystander()
        gateway = self.stopped({IMAPS: [(0, 0, other.getsockname()[1], "localhost")]},
                               route=self.route(["*.provider.example"]))
        self.check_failed(self.granted(gateway), gateway, "is localhost, which gets no tokens")
        self.check_nobody_came(other)

    def test_the_domains_own_certificate_proves_nothing(self):
        """Its owner may have it for any server, and may have sent us there."""
        server = self.server(("DNS:mail.test",))
        gateway = self.stopped({IMAPS: [(0, 0, server.tls_port, "localhost")]},
                               route=self.route(["localhost"]))
        self.check_failed(self.granted(gateway), gateway, "made out to another name")
        self.assertNotIn("Login: user", server.process.output())

    def test_the_record_is_changed_later(self):
        server = self.server()
        dns = self.dns({IMAPS: [(0, 0, server.tls_port, "localhost")]}, ttl=0)
        gateway = self.auto(dns, start=False, route=self.route(["localhost"]))
        gateway.write_config()
        walk = self.granted(gateway)
        password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        gateway.start()
        dns.records = {IMAPS: [(0, 0, server.tls_port, "127.0.0.1")]}
        with self.assertRaisesRegex(Refused, "SYS/PERM.*gets no tokens.*srv_targets"):
            self.login(gateway, USER, password)


if __name__ == "__main__":
    import unittest
    unittest.main()
