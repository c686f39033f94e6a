"""Devices with passwords of their own before a Dovecot that takes nothing but OAuth 2.0 tokens, in
both directions: expiry, renewal, revocation, a provider that is away; what a device may not do."""

import concurrent.futures
import contextlib
import imaplib
import json
import os
import shutil
import subprocess
import unittest

from tests.lib import corpus, secrecy
from tests.lib.pop3 import Refused
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore
from tests.lib.tokens import Tokens

DEVICE = "dev1c-epass-w0rdx-print"
OTHER = "dev1c-epass-w0rdy-phone"
FILTER = os.path.abspath("config/fail2ban/filter.d/mailferry.conf")
AGAIN = f'Run "mailferry authorize {USER}" again'


class Devices(Scene):
    def setUp(self):
        super().setUp()
        secrecy.keep_all((DEVICE, OTHER), "a device's password")

    def provider(self, user=USER, **options):
        tokens = Tokens(user, **options)
        self.addCleanup(tokens.stop)
        return tokens

    def upstream(self, tokens, mails=2, user=USER):
        directory = self.path("oauth")
        os.mkdir(directory, 0o755)
        server = self.dovecot(pop3=True, extra=tokens.dovecot(directory))
        DovecotStore(server, user).deliver_all([corpus.plain_mail(n) for n in range(mails)])
        return server

    def before(self, server, tokens=None, imap=False, **options):
        url = f"pop3://127.0.0.1:{server.pop3_port}" if imap else f"imap://127.0.0.1:{server.port}"
        route = {**(tokens.route() if tokens else {}), **options.pop("route", {})}
        if imap:
            route.setdefault("imap", {"idle_seconds": 0, "noop_seconds": 0})
        return self.gateway(url, listener="imap" if imap else "pop3", route=route, **options)

    @staticmethod
    def vault(gateway, secret, device="printer", password=DEVICE, limits="pop3 imap"):
        subprocess.run([os.environ["VAULT_MAKE"], gateway.state_dir, USER, device, password, limits,
                        secret], check=True, timeout=PATIENCE)

    def authorize(self, gateway, tokens, seconds=None, **more):
        self.vault(gateway, json.dumps({"tokens": tokens.give(seconds)}), **more)

    def imap(self, gateway, password=DEVICE, user=USER):
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        quoted = user.replace('"', '\\"')
        client.login(f'"{quoted}"', password)
        return client

    @staticmethod
    def close(client):
        with contextlib.suppress(OSError):
            client.shutdown()

    def refused(self, gateway, password=DEVICE):
        with self.assertRaises(Refused) as caught:
            self.login(gateway, password=password)
        return str(caught.exception)


    @staticmethod
    def expect_cause(gateway, cause):
        line = f"login-refused address=127.0.0.1 cause={cause} "
        gateway.wait_said(line)


class Pop3(Devices):
    def scene(self, seconds=None, **options):
        self.tokens = self.provider(**options)
        self.server = self.upstream(self.tokens)
        gateway = self.before(self.server, self.tokens)
        self.authorize(gateway, self.tokens, seconds)
        return gateway

    def test_reads_by_user_and_pass(self):
        gateway = self.scene()
        client = self.login(gateway, password=DEVICE)
        self.assertEqual(client.stat()[0], 2)
        self.assertIn(b"Subject:", client.retr(1))
        client.quit()
        self.assertEqual(self.tokens.renewals, 0)

    def test_wrong_password(self):
        gateway = self.scene()
        self.assertIn("[AUTH] Authentication failed.", self.refused(gateway, "wr0ng-guess"))
        self.expect_cause(gateway, "password")

    def test_expired_token(self):
        """Two sessions at once, one renewal."""
        gateway = self.scene(seconds=-1)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            both = [pool.submit(self.login, gateway, password=DEVICE) for _ in range(2)]
            for client in both:
                self.assertEqual(client.result().stat()[0], 2)
        self.assertEqual(self.tokens.renewals, 1)
        gateway.restart()
        self.login(gateway, password=DEVICE).quit()
        self.assertEqual(self.tokens.renewals, 1)

    def test_refused_token(self):
        """It has not expired as far as anybody knows, but the upstream takes it no more."""
        gateway = self.scene()
        self.tokens.expire()
        self.assertEqual(self.login(gateway, password=DEVICE).stat()[0], 2)
        self.assertEqual(self.tokens.renewals, 1)

    def test_revoked_grant(self):
        gateway = self.scene()
        self.tokens.revoke()
        self.assertIn(AGAIN, self.refused(gateway))
        self.expect_cause(gateway, "permission")

    def test_provider_down(self):
        gateway = self.scene(seconds=-1)
        self.tokens.set("down")
        self.assertIn("[SYS/TEMP]", self.refused(gateway))

    def test_expiry_in_mid_session(self):
        """The upstream is lost when the token is over: the session goes on with a new one."""
        gateway = self.scene()
        client = self.login(gateway, password=DEVICE)
        self.assertEqual(client.stat()[0], 2)
        self.tokens.expire()
        self.server.restart()
        self.assertIn(b"Subject:", client.retr(2))
        self.assertEqual(self.tokens.renewals, 1)

    def test_damaged_vault(self):
        gateway = self.scene()
        vault = os.path.join(gateway.state_dir, "vault", USER + ".json")
        with open(vault, "w", encoding="ascii") as f:
            f.write('{"version": 1')
        self.assertIn("the gateway's log tells why", self.refused(gateway))
        gateway.wait_said(vault)

    def test_hanging_provider_holds_up_nobody_else(self):
        gateway = self.scene(seconds=-1)
        self.tokens.set("hang")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.login, gateway, password=DEVICE)
            wait_until(lambda: self.tokens.renewals, "the renewal")
            self.assertIn("[AUTH]", self.refused(gateway, "wr0ng-guess"))
            self.assertFalse(waiting.done())
            self.tokens.set("ok")
            self.assertEqual(waiting.result().stat()[0], 2)


class Imap(Devices):
    def scene(self, seconds=None, **options):
        self.tokens = self.provider(**options)
        self.server = self.upstream(self.tokens)
        gateway = self.before(self.server, self.tokens, imap=True)
        self.authorize(gateway, self.tokens, seconds)
        return gateway

    def test_two_devices_share_one_account(self):
        gateway = self.scene()
        self.vault(gateway, "+" + DEVICE, device="phone", password=OTHER)
        one, two = self.imap(gateway), self.imap(gateway, OTHER)
        for client in (one, two):
            self.assertEqual(client.select()[1], [b"2"])
        one.store("1", "+FLAGS", r"(\Flagged)")
        two.noop()
        self.assertIn(b"\\Flagged", two.fetch("1", "(FLAGS)")[1][0])
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(gateway, "wr0ng-guess")

    def test_a_revoked_device_takes_nothing_from_the_others(self):
        """Also when it was the last one to come, of several at the same account."""
        gateway = self.scene()
        self.vault(gateway, "+" + DEVICE, device="phone", password=OTHER)
        clients = [self.imap(gateway, password) for password in (DEVICE, OTHER, OTHER)]
        for client in clients:
            self.assertEqual(client.select()[1], [b"2"])
        subprocess.run([os.environ["MAILFERRY"], "passwd", USER, "--state-dir", gateway.state_dir,
                        "--revoke", "phone"], check=True, capture_output=True, timeout=PATIENCE)
        DovecotStore(self.server, USER).deliver_all([corpus.plain_mail(7)])
        wait_until(lambda: clients[0].noop() and clients[0].select()[1] == [b"3"],
                   "the new message")

    def test_expiry_in_mid_session(self):
        """The account opens its maildrop again and again: with a fresh token."""
        gateway = self.scene()
        client = self.imap(gateway)
        self.assertEqual(client.select()[1], [b"2"])
        self.tokens.expire()
        DovecotStore(self.server, USER).deliver_all([corpus.plain_mail(7)])
        wait_until(lambda: client.noop() and client.select()[1] == [b"3"], "the new message")
        self.assertEqual(self.tokens.renewals, 1)

    def test_revoked_grant(self):
        gateway = self.scene()
        self.tokens.revoke()
        with self.assertRaises(imaplib.IMAP4.error) as caught:
            self.imap(gateway)
        self.assertIn(AGAIN, str(caught.exception))


class Limits(Devices):
    """The upstream's password is in the vault, and Dovecot takes that."""

    def scene(self, limits, imap=False):
        server = self.dovecot(pop3=True)
        self.store = DovecotStore(server, USER)
        self.store.deliver_all([corpus.plain_mail(n) for n in range(2)])
        gateway = self.before(server, imap=imap)
        self.vault(gateway, json.dumps({"password": PASSWORD}), limits=limits)
        return gateway

    def test_other_protocol(self):
        gateway = self.scene("imap")
        self.assertIn("not for this protocol", self.refused(gateway))
        self.expect_cause(gateway, "permission")

    def test_pop3_device_hides_from_itself_alone(self):
        gateway = self.scene("pop3 never_delete")
        client = self.login(gateway, password=DEVICE)
        client.dele(1)
        client.quit()
        self.assertEqual(self.login(gateway, password=DEVICE).stat()[0], 1)
        self.assertEqual(self.login(gateway, password=PASSWORD).stat()[0], 2)

    def test_imap_read_only(self):
        gateway = self.scene("imap read_only", imap=True)
        client = self.imap(gateway)
        with self.assertRaises(imaplib.IMAP4.readonly):
            client.select()
        client.select(readonly=True)  # or imaplib would not even ask
        for change in (lambda: client.store("1", "+FLAGS", r"(\Seen)"), client.expunge,
                       lambda: client.copy("1", "INBOX"), lambda: client.create("Work"),
                       lambda: client.append("INBOX", None, None, b"Subject: x\r\n\r\nx\r\n")):
            status, text = change()
            self.assertEqual((status, b"[NOPERM]" in text[0]), ("NO", True))
        self.assertEqual(client.fetch("1", "(BODY[] FLAGS)")[0], "OK")
        self.assertNotIn(b"\\Seen", client.fetch("1", "(FLAGS)")[1][0])

    def test_imap_never_delete(self):
        gateway = self.scene("imap never_delete", imap=True)
        client = self.imap(gateway)
        client.select()
        self.assertEqual(client.store("1", "+FLAGS", r"(\Seen)")[0], "OK")
        for change in (lambda: client.store("1", "+FLAGS", r"(\Deleted)"), client.expunge,
                       lambda: client.uid("MOVE", "1", "INBOX")):
            status, text = change()
            self.assertEqual((status, b"[NOPERM]" in text[0]), ("NO", True))

    def test_imap_one_folder(self):
        gateway = self.scene("imap folder=INBOX", imap=True)
        other = self.imap(gateway, PASSWORD)
        other.create("Work")
        client = self.imap(gateway)
        self.assertEqual(len(client.list()[1]), 1)
        self.assertEqual(client.select("Work")[0], "NO")
        self.assertEqual(client.status("Work", "(MESSAGES)")[0], "NO")
        self.assertEqual(client.create("Other")[0], "NO")
        client.select()
        self.assertEqual(client.copy("1", "Work")[0], "NO")
        self.assertEqual(other.select("Work")[1], [b"0"])


class Guessing(Devices):
    def test_an_address_is_turned_away(self):
        server = self.dovecot()
        gateway = self.before(server, config={"limits": {
            "trusted_networks": ["192.0.2.0/24"], "login_refusals": 3, "block_seconds": 600}})
        for _ in range(3):
            self.assertIn("[AUTH]", self.refused(gateway, "wr0ng-guess"))
        before = server.process.output().count("Login")
        self.assertIn("[AUTH]", self.refused(gateway, PASSWORD))
        self.assertEqual(server.process.output().count("Login"), before)
        gateway.wait_said("turned-away")

    def matched(self, log):
        """The addresses that fail2ban's own program finds by our filter."""
        done = subprocess.run(["fail2ban-regex", "--out", "ip", log, FILTER], check=False,
                              capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout.split()

    @unittest.skipUnless(shutil.which("fail2ban-regex"), "fail2ban is not installed")
    def test_fail2ban_counts_guesses_alone(self):
        for form in ("text", "json"):
            for imap in (False, True):
                with self.subTest(form, imap=imap):
                    self.guess_and_count(form, imap)

    def guess_and_count(self, form, imap):
        server = self.dovecot(pop3=True)
        gateway = self.before(server, imap=imap, config={"log": {"format": form}})
        limits = "pop3" if imap else "imap"
        self.vault(gateway, json.dumps({"password": PASSWORD}), limits=limits)
        forged = 'x" cause=password address=192.0.2.1'
        for user, password in ((USER, "wr0ng-guess"), (forged, "x"), (USER, DEVICE)):
            with self.assertRaises((Refused, imaplib.IMAP4.error)):
                if imap:
                    self.imap(gateway, password, user)
                else:
                    self.login(gateway, user, password)
        gateway.wait_said("login-refused", times=3)
        self.assertEqual(self.matched(gateway.log), ["127.0.0.1"] * 2)
