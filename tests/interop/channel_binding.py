"""SCRAM with channel binding towards upstreams, over real connections: one mailferry is the upstream of
another one, by TLS 1.2 and 1.3, and in between sits somebody whose certificate is trusted."""

import contextlib
import imaplib
import os
import re
import unittest.mock

from tests.interop.authorize import MADE
from tests.lib import corpus, secrecy
from tests.lib.authorizing import Authorizing
from tests.lib.cyrus import Cyrus
from tests.lib.overlay import Unavailable
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore, Mailbox
from tests.lib.tls_relay import TlsRelay

PLUS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS")


class Binding(Scene):
    """`far` is the upstream, with a held password, before a Dovecot; `near` is before that."""

    def setUp(self):
        super().setUp()
        self.ca = self.authority()

    def far(self, imap):
        """A gateway for IMAP clients, or for POP3 clients; and the password that it holds."""
        server = self.dovecot(pop3=True)
        DovecotStore(server, USER).deliver_all([corpus.plain_mail(1)])
        url = f"pop3://127.0.0.1:{server.pop3_port}" if imap else f"imap://127.0.0.1:{server.port}"
        gateway = self.gateway(url, listener="imaps" if imap else "pop3s",
                               tls=self.ca.issue("far"), start=False)
        gateway.write_config()
        made = Authorizing("authorize", USER, "-c", gateway.config_file, "--device", "near",
                           "--held")
        self.addCleanup(made.close)
        made.say(PASSWORD)
        self.assertEqual(made.end(), 0, made.text)
        password = re.search(MADE, made.text).group(1)
        secrecy.keep(password, "a device's password")
        return gateway.start(), password

    def near(self, port, imap, *mechanisms, implicit=True):
        """Before an upstream that speaks IMAP, or POP3."""
        route = {"sasl": {"mechanisms": list(mechanisms)}} if mechanisms else {}
        scheme = ("imap" if imap else "pop3") + ("s" if implicit else "")
        return self.gateway(f"{scheme}://localhost:{port}?ca={self.ca.cert}",
                            listener="pop3" if imap else "imap", route=route)

    def enter(self, gateway, imap, password):
        """Through a gateway whose upstream speaks IMAP, or POP3."""
        if imap:
            client = self.login(gateway, password=password)
            self.assertEqual(client.stat()[0], 1)
            client.quit()
            return
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        with contextlib.closing(client.sock):
            client.login(f'"{USER}"', password)
            self.assertEqual(client.select()[1], [b"1"])

    def refused(self, gateway, imap, password, words):
        with self.assertRaisesRegex((Refused, imaplib.IMAP4.error), words):
            self.enter(gateway, imap, password)

    @contextlib.contextmanager
    def at_most(self, version):
        """Programs that are started speak no newer TLS."""
        path = self.path("openssl.cnf")
        with open(path, "w", encoding="ascii") as f:
            f.write("openssl_conf = own\n[own]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n"
                    f"[all]\nMaxProtocol = {version}\n")
        with unittest.mock.patch.dict(os.environ, OPENSSL_CONF=path):
            yield

    def relay(self, port, **options):
        made = TlsRelay(port, self.ca.issue("between"), **options).start()
        self.addCleanup(made.stop)
        return made


class Bound(Binding):
    def test_each(self):
        """tls-exporter of TLS 1.3, tls-unique of TLS 1.2."""
        for imap in (True, False):
            far, password = self.far(imap)
            for version in ("TLSv1.3", "TLSv1.2"):
                for mechanism in PLUS:
                    with self.subTest(imap=imap, version=version, mechanism=mechanism), \
                            self.at_most(version):
                        near = self.near(far.port, imap, mechanism)
                        self.refused(near, imap, "wr0ng-guess", "AUTH")
                        self.enter(near, imap, password)
                        near.wait_said(f'tls="{version} ')
            far.wait_said(" login user=", times=4)


class BehindCyrus(Binding):
    """Another program's channel binding: Cyrus has tls-unique of TLS 1.2. It announces -PLUS under TLS
    1.3 too, and can do it with nobody, so it is not tried there."""

    def cyrus(self, versions):
        server = Cyrus(self.path("cyrus"), {"ann": PASSWORD}, tls=self.ca.issue("localhost"),
                       scram=True, versions=versions)
        self.addCleanup(server.stop)
        try:
            server.start()
        except Unavailable as e:
            self.skipTest(str(e))
        with Mailbox(server.port, "ann", PASSWORD):  # it is made at the first login
            pass
        return server

    def before(self, server, imap, *mechanisms):
        return self.near(server.port if imap else server.pop3_port, imap, *mechanisms,
                         implicit=False)

    def enter(self, gateway, imap, password, user="ann"):
        if imap:
            self.login(gateway, user=user, password=password).quit()
            return
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        with contextlib.closing(client.sock):
            client.login(user, password)

    def test_bound(self):
        server = self.cyrus("tls1_2")
        for mechanism in PLUS:
            for imap in (True, False):
                with self.subTest(imap=imap, mechanism=mechanism):
                    near = self.before(server, imap, mechanism)
                    self.enter(near, imap, PASSWORD)
                    self.refused(near, imap, "wr0ng-guess", "AUTH")

    def test_tls_1_3(self):
        server = self.cyrus("tls1_3")
        for imap in (True, False):
            with self.subTest(imap=imap):
                self.enter(self.before(server, imap), imap, PASSWORD)
                self.enter(self.before(server, imap, "SCRAM-SHA-256"), imap, PASSWORD)
                self.refused(self.before(server, imap, *PLUS), imap, PASSWORD,
                             "none that can be done over this connection")


class Between(Binding):
    """The client's program trusts the certificate of somebody who is not the server."""

    def untouched(self, relay, password):
        """He has read no password, nor anything but SCRAM."""
        said = bytes(relay.said)
        self.assertNotIn(password.encode(), said)
        self.assertNotRegex(said, rb"(?i)(AUTH|AUTHENTICATE) (PLAIN|LOGIN)|\bPASS |\bLOGIN ")

    def test_another_connection_is_found_out(self):
        """Also where the route says nothing of mechanisms: -PLUS goes first."""
        for imap in (True, False):
            for mechanisms in (PLUS[:1], PLUS[1:], ()):
                with self.subTest(imap=imap, mechanisms=mechanisms):
                    far, password = self.far(imap)
                    relay = self.relay(far.port)
                    near = self.near(relay.port, imap, *mechanisms)
                    self.refused(near, imap, password, "AUTH")
                    self.assertIn(b"-PLUS", relay.heard)
                    self.untouched(relay, password)
                    self.assertNotIn(" login user=", far.output())

    def test_no_binding_is_offered_any_more(self):
        """Who takes -PLUS out of what is offered gets nothing from a route that demands it. Without
        that he is not found out: RFC 5802 section 6 has the client say "y" for that, which GNU SASL
        does not; but all that he sees is SCRAM."""
        for imap in (True, False):
            with self.subTest(imap=imap):
                far, password = self.far(imap)
                relay = self.relay(far.port, change=lambda octets: re.sub(
                    rb" (AUTH=)?SCRAM-SHA-\d+-PLUS", b"", octets))
                self.refused(self.near(relay.port, imap, *PLUS), imap, password,
                             "none of the mechanisms")
                self.enter(self.near(relay.port, imap), imap, password)
                self.assertNotIn(b"-PLUS", relay.heard)
                self.untouched(relay, password)


if __name__ == "__main__":
    unittest.main()
