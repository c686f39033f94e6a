"""A provider that gives no token when one has to be renewed, at a login and in mid-session: what the
client hears and the log tells, that nobody else waits, and that it passes by itself."""

import concurrent.futures
import imaplib
import json
import os
import subprocess

from tests.interop.device_passwords import AGAIN, DEVICE, Devices
from tests.lib import corpus
from tests.lib.pop3 import Closed, Refused
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import USER
from tests.lib.stores import DovecotStore

LATER = "try again later; the gateway's log tells why"
NEVER = "gives this gateway no token; the gateway's log tells why"
OTHER = "bob@example.org"


class Trouble(Devices):
    def scene(self, seconds=None, imap=False):
        self.tokens = self.provider()
        self.server = self.upstream(self.tokens)
        gateway = self.before(self.server, self.tokens, imap=imap)
        self.authorize(gateway, self.tokens, seconds)
        return gateway

    def imap_refused(self, gateway):
        with self.assertRaises(imaplib.IMAP4.error) as caught:
            self.imap(gateway)
        return str(caught.exception)


class AtLogin(Trouble):
    def test_what_is_said(self):
        for mode, code, words, logged in (
                ("down", "SYS/TEMP", LATER, "answered 503"),
                ("broken", "SYS/TEMP", LATER, "answered 500 without a JSON object"),
                ("garbage", "SYS/TEMP", LATER, "answered 200 without a JSON object"),
                ("empty", "SYS/PERM", NEVER, "no bearer token"),
                ("stranger", "SYS/PERM", NEVER, "invalid_client"),
                ("gone", "AUTH", AGAIN, "invalid_grant")):
            with self.subTest(mode):
                gateway = self.scene(seconds=-1)
                self.tokens.set(mode)
                heard = self.refused(gateway)
                self.assertIn(f"[{code}]", heard)
                self.assertIn(words, heard)
                gateway.wait_said(" token-failed ")
                self.assertIn(logged, gateway.output())
                self.expect_cause(gateway, "permission" if code == "AUTH" else "server")

    def test_imap_clients(self):
        for mode, code, words in (("down", "UNAVAILABLE", LATER),
                                  ("gone", "AUTHENTICATIONFAILED", AGAIN)):
            with self.subTest(mode):
                gateway = self.scene(seconds=-1, imap=True)
                self.tokens.set(mode)
                heard = self.imap_refused(gateway)
                self.assertIn(f"[{code}]", heard)
                self.assertIn(words, heard)

    def test_nobody_there(self):
        gateway = self.scene(seconds=-1)
        self.tokens.set("away")
        self.assertIn(LATER, self.refused(gateway))
        gateway.wait_said(f"127.0.0.1:{self.tokens.port}: ")

    def test_it_passes(self):
        """What was asked for in vain is asked for again, with the same refresh token, but not by
        everyone who comes."""
        gateway = self.scene(seconds=-1)
        self.tokens.set("down")
        for _ in range(2):
            self.assertIn(LATER, self.refused(gateway))
        self.assertEqual(self.tokens.renewals, 1)
        self.tokens.set("ok")

        def logged_in():
            try:
                return self.login(gateway, password=DEVICE)
            except Refused:
                return None

        self.assertEqual(wait_until(logged_in, "a login").stat()[0], 2)

    def test_a_token_that_lasts_a_while_does(self):
        gateway = self.scene(seconds=45)
        self.tokens.set("down")
        self.assertEqual(self.login(gateway, password=DEVICE).stat()[0], 2)
        gateway.wait_said(" token-failed ")
        self.assertEqual(self.login(gateway, password=DEVICE).stat()[0], 2)


class AProviderThatHangs(Devices):
    def test_others_do_not_wait(self):
        """Neither another provider's user, nor the user's own session that has its token."""
        ann, bob = self.provider(), self.provider(user=OTHER)
        servers = [self.upstream(ann), self.upstream(bob, user=OTHER)]
        gateway = self.before(servers[0], config={"routes": [
            {"match": user, "upstream": f"imap://127.0.0.1:{server.port}", **tokens.route()}
            for user, server, tokens in zip((USER, OTHER), servers, (ann, bob))]})
        self.authorize(gateway, ann)
        self.seal(gateway, OTHER, bob.give(-1))
        early = self.login(gateway, password=DEVICE)
        ann.expire()
        ann.set("hang")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = [pool.submit(self.login, gateway, password=DEVICE) for _ in range(3)]
            wait_until(lambda: ann.renewals, "the renewal")
            self.assertEqual(self.login(gateway, OTHER, DEVICE).stat()[0], 2)
            self.assertIn(b"Subject:", early.retr(1))
            self.assertFalse(any(client.done() for client in waiting))
            ann.set("ok")
            for client in waiting:
                self.assertEqual(client.result().stat()[0], 2)
        self.assertEqual((ann.renewals, bob.renewals), (1, 1))

    @staticmethod
    def seal(gateway, user, tokens):
        subprocess.run([os.environ["VAULT_MAKE"], gateway.state_dir, user, "printer", DEVICE, "pop3",
                        json.dumps({"tokens": tokens})], check=True, timeout=PATIENCE)

    def test_a_client_that_waits(self):
        """Not for ever: the provider is given half a minute."""
        gateway = self.hanging()
        client = self.connect(gateway, timeout=3 * PATIENCE)
        with self.assertRaisesRegex(Refused, rf"\[SYS/TEMP\].*{LATER}"):
            client.login(USER, DEVICE)
        gateway.wait_said(" token-failed ")

    def test_a_client_that_does_not_wait(self):
        gateway = self.hanging()
        client = self.connect(gateway)
        client.command(f"USER {USER}")
        client.send(f"PASS {DEVICE}\r\n".encode())
        wait_until(lambda: self.tokens.renewals, "the renewal")
        client.close()
        self.tokens.set("ok")
        self.assertEqual(self.login(gateway, password=DEVICE).stat()[0], 2)
        self.assertEqual(self.tokens.renewals, 1)

    def test_the_gateway_ends(self):
        gateway = self.hanging()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.refused_or_closed, gateway)
            wait_until(lambda: self.tokens.renewals, "the renewal")
            gateway.stop()
            waiting.result()
            self.tokens.set("ok")

    def hanging(self):
        self.tokens = self.provider()
        gateway = self.before(self.upstream(self.tokens), self.tokens)
        self.authorize(gateway, self.tokens, -1)
        self.tokens.set("hang")
        return gateway

    def refused_or_closed(self, gateway):
        with self.assertRaises((Refused, Closed, ConnectionError)):
            self.login(gateway, password=DEVICE)


class InMidSession(Trouble):
    """The upstream is lost, and to open it again a token is wanted."""

    def pop3(self, mode):
        gateway = self.scene()
        client = self.login(gateway, password=DEVICE)
        self.assertEqual(client.stat()[0], 2)
        self.tokens.expire()
        self.tokens.set(mode)
        self.server.restart()
        with self.assertRaises(Refused) as caught:
            client.retr(1)
        gateway.wait_said(" token-failed ")
        return str(caught.exception)

    def test_pop3_revoked(self):
        heard = self.pop3("gone")
        self.assertIn("[AUTH]", heard)
        self.assertIn(AGAIN, heard)

    def test_pop3_down(self):
        heard = self.pop3("down")
        self.assertIn("[SYS/TEMP]", heard)
        self.assertIn(LATER, heard)

    def imap_lost(self, mode):
        """A client whose account has lost its upstream, and what it has heard of that."""
        gateway = self.scene(imap=True)
        client = self.imap(gateway)
        self.assertEqual(client.select()[1], [b"2"])
        self.tokens.expire()
        self.tokens.set(mode)
        self.server.restart()
        heard = wait_until(lambda: client.noop() and client.untagged_responses.get("NO"),
                           "the notice")
        gateway.wait_said(" no-token ")
        return client, heard[-1].decode()

    def test_imap_revoked(self):
        client, heard = self.imap_lost("gone")
        self.assertIn(AGAIN, heard)
        status, text = client.fetch("1", "(BODY.PEEK[])")
        self.assertEqual(status, "NO")
        self.assertIn(AGAIN.encode(), text[0])

    def test_imap_down(self):
        """It goes on as soon as the provider does."""
        client, heard = self.imap_lost("down")
        self.assertIn(LATER, heard)
        self.tokens.set("ok")
        DovecotStore(self.server, USER).deliver_all([corpus.plain_mail(7)])
        wait_until(lambda: client.noop() and client.select()[1] == [b"3"], "the new message", 90)


if __name__ == "__main__":
    import unittest
    unittest.main()
