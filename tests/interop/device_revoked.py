"""A device that is revoked is gone within seconds, whatever it was doing, by whichever process it was
revoked; what it had not confirmed is not done, and other devices of its user notice nothing."""

import json
import os

from tests.interop.device_passwords import DEVICE, OTHER, Devices
from tests.interop.held import Held, apop
from tests.lib import corpus
from tests.lib.imap_raw import RawImap
from tests.lib.mailferry import run
from tests.lib.pop3 import Closed, Refused
from tests.lib.process import wait_until
from tests.lib.scene import PASSWORD, USER
from tests.lib.stores import DovecotStore

ERR = "-ERR [AUTH] this device's password was revoked, nothing was deleted"
BYE = b"* BYE [EXPIRED] This device's password was revoked"


def revoke(gateway, device, *options):
    done = run("passwd", USER, "--state-dir", gateway.state_dir, "--revoke", device, *options)
    if done.returncode != 0:
        raise AssertionError(done.stderr)


class Revoked(Devices):
    def scene(self, imap=False, password=True, mails=2, **options):
        """A printer and a phone; in the vault is the upstream's password, or tokens."""
        tokens = None if password else self.provider()
        if tokens:
            self.server = self.upstream(tokens, mails)
        else:
            self.server = self.dovecot(pop3=True)
            DovecotStore(self.server, USER).deliver_all(
                [corpus.plain_mail(n) for n in range(mails)])
        gateway = self.before(self.server, tokens, imap=imap, **options)
        self.vault(gateway, json.dumps({"tokens": tokens.give()} if tokens else
                                       {"password": PASSWORD}))
        self.vault(gateway, "+" + DEVICE, device="phone", password=OTHER)
        return gateway

    def expect_err(self, client):
        """The reason comes by itself, and then the end."""
        with self.assertRaises(Refused) as caught:
            client.reply()
        self.assertEqual(str(caught.exception), ERR)
        with self.assertRaises(Closed):
            client.line()

    def raw(self, gateway, password):
        client = RawImap(gateway.port)
        self.addCleanup(client.close)
        self.assertEqual(client.command(f'LOGIN "{USER}" "{password}"').status, "OK")
        self.assertEqual(client.command("SELECT INBOX").status, "OK")
        return client

    def expect_bye(self, client):
        lines = list(iter(client.line, b""))
        self.assertEqual(lines[-1:], [BYE], lines)


class Pop3(Revoked):
    def ends_alone(self, **options):
        gateway = self.scene(**options)
        printer = self.login(gateway, password=DEVICE)
        phone = self.login(gateway, password=OTHER)
        phone.dele(1)
        printer.dele(2)
        revoke(gateway, "phone")
        self.expect_err(phone)
        self.assertIn("[AUTH]", self.refused(gateway, OTHER))
        self.assertEqual(printer.stat()[0], 1)
        printer.quit()
        self.assertEqual(self.login(gateway, password=DEVICE).stat()[0], 1)
        gateway.wait_said('cause="device revoked"')

    def test_with_a_password_in_the_vault(self):
        self.ends_alone()

    def test_with_tokens_in_the_vault(self):
        self.ends_alone(password=False)

    def test_inside_a_message(self):
        """A client that does not read on."""
        gateway = self.scene(mails=1)
        large = corpus.plain_mail(7) + b"0123456789abcde\r\n" * (1 << 20)
        DovecotStore(self.server, USER).deliver_all([large])
        client = self.connect(gateway, receive_buffer=4096).login(USER, OTHER)
        client.send(b"RETR 2\r\n")
        client.reply()
        revoke(gateway, "phone")
        gateway.wait_said('cause="device revoked"')
        with self.assertRaises(Closed):
            client.body()

    def test_the_last_one(self):
        gateway = self.scene()
        revoke(gateway, "printer")
        client = self.login(gateway, password=OTHER)
        revoke(gateway, "phone", "--last")
        self.expect_err(client)

    def test_made_again_by_the_same_name(self):
        gateway = self.scene()
        old = self.login(gateway, password=OTHER)
        revoke(gateway, "phone")
        self.vault(gateway, "+" + DEVICE, device="phone", password=OTHER)
        new = self.login(gateway, password=OTHER)
        self.expect_err(old)
        self.assertEqual(new.stat()[0], 2)

    def test_all_when_the_user_is_authorized_anew(self):
        gateway = self.scene()
        clients = [self.login(gateway, password=password) for password in (DEVICE, OTHER)]
        self.vault(gateway, json.dumps({"password": PASSWORD}))
        for client in clients:
            self.expect_err(client)

    def test_no_one_where_the_vaults_are_away(self):
        """A volume that is not mounted for a while is no decision of anybody's."""
        gateway = self.scene()
        printer, phone = (self.login(gateway, password=p) for p in (DEVICE, OTHER))
        vaults = os.path.join(gateway.state_dir, "vault")
        os.rename(vaults, vaults + ".away")
        gateway.wait_said("that is revoked go on until it can")
        os.rename(vaults + ".away", vaults)
        revoke(gateway, "phone")
        self.expect_err(phone)
        self.assertEqual(printer.stat()[0], 2)


class WhatItLeft(Revoked):
    def test_its_upstream_session_is_logged_out(self):
        server = self.fake([corpus.plain_mail(1)])
        gateway = self.before(server, route={"pop3": {"warm_seconds": 600}})
        self.vault(gateway, json.dumps({"password": PASSWORD}))
        client = self.login(gateway, password=DEVICE)
        client.stat()
        client.quit()
        self.assertEqual(server.commands("LOGOUT"), [])
        revoke(gateway, "printer", "--last")
        wait_until(lambda: server.commands("LOGOUT"), "the LOGOUT")


class Imap(Revoked):
    def ends_alone(self, **options):
        """All are at the same account."""
        gateway = self.scene(imap=True, **options)
        printer, phone, idle = (self.raw(gateway, p) for p in (DEVICE, OTHER, OTHER))
        idle.send(b"i IDLE\r\n")
        self.assertEqual(idle.line(), b"+ idling")
        revoke(gateway, "phone")
        self.expect_bye(phone)
        self.expect_bye(idle)
        self.assertEqual(printer.command("STORE 1 +FLAGS (\\Deleted)").status, "OK")
        self.assertEqual(printer.command("EXPUNGE").status, "OK")
        self.assertEqual(printer.command("FETCH 1 BODY[]").status, "OK")
        gateway.wait_said('cause="device revoked"', times=2)

    def test_with_a_password_in_the_vault(self):
        self.ends_alone()

    def test_with_tokens_in_the_vault(self):
        self.ends_alone(password=False)

    def test_inside_an_append(self):
        gateway = self.scene(imap=True)
        printer, phone = (self.raw(gateway, p) for p in (DEVICE, OTHER))
        phone.send(b"a APPEND INBOX {1000}\r\n")
        self.assertEqual(phone.line()[:1], b"+")
        phone.send(b"Subject: half of it\r\n")
        revoke(gateway, "phone")
        self.expect_bye(phone)
        self.assertEqual(len(printer.command("FETCH 1:* (FLAGS)").lines(b"FETCH")), 2)

    def test_inside_a_message(self):
        """A client that does not read on."""
        gateway = self.scene(imap=True, mails=1)
        large = corpus.plain_mail(7) + b"0123456789abcde\r\n" * (1 << 20)
        DovecotStore(self.server, USER).deliver_all([large])
        phone = self.raw(gateway, OTHER)
        phone.send(b"f FETCH 2 BODY[]\r\n")
        self.assertIn(b" FETCH ", phone.stream.readline())
        revoke(gateway, "phone")
        gateway.wait_said('cause="device revoked"')
        rest = phone.stream.read()
        self.assertLess(len(rest), len(large))
        self.assertNotIn(BYE, rest)

    def test_many_sessions(self):
        """On every worker."""
        gateway = self.scene(imap=True)
        phones = [self.raw(gateway, OTHER) for _ in range(8)]
        printer = self.raw(gateway, DEVICE)
        revoke(gateway, "phone")
        for phone in phones:
            self.expect_bye(phone)
        self.assertEqual(printer.command("NOOP").status, "OK")


class Proved(Held):
    def test_by_apop(self):
        gateway, password = self.scene()
        gateway.start()
        gateway.wait_said("held-key")
        client = self.connect(gateway)
        apop(client, USER, password)
        revoke(gateway, "till", "--last")
        with self.assertRaises(Refused) as caught:
            client.reply()
        self.assertEqual(str(caught.exception), ERR)
