"""Sessions that outlive their token: a real OpenID provider gives tokens of a few seconds, which a
real Dovecot has introspected at each login; what is renewed, and how often, the provider tells."""

import concurrent.futures
import imaplib
import os

from tests.interop.authorize import LINK, MADE, Authorization
from tests.lib import corpus
from tests.lib.oidc import CONFIDENTIAL, SECRET, Person
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import USER
from tests.lib.stores import DovecotStore

AT_ONCE = 5
HOUR = 3600
A_WHILE = 8  # seconds: enough to log in by it on a busy machine


class Expiry(Authorization):
    def authorized(self, *renewed, pop3=False, options=None, **oauth):
        """A gateway that runs. A first login renews the token, since that is about to expire;
        `renewed` is how long the renewed ones last."""
        self.provider = self.identity(access_seconds=A_WHILE, renewed_seconds=renewed)
        self.server = self.upstream()
        self.store = DovecotStore(self.server, USER)
        self.store.deliver_all([corpus.plain_mail(n) for n in range(2)])
        gateway = self.scene(self.server, pop3=pop3, **{"grant": "code", **oauth})
        gateway.config["routes"][0].update(options or {})
        gateway.config["workers"] = 1  # the next login finds what the last one left
        gateway.write_config()
        walk = self.authorize(gateway)
        if "grant" not in oauth:
            Person(self.provider, USER).open(walk.shown(LINK))
        self.password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        return gateway.start()

    def wait_expired(self, kind="access_token"):
        token = self.provider.given(kind)[-1]
        wait_until(lambda: not self.provider.is_active(token), "the token to expire")

    def check_renewals(self, gateway, count):
        """At the provider and in the log; and none of the tokens was sent upstream too late."""
        self.assertEqual(self.provider.grants("refresh_token"), count)
        wait_until(lambda: gateway.output().count(" token-renewed ") == count, "as many in the log")
        self.assertNotIn("Authentication failed", gateway.output())

    def device(self, gateway):
        return self.login(gateway, password=self.password)

    def imap(self, gateway):
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(USER, self.password)
        return client


class Pop3(Expiry):
    def test_a_session_goes_on(self):
        """The upstream asked for the token when it was good, and asks no more."""
        gateway = self.authorized(A_WHILE, HOUR)
        client = self.device(gateway)
        self.wait_expired()
        self.assertIn(b"Subject:", client.retr(2))
        client.dele(1)
        client.quit()
        self.check_renewals(gateway, 1)

    def test_a_session_whose_upstream_is_lost(self):
        gateway = self.authorized(A_WHILE, HOUR)
        client = self.device(gateway)
        self.assertEqual(client.stat()[0], 2)
        self.wait_expired()
        self.server.restart()
        self.assertIn(b"Subject:", client.retr(2))
        client.quit()
        self.check_renewals(gateway, 2)

    def test_at_once(self):
        gateway = self.authorized(HOUR)
        self.wait_expired()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            clients = [pool.submit(self.device, gateway) for _ in range(AT_ONCE)]
            for client in clients:
                self.assertEqual(client.result().stat()[0], 2)
        self.check_renewals(gateway, 1)

    def test_an_upstream_session_that_was_kept(self):
        """One that was logged in to by the token before is not gone on with, one by the new token
        is."""
        gateway = self.authorized(A_WHILE, HOUR, options={"pop3": {"warm_seconds": 300}})
        self.poll(gateway)
        self.wait_expired()
        self.poll(gateway)
        self.check_renewals(gateway, 2)
        self.assertNotIn(" upstream-warm ", gateway.output())
        self.poll(gateway)
        gateway.wait_said(" upstream-warm ")
        self.check_renewals(gateway, 2)

    def poll(self, gateway):
        client = self.device(gateway)
        self.assertEqual(client.stat()[0], 2)
        client.quit()

    def test_the_next_process(self):
        """A refresh token is good once: it has the new one."""
        gateway = self.authorized(A_WHILE, HOUR)
        self.device(gateway).quit()
        gateway.stop()
        self.wait_expired()
        gateway.start()
        self.device(gateway).quit()
        self.check_renewals(gateway, 2)

    def test_revoked_in_mid_session(self):
        """By the person at the provider: it shows when the upstream wants a token again."""
        gateway = self.authorized(HOUR)
        client = self.device(gateway)
        self.provider.revoke(self.provider.given("refresh_token")[-1])
        self.wait_expired()
        self.server.restart()
        for refused in (lambda: client.retr(1), lambda: self.device(gateway)):
            with self.assertRaisesRegex(Refused, rf"\[AUTH\].*mailferry authorize {USER}"):
                refused()

    def test_client_credentials(self):
        """Nothing renews them: they are asked for anew."""
        secret = os.path.join(self.directory, "secret")
        with open(secret, "w", encoding="ascii") as f:
            f.write(SECRET + "\n")
        os.chmod(secret, 0o600)
        gateway = self.authorized(HOUR, grant="client", client_id=CONFIDENTIAL, scope="mail",
                                  client_secret_file=secret)
        self.wait_expired("client_credentials")
        before = self.provider.grants("client_credentials")
        self.device(gateway).quit()
        self.assertGreater(self.provider.grants("client_credentials"), before)


class Imap(Expiry):
    CHOICES = {"imap": {"idle_seconds": 0, "noop_seconds": 0}}

    def test_the_maildrop_is_opened_again(self):
        """For all clients of the account by one token."""
        gateway = self.authorized(A_WHILE, HOUR, pop3=True, options=self.CHOICES)
        clients = [self.imap(gateway) for _ in range(2)]
        for client in clients:
            self.assertEqual(client.select()[1], [b"2"])
        self.wait_expired()
        self.store.deliver_all([corpus.plain_mail(7)])
        for client in clients:
            wait_until(lambda: client.noop() and client.select()[1] == [b"3"],  # noqa: B023
                       "the new message")
        self.check_renewals(gateway, 2)

    def test_at_once(self):
        gateway = self.authorized(HOUR, pop3=True, options=self.CHOICES)
        self.wait_expired()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            clients = [pool.submit(self.imap, gateway) for _ in range(AT_ONCE)]
            for client in clients:
                self.assertEqual(client.result().select()[1], [b"2"])
        self.check_renewals(gateway, 1)

    def test_what_is_read_already(self):
        """Needs no upstream, and so no token."""
        gateway = self.authorized(A_WHILE, HOUR, pop3=True, options=self.CHOICES)
        client = self.imap(gateway)
        client.select()
        self.assertEqual(client.fetch("1:2", "(BODY.PEEK[])")[0], "OK")
        self.wait_expired()
        self.provider.stop()
        self.server.stop()
        self.assertEqual(client.fetch("1:2", "(BODY.PEEK[])")[0], "OK")
        self.check_renewals(gateway, 1)


if __name__ == "__main__":
    import unittest
    unittest.main()
