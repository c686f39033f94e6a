"""EXTERNAL (RFC 4422 appendix A) on both sides: a Dovecot that lets everybody in by the gateway's
certificate, to whom the gateway lets in whom a device's password or a client's own certificate
proves; and that nobody else gets in."""

import base64
import imaplib
import os
import re
import ssl

from tests.interop import sasl
from tests.interop.authorize import MADE
from tests.interop.sasl import DEVICE
from tests.lib import corpus, secrecy
from tests.lib.mailferry import run
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE
from tests.lib.scene import PASSWORD, USER
from tests.lib.stores import DovecotStore

GATEWAY = "gateway"


def encoded(text):
    return base64.b64encode(text.encode()).decode() or "="


class Certified(sasl.Upstream):
    def setUp(self):
        super().setUp()
        self.ca = self.authority()
        self.own = self.ca.issue(GATEWAY, (), usage="clientAuth")

    def authorize_scanner(self, gateway):
        """`mailferry authorize`, which has nothing to ask: the password that the device got."""
        told = run("authorize", USER, "-c", gateway.config_file, "--device", "scanner")
        self.assertEqual(told.returncode, 0, told.stderr)
        return re.search(MADE, told.stdout).group(1)

    def upstream(self, masters=(GATEWAY,), more=""):
        """It has no mechanism but EXTERNAL; `masters` may act for every user."""
        path = self.path("masters")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{name}:::::::nopassword\n" for name in masters)
        os.chmod(path, 0o644)
        server = self.dovecot(pop3=True, tls=self.ca.issue("localhost"), extra=f"""
auth_mechanisms = external
auth_verbose = yes
ssl_ca = <{self.ca.cert}
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
passdb {{
  driver = passwd-file
  args = {path}
  master = yes
  mechanisms = external
}}
{more}""")
        DovecotStore(server, USER).deliver_all([corpus.plain_mail(1)])
        return server

    def route(self, identity=None, **more):
        identity = identity or self.own
        return {"certificate": identity.cert, "key": identity.key,
                "sasl": {"mechanisms": ["EXTERNAL"]}, **more}

    def url(self, server, imap=False, tls=True):
        scheme, port = ("pop3", server.pop3_port) if imap else ("imap", server.port)
        if tls:
            scheme, port = f"{scheme}s", server.pop3s_port if imap else server.tls_port
        return f"{scheme}://localhost:{port}?ca={self.ca.cert}"

    def before(self, server, imap=False, listener=None, tls=True, start=True, **route):
        """A gateway whose listener asks for certificates and lets users in by their mail
        addresses."""
        made = self.gateway(self.url(server, imap, tls), listener="imaps" if imap else "pop3s",
                            tls=self.ca.issue("server"), route=self.route(**route), start=False)
        made.config["listeners"][0].update(
            {"client_ca": self.ca.cert, "client_user": "mail", **(listener or {})})
        return made.start() if start else made

    def context(self, identity=None):
        made = ssl.create_default_context(cafile=self.ca.cert)
        if identity:
            made.load_cert_chain(identity.cert, identity.key)
        return made

    def person(self, name="Ann", *hosts):
        return self.ca.issue(name, hosts or [f"email:{USER}"], usage="clientAuth")

    def pop3(self, gateway, identity=None):
        return self.connect(gateway, tls=self.context(identity))

    def imap(self, gateway, identity=None):
        client = imaplib.IMAP4_SSL("localhost", gateway.port, timeout=PATIENCE,
                                   ssl_context=self.context(identity))
        self.addCleanup(self.close, client)
        return client

    def expect_let_in(self, server, times=1):
        server.process.wait_said(f"Login: user=<{USER}>, method=EXTERNAL", times)


class Upstream(Certified):
    """By a device's password, and upstream by the gateway's certificate."""

    def test_imap(self):
        server = self.upstream()
        gateway = self.before(server)
        self.authorize(gateway, {"gateway": True})
        client = self.pop3(gateway).login(USER, DEVICE)
        self.assertEqual(client.stat()[0], 1)
        client.quit()
        self.expect_let_in(server)

    def test_pop3(self):
        server = self.upstream()
        gateway = self.before(server, imap=True)
        self.authorize(gateway, {"gateway": True})
        client = self.imap(gateway)
        client.login(f'"{USER}"', DEVICE)
        self.assertEqual(client.select(), ("OK", [b"1"]))
        self.expect_let_in(server)

    def test_behind_starttls(self):
        for imap in (False, True):
            with self.subTest(imap=imap):
                server = self.upstream()
                gateway = self.before(server, imap=imap, tls=False)
                self.authorize(gateway, {"gateway": True})
                if imap:
                    self.imap(gateway).login(f'"{USER}"', DEVICE)
                else:
                    self.pop3(gateway).login(USER, DEVICE)
                self.expect_let_in(server)

    def test_nobody_without_a_devices_password(self):
        """Neither the upstream's own password nor any other one: the upstream would not be asked."""
        server = self.upstream()
        gateway = self.before(server)
        for authorized in (False, True):
            for password in (PASSWORD, "wrong", "x"):
                with self.subTest(authorized=authorized, password=password), \
                        self.assertRaisesRegex(Refused, "AUTH"):
                    self.pop3(gateway).login(USER, password)
            self.authorize(gateway, {"gateway": True}, user=USER if not authorized else "bob")
        with self.assertRaisesRegex(Refused, "AUTH"):
            self.pop3(gateway).login("bob", DEVICE + "x")
        self.assertEqual(self.used(server), [])
        self.assertNotIn(" upstream route=", gateway.output())

    def test_upstream_refuses(self):
        """The gateway's certificate may not act for others there: that is no guess of the device's,
        and is not tried again at once."""
        server = self.upstream(masters=())
        gateway = self.before(server)
        self.authorize(gateway, {"gateway": True})
        with self.assertRaisesRegex(Refused, "AUTH"):
            self.pop3(gateway).login(USER, DEVICE)
        gateway.wait_said("login-refused address=127.0.0.1 cause=permission")
        with self.assertRaisesRegex(Refused, "SYS/TEMP.*did not let the gateway in"):
            self.pop3(gateway).login(USER, DEVICE)
        self.assertEqual(self.used(server), [])

    def test_a_certificate_for_each_user(self):
        """Where nobody may act for another, a certificate with the user's own name does."""
        server = self.upstream(masters=(), more="passdb {\n  driver = static\n"
                               "  args = nopassword=y\n  mechanisms = external\n}\n")
        gateway = self.before(server, identity=self.ca.issue(USER, (), usage="clientAuth"))
        self.authorize(gateway, {"gateway": True})
        self.pop3(gateway).login(USER, DEVICE).quit()
        self.expect_let_in(server)

    def test_not_offered(self):
        """A server that has passwords only is sent nothing."""
        server = self.dovecot(tls=self.ca.issue("localhost"))
        gateway = self.before(server)
        self.authorize(gateway, {"gateway": True})
        with self.assertRaisesRegex(Refused, "none of the mechanisms"):
            self.pop3(gateway).login(USER, DEVICE)

    def test_authorize(self):
        """`mailferry authorize` asks for no password: it tries the certificate."""
        server = self.upstream()
        gateway = self.before(server)
        password = self.authorize_scanner(gateway)
        self.expect_let_in(server)
        self.pop3(gateway).login(USER, password).quit()
        self.expect_let_in(server, 2)
        gateway = self.before(self.upstream(masters=()), start=False)
        gateway.write_config()
        told = run("authorize", USER, "-c", gateway.config_file, "--device", "scanner")
        self.assertEqual(told.returncode, 1)
        self.assertIn("the login failed, so nothing was stored", told.stderr)


class Master(Certified):
    """The gateway is a master user of a Dovecot that knows nothing of certificates."""

    PASSWORD = "m4ster-s3cret-of-the-gateway"

    def upstream(self, mechanisms="plain login"):
        path = self.path("masters")
        secrecy.keep(self.PASSWORD, "the master's password")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"{GATEWAY}:{{PLAIN}}{self.PASSWORD}::::::\n")
        os.chmod(path, 0o644)
        server = self.dovecot(pop3=True, tls=self.ca.issue("localhost"), extra=f"""
auth_mechanisms = {mechanisms}
auth_verbose = yes
passdb {{
  driver = passwd-file
  args = {path}
  master = yes
}}
""")
        DovecotStore(server, USER).deliver_all([corpus.plain_mail(1)])
        return server

    def route(self, identity=None, password=None, **more):
        path = self.path("master")
        with open(path, "w", encoding="ascii") as f:
            f.write((password or self.PASSWORD) + "\n")
        return {"sasl": {"master_user": GATEWAY, "master_password_file": path}, **more}

    def test_by_certificate(self):
        for mechanism in ("plain", "scram-sha-256", "digest-md5"):
            for imap in (False, True):
                with self.subTest(mechanism=mechanism, imap=imap):
                    server = self.upstream(mechanism)
                    gateway = self.before(server, imap=imap)
                    if imap:
                        self.imap(gateway, self.person()).authenticate("EXTERNAL", lambda _: b"")
                    else:
                        client = self.pop3(gateway, self.person())
                        client.command("AUTH EXTERNAL =")
                        self.assertEqual(client.stat()[0], 1)
                        client.quit()
                    server.process.wait_said(f"Login: user=<{USER}>, method={mechanism.upper()}")

    def test_by_a_devices_password(self):
        server = self.upstream()
        gateway = self.before(server)
        password = self.authorize_scanner(gateway)
        self.pop3(gateway).login(USER, password).quit()
        for wrong in (PASSWORD, self.PASSWORD, "wrong"):
            with self.subTest(wrong), self.assertRaisesRegex(Refused, "AUTH"):
                self.pop3(gateway).login(USER, wrong)
        with self.assertRaisesRegex(Refused, "AUTH"):
            self.pop3(gateway).login(GATEWAY, self.PASSWORD)
        self.assertEqual(set(self.used(server)), {"PLAIN"})

    def test_wrong_password_of_the_master(self):
        gateway = self.before(self.upstream(), password="0utdated-s3cret-of-the-gateway")
        with self.assertRaisesRegex(Refused, "AUTH"):
            self.pop3(gateway, self.person()).command("AUTH EXTERNAL =")
        gateway.wait_said("login-refused address=127.0.0.1 cause=permission")


class Clients(Certified):
    """By the client's own certificate."""

    def test_pop3(self):
        server = self.upstream()
        gateway = self.before(server)
        for words in ("AUTH EXTERNAL", "AUTH EXTERNAL =", f"AUTH EXTERNAL {encoded(USER)}"):
            with self.subTest(words):
                client = self.pop3(gateway, self.person())
                self.assertIn("SASL PLAIN LOGIN EXTERNAL".split(),
                              [sorted(line.split(), key="SASL PLAIN LOGIN EXTERNAL".find)
                               for line in client.lines("CAPA")])
                reply = client.command(words)
                if reply.startswith("+ "):
                    client.command("")
                self.assertEqual(client.stat()[0], 1)
                client.quit()
        self.expect_let_in(server)
        gateway.wait_said("certificate=ann@example.com")

    def test_imap(self):
        server = self.upstream()
        gateway = self.before(server, imap=True)
        for authzid in ("", USER):
            with self.subTest(authzid):
                client = self.imap(gateway, self.person())
                self.assertIn("AUTH=EXTERNAL", client.capabilities)
                client.authenticate("EXTERNAL", lambda _, word=authzid: word.encode())
                self.assertEqual(client.select(), ("OK", [b"1"]))
                client.logout()
        self.expect_let_in(server)

    def test_behind_stls_and_starttls(self):
        """In the clear it is not offered, nor taken; behind TLS it is."""
        server = self.upstream()
        gateway = self.before(server, start=False)
        gateway.config["listeners"][0]["url"] = f"pop3://127.0.0.1:{gateway.port}"
        gateway.start()
        client = self.connect(gateway)
        self.assertNotIn("EXTERNAL", " ".join(client.lines("CAPA")))
        with self.assertRaises(Refused):
            client.command("AUTH EXTERNAL =")
        client.stls(self.context(self.person()))
        self.assertIn("EXTERNAL", " ".join(client.lines("CAPA")))
        client.command("AUTH EXTERNAL =")
        self.assertEqual(client.stat()[0], 1)
        client.quit()

        gateway = self.before(server, imap=True, start=False)
        gateway.config["listeners"][0]["url"] = f"imap://127.0.0.1:{gateway.port}"
        gateway.start()
        client = imaplib.IMAP4("localhost", gateway.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        self.assertNotIn("AUTH=EXTERNAL", client.capabilities)
        client.starttls(self.context(self.person()))
        self.assertIn("AUTH=EXTERNAL", client.capabilities)
        client.authenticate("EXTERNAL", lambda _: b"")
        client.logout()

    def test_common_name(self):
        server = self.upstream()
        gateway = self.before(server, listener={"client_user": "common-name"})
        client = self.pop3(gateway, self.person(USER, "email:bob@example.com"))
        client.command("AUTH EXTERNAL =")
        client.quit()
        self.expect_let_in(server)
        with self.assertRaises(Refused):
            self.pop3(gateway, self.person("Ann")).command(f"AUTH EXTERNAL {encoded(USER)}")

    def refused(self, gateway, identity, words="AUTH EXTERNAL ="):
        client = self.pop3(gateway, identity)
        with self.assertRaises(Refused) as caught:
            client.command(words)
        self.assertNotIn(" upstream route=", gateway.output())
        return str(caught.exception)

    def offers(self, gateway, identity):
        return "EXTERNAL" in " ".join(self.pop3(gateway, identity).lines("CAPA")).split()

    def test_who_is_not_let_in(self):
        """Without a certificate, with one without an address, of another user's mail."""
        gateway = self.before(self.upstream())
        for identity in (None, self.ca.issue("nameless", (), usage="clientAuth")):
            self.assertFalse(self.offers(gateway, identity))
            self.refused(gateway, identity)
            self.refused(gateway, identity, f"AUTH EXTERNAL {encoded(USER)}")
        bob = self.person("Bob", "email:bob@example.com")
        self.assertTrue(self.offers(gateway, bob))
        self.assertIn("Acting for another user",
                      self.refused(gateway, bob, f"AUTH EXTERNAL {encoded(USER)}"))
        self.refused(gateway, bob, f"AUTH EXTERNAL {encoded('bob@example.com' + chr(0) + 'x')}")

    def test_another_authority(self):
        gateway = self.before(self.upstream())
        mallory = self.authority().issue("Mallory", [f"email:{USER}"], usage="clientAuth")
        with self.assertRaises(OSError):
            self.pop3(gateway, mallory).command("AUTH EXTERNAL =")
        gateway.wait_said("the client's certificate is not trusted")

    def test_expired(self):
        gateway = self.before(self.upstream())
        late = self.ca.issue("Late", [f"email:{USER}"], usage="clientAuth", expired=True)
        with self.assertRaises(OSError):
            self.pop3(gateway, late).command("AUTH EXTERNAL =")
        gateway.wait_said("the client's certificate is not trusted: certificate has expired")

    def test_listener_that_does_not_say_so(self):
        """client_ca alone only looks at certificates."""
        gateway = self.before(self.upstream(), listener={"client_user": "none"})
        self.assertFalse(self.offers(gateway, self.person()))
        self.refused(gateway, self.person())

    def test_route_with_passwords(self):
        """A user whose upstream wants his password is offered nothing by his certificate; nor is a
        login that means more than a user."""
        server = self.upstream()
        gateway = self.before(server, start=False, match="*@example.org")
        gateway.config["routes"].append(
            {"upstream": self.url(server), "sasl": {"master_separator": "*"}})
        gateway.start()
        self.assertFalse(self.offers(gateway, self.person()))
        self.refused(gateway, self.person())
        bob = self.person("Bob", "email:bob@example.org")
        self.assertTrue(self.offers(gateway, bob))
        self.assertIn("lets nobody in as this user",
                      self.refused(gateway, bob, f"AUTH EXTERNAL {encoded(USER)}"))
        self.refused(gateway, bob, f"AUTH EXTERNAL {encoded('ann@example.org')}")

    def test_folder_in_the_name(self):
        gateway = self.before(self.upstream(), pop3={"folder_separator": "+"})
        plus = self.person("Plus", "email:ann+Archive@example.com")
        self.assertFalse(self.offers(gateway, plus))
        self.refused(gateway, plus)

    def test_upstream_refuses(self):
        """It is no guess of the client's, and nobody is slowed for it."""
        gateway = self.before(self.upstream(masters=()))
        client = self.pop3(gateway, self.person())
        with self.assertRaisesRegex(Refused, "AUTH"):
            client.command("AUTH EXTERNAL =")
        gateway.wait_said("login-refused address=127.0.0.1 cause=permission")

    def test_upstream_lost_in_mid_session(self):
        """The connection is opened anew by the certificate."""
        server = self.upstream()
        gateway = self.before(server)
        client = self.pop3(gateway, self.person())
        client.command("AUTH EXTERNAL =")
        self.assertEqual(client.stat()[0], 1)
        server.restart()
        self.assertIn(b"Subject:", client.retr(1))
        client.quit()

    def test_certificate_and_password_side_by_side(self):
        """A session by the certificate and one by a device's password on the same account."""
        server = self.upstream()
        gateway = self.before(server, imap=True)
        self.authorize(gateway, {"gateway": True})
        first = self.imap(gateway, self.person())
        first.authenticate("EXTERNAL", lambda _: b"")
        second = self.imap(gateway)
        second.login(f'"{USER}"', DEVICE)
        for client in (first, second):
            self.assertEqual(client.select(), ("OK", [b"1"]))
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            self.imap(gateway).login(f'"{USER}"', "wrong")


if __name__ == "__main__":
    import unittest
    unittest.main()
