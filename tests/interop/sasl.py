"""Every SASL mechanism of Dovecot's, towards the upstream, in both directions; what the log of
Dovecot says was used; and what happens when a server is weaker than the route permits."""

import base64
import contextlib
import hashlib
import imaplib
import json
import os
import subprocess
import unittest

from tests.lib import corpus
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore
from tests.lib.tokens import Tokens

PASSWORDS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]
TOKENS = ["XOAUTH2", "OAUTHBEARER"]
DEVICE = "dev1c-epass-w0rdx-print"
MASTER = "operator"
MASTER_PASSWORD = "0perat0r-s3cret"


def extra(mechanisms, more=""):
    return f"auth_mechanisms = {mechanisms.lower()}\nauth_verbose = yes\nauth_debug = yes\n{more}"


def configured(*mechanisms, **more):
    """Keys of a route."""
    return {"sasl": {"mechanisms": list(mechanisms), **more}} if mechanisms else {"sasl": more}


class Upstream(Scene):
    def serve(self, mechanisms, tls=None, more=""):
        server = self.dovecot(pop3=True, tls=tls, extra=extra(mechanisms, more))
        DovecotStore(server, USER).deliver_all([corpus.plain_mail(1)])
        return server

    def used(self, server):
        """The mechanisms by which Dovecot let somebody in."""
        return [line.split("method=")[1].split(",")[0]
                for line in server.process.output().splitlines() if "Login: user" in line]

    @staticmethod
    def close(client):
        with contextlib.suppress(OSError):  # it has logged out
            client.shutdown()

    def imap(self, gateway, user=USER, password=PASSWORD):
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        client.login(f'"{user}"', password)
        self.assertEqual(client.select()[0], "OK")
        return client

    def by_pop3(self, server, **route):
        return self.gateway(f"pop3://127.0.0.1:{server.pop3_port}", listener="imap",
                            route={"imap": {"idle_seconds": 0}, **route})

    @staticmethod
    def authorize(gateway, secret, user=USER):
        """The user's device has a password there, which opens `secret`."""
        subprocess.run([os.environ["VAULT_MAKE"], gateway.state_dir, user, "printer", DEVICE,
                        "pop3 imap", json.dumps(secret)], check=True, timeout=PATIENCE)

    def expect_used(self, server, mechanism):
        wait_until(lambda: self.used(server), "Dovecot's log")
        self.assertEqual(set(self.used(server)), {mechanism})


class Passwords(Upstream):
    """Right and wrong, by each mechanism alone."""

    def test_imap_upstream(self):
        for mechanism in PASSWORDS:
            with self.subTest(mechanism):
                server = self.serve(mechanism)
                gateway = self.gateway(server, route=configured(mechanism))
                with self.assertRaisesRegex(Refused, "AUTH"):
                    self.login(gateway, password="wrong")
                client = self.login(gateway)
                self.assertEqual(client.stat()[0], 1)
                client.quit()
                self.expect_used(server, mechanism)

    def test_pop3_upstream(self):
        for mechanism in PASSWORDS:
            with self.subTest(mechanism):
                server = self.serve(mechanism)
                gateway = self.by_pop3(server, **configured(mechanism))
                with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                    self.imap(gateway, password="wrong")
                self.imap(gateway)
                self.expect_used(server, mechanism)

    def test_the_strongest_is_taken(self):
        server = self.serve("plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256")
        self.login(self.gateway(server)).quit()
        self.expect_used(server, "SCRAM-SHA-256")

    def test_user_without_scram(self):
        """Its password is stored in a way that knows no SCRAM: the refusal comes before anything
        was said of the password, and PLAIN follows."""
        server = self.serve("plain scram-sha-256")
        digest = base64.b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode()
        with open(f"{server.directory}/passwd", "w", encoding="utf-8") as f:
            f.write(f"{USER}:{{SHA256}}{digest}::::::\n")
        self.login(self.gateway(server)).quit()
        self.expect_used(server, "PLAIN")


class AccessTokens(Upstream):
    """The same by a token from a device's vault: each mechanism alone, and what comes of a token
    that Dovecot does not take (RFC 7628 section 3.2.3)."""

    def scene(self, mechanism, imap=False):
        """Who gives the tokens; Dovecot; a gateway of which the user's device has a password."""
        tokens = Tokens(USER)
        self.addCleanup(tokens.stop)
        server = self.serve(mechanism, more=tokens.dovecot(self.directory)
                            + f"auth_mechanisms = {mechanism.lower()}\n")
        route = {**tokens.route(), **configured(mechanism)}
        gateway = self.by_pop3(server, **route) if imap else self.gateway(server, route=route)
        self.authorize(gateway, {"tokens": tokens.give()})
        return tokens, server, gateway

    def expect_refusal(self, gateway):
        """The server's error was answered, and its refusal followed. (What is said in an exchange
        is not logged.)"""
        self.assertRegex(gateway.output(), r'upstream-says message=\+\n(.* upstream-told .*\n)?'
                                           r'.* upstream-says message="(m1 NO|-ERR) \[AUTH')

    def test_imap_upstream(self):
        for mechanism in TOKENS:
            with self.subTest(mechanism):
                _, server, gateway = self.scene(mechanism)
                client = self.login(gateway, password=DEVICE)
                self.assertEqual(client.stat()[0], 1)
                client.quit()
                self.expect_used(server, mechanism)

    def test_pop3_upstream(self):
        for mechanism in TOKENS:
            with self.subTest(mechanism):
                _, server, gateway = self.scene(mechanism, imap=True)
                self.imap(gateway, password=DEVICE)
                self.expect_used(server, mechanism)

    def test_refused_by_an_imap_upstream(self):
        """The token that was had anew for that is taken."""
        for mechanism in TOKENS:
            with self.subTest(mechanism):
                tokens, server, gateway = self.scene(mechanism)
                tokens.expire()
                self.login(gateway, password=DEVICE).quit()
                self.expect_refusal(gateway)
                self.assertEqual(tokens.renewals, 1)
                self.expect_used(server, mechanism)

    def test_refused_by_a_pop3_upstream(self):
        for mechanism in TOKENS:
            with self.subTest(mechanism):
                tokens, server, gateway = self.scene(mechanism, imap=True)
                tokens.expire()
                self.imap(gateway, password=DEVICE)
                self.expect_refusal(gateway)
                self.assertEqual(tokens.renewals, 1)
                self.expect_used(server, mechanism)

    def test_revoked_by_an_imap_upstream(self):
        for mechanism in TOKENS:
            with self.subTest(mechanism):
                tokens, server, gateway = self.scene(mechanism)
                tokens.revoke()
                with self.assertRaisesRegex(Refused, "mailferry authorize"):
                    self.login(gateway, password=DEVICE)
                self.expect_refusal(gateway)
                self.assertEqual(self.used(server), [])

    def test_revoked_by_a_pop3_upstream(self):
        for mechanism in TOKENS:
            with self.subTest(mechanism):
                tokens, server, gateway = self.scene(mechanism, imap=True)
                tokens.revoke()
                with self.assertRaisesRegex(imaplib.IMAP4.error, "mailferry authorize"):
                    self.imap(gateway, password=DEVICE)
                self.expect_refusal(gateway)
                self.assertEqual(self.used(server), [])


class Downgrade(Upstream):
    """A route that demands a mechanism gives no password to a server that does not offer it."""

    def test_stripped(self):
        server = self.serve("plain login cram-md5")
        gateway = self.gateway(server, route=configured("SCRAM-SHA-256", "SCRAM-SHA-1"))
        with self.assertRaisesRegex(Refused, "none of the mechanisms"):
            self.login(gateway)
        self.assertEqual(self.used(server), [])

    def test_stripped_pop3(self):
        server = self.serve("plain login cram-md5")
        gateway = self.gateway(f"pop3://127.0.0.1:{server.pop3_port}", listener="imap",
                               route=configured("SCRAM-SHA-256"))
        with self.assertRaisesRegex(imaplib.IMAP4.error, "none of the mechanisms"):
            self.imap(gateway)
        self.assertEqual(self.used(server), [])


class Operator(Upstream):
    """Somebody with a password of his own opens another user's mail, where route and upstream let
    him: as user*operator, and by SASL's authorization identity."""

    def serve_with_operator(self):
        server = self.serve("plain login scram-sha-256")
        server.stop()
        masters = f"{server.directory}/masters"
        with open(masters, "w", encoding="utf-8") as f:
            f.write(f"{MASTER}:{{PLAIN}}{MASTER_PASSWORD}::::::\n")
        server.extra += (f"passdb {{\n  driver = passwd-file\n  args = {masters}\n"
                         "  master = yes\n}\n")
        return server.start()

    def initial(self, user, authcid, password):
        return base64.b64encode(f"{user}\0{authcid}\0{password}".encode()).decode()

    def test_pop3(self):
        server = self.serve_with_operator()
        gateway = self.gateway(server, route=configured(master_separator="*"))
        client = self.login(gateway, user=f"{USER}*{MASTER}", password=MASTER_PASSWORD)
        self.assertEqual(client.stat()[0], 1)
        client.quit()
        client = self.connect(gateway)
        client.command("AUTH PLAIN " + self.initial(USER, MASTER, MASTER_PASSWORD))
        self.assertEqual(client.stat()[0], 1)
        client.quit()
        gateway.wait_said(f"{MASTER} logs in for {USER}")
        self.assertNotIn(MASTER_PASSWORD, gateway.output())
        for user, password in ((f"{USER}*{MASTER}", PASSWORD), (f"{USER}*nobody", MASTER_PASSWORD),
                               (USER, MASTER_PASSWORD)):
            with self.subTest(user), self.assertRaisesRegex(Refused, "AUTH"):
                self.login(gateway, user=user, password=password)
        self.login(gateway).quit()

    def test_imap(self):
        server = self.serve_with_operator()
        gateway = self.gateway(f"pop3://127.0.0.1:{server.pop3_port}", listener="imap",
                               route=configured(master_separator="*"))
        self.imap(gateway, f"{USER}*{MASTER}", MASTER_PASSWORD)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            self.imap(gateway, f"{USER}*{MASTER}", PASSWORD)
        self.imap(gateway)

    def test_off(self):
        server = self.serve_with_operator()
        gateway = self.gateway(server)
        with self.assertRaisesRegex(Refused, "AUTH"):
            self.login(gateway, user=f"{USER}*{MASTER}", password=MASTER_PASSWORD)
        client = self.connect(gateway)
        with self.assertRaisesRegex(Refused, "Acting for another user"):
            client.command("AUTH PLAIN " + self.initial(USER, MASTER, MASTER_PASSWORD))


if __name__ == "__main__":
    unittest.main()
