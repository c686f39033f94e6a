"""A password is in no log, at any level, in any encoding; and never crosses a network in the clear
unless that was allowed by name (CASES A1, A2, A6)."""

import base64
import contextlib
import imaplib
import json
import os
import socket
import subprocess
import unittest

from tests.lib import corpus, secrecy
from tests.lib.fakeimap import FakeImap
from tests.lib.fakepop3 import FakePop3
from tests.lib.namespace import OwnNetwork
from tests.lib.pop3 import Pop3, Refused, trusting
from tests.lib.process import PATIENCE
from tests.lib.scene import PASSWORD, USER, Scene

MAILS = [corpus.plain_mail(1)]
WRONG = "Wr0ng-but-still-s3cret"


def b64(text):
    return base64.b64encode(text.encode()).decode()


class ImapLines:
    """Says lines to an IMAP server; each waits for a line of answer."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")
        self.file.readline()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        self.file.readline()

    def close(self):
        self.file.close()
        self.socket.close()


class Logs(Scene):
    """What every test looks for at its end must have been said by a client, in every way."""

    def setUp(self):
        super().setUp()
        secrecy.keep(WRONG)

    def sessions(self, gateway, context=None):
        """Every way to give a password, right and wrong, whole and broken."""
        for password in (PASSWORD, WRONG):
            initial = b64(f"\0{USER}\0{password}")
            for dialogue in ([f"USER {USER}", f"PASS {password}"],
                             [f"USER {USER}", f"PASS {password} and more"],
                             [f"PASS {password}"],
                             [f"USER {USER}", f"PAS {password}"],
                             [f"AUTH PLAIN {initial}"],
                             ["AUTH PLAIN", initial],
                             ["AUTH PLAIN", initial + "!"],
                             [f"AUTH PLAIN {initial} {initial}"],
                             ["AUTH LOGIN", b64(USER), b64(password)],
                             [f"AUTH LOGIN {b64(USER)}", b64(password)],
                             ["AUTH LOGIN", b64(USER), "*", f"PASS {password}"]):
                client = self.connect(gateway)
                if context:
                    client.stls(context)
                with contextlib.suppress(Refused):
                    for line in dialogue:
                        client.command(line)
                    client.quit()
                client.close()

    def end(self, gateway):
        gateway.stop()
        self.assertIn(USER, gateway.output())  # the log is one

    def test_text_at_debug_level(self):
        gateway = self.gateway(self.fake(MAILS))
        self.sessions(gateway)
        self.end(gateway)
        for line in (f'client-says message="USER {USER}"', "client-says message=PASS",
                     'client-says message="(an answer to AUTH)"',
                     'upstream-told message="m2 AUTHENTICATE"', "upstream-says message="):
            self.assertTrue(line in gateway.output(), line)

    def imap_sessions(self, gateway):
        """The same for IMAP clients."""
        for password in (PASSWORD, WRONG):
            initial = b64(f"\0{USER}\0{password}")
            for dialogue in ([f"a LOGIN {USER} {password}"],
                             [f'a LOGIN "{USER}" "{password}"'],
                             [f"a LOGIN {USER} {{{len(password)}}}", password],
                             [f"a LOGIN {USER} {{{len(password)}+}}\r\n{password}"],
                             [f"a LOGIN {USER} {password} and more"],
                             [f"LOGIN {USER} {password}"],
                             [f"a LOGI {USER} {password}"],
                             [f"a AUTHENTICATE PLAIN {initial}"],
                             ["a AUTHENTICATE PLAIN", initial],
                             ["a AUTHENTICATE PLAIN", initial + "!", initial],
                             ["a AUTHENTICATE LOGIN", b64(USER), b64(password)]):
                client = ImapLines(gateway.port)
                for line in dialogue:
                    client.say(line)
                client.say("z LOGOUT")
                client.close()

    def test_imap_at_debug_level(self):
        for words in ((), ("SASL PLAIN",), ("SASL LOGIN",)):
            with self.subTest(words):
                fake = FakePop3({USER: PASSWORD}, ("USER", "UIDL", "TOP", *words)).start()
                self.addCleanup(fake.stop)
                fake.deliver(MAILS[0].replace(b"\n", b"\r\n"))
                gateway = self.gateway(f"pop3://127.0.0.1:{fake.port}", listener="imap")
                self.imap_sessions(gateway)
                self.end(gateway)
                for line in ("client-says message=LOGIN", "client-says message=AUTHENTICATE",
                             'client-says message="(an answer to AUTHENTICATE)"',
                             "upstream-told message=PASS" if not words else "upstream-told message=AUTH",
                             'upstream-says message="+OK ready"', "upstream-told message=UIDL"):
                    self.assertTrue(line in gateway.output(), line)

    def test_json_at_debug_level(self):
        for capabilities in ("IMAP4rev1", "IMAP4rev1 AUTH=PLAIN", "IMAP4rev1 AUTH=PLAIN SASL-IR"):
            with self.subTest(capabilities):
                fake = self.fake(MAILS, capabilities=capabilities)
                gateway = self.gateway(fake, config={"log": {"format": "json", "level": "debug"}})
                self.sessions(gateway)
                self.end(gateway)
                for line in gateway.output().splitlines():
                    if line.startswith("{"):
                        self.assertIn("event", json.loads(line))

    def test_over_tls(self):
        ca = self.authority()
        gateway = self.gateway(self.fake(MAILS), tls=ca.issue("gateway"))
        self.sessions(gateway, trusting(ca.cert))
        self.end(gateway)

    def test_state_is_private(self):
        gateway = self.gateway(self.fake(MAILS))
        client = self.login(gateway)
        client.uidl()
        client.quit()
        gateway.stop()
        for base, _, names in os.walk(gateway.state_dir):
            self.assertEqual(os.stat(base).st_mode & 0o077, 0, base)
            for name in names:
                self.assertEqual(os.stat(os.path.join(base, name)).st_mode & 0o077, 0, name)


class Sasl(Scene):
    def test_mechanisms(self):
        gateway = self.gateway(self.fake(MAILS))
        initial = b64(f"\0{USER}\0{PASSWORD}")
        for dialogue in ([f"AUTH PLAIN {initial}"], ["AUTH PLAIN", initial],
                         [f"auth plain {initial}"],
                         ["AUTH LOGIN", b64(USER), b64(PASSWORD)]):
            with self.subTest(dialogue[0].split()[1]):
                client = self.connect(gateway)
                for line in dialogue:
                    client.command(line)
                self.assertEqual(client.stat()[0], 1)
                client.quit()

    def test_challenges_are_empty_or_as_known(self):
        client = self.connect(self.gateway(self.fake(MAILS)))
        self.assertEqual(client.command("AUTH PLAIN"), "+ ")
        with self.assertRaises(Refused):
            client.command("*")
        self.assertEqual(client.command("AUTH LOGIN"), "+ " + b64("Username:"))
        self.assertEqual(client.command(b64(USER)), "+ " + b64("Password:"))
        client.command(b64(PASSWORD))
        client.quit()

    def test_broken(self):
        gateway = self.gateway(self.fake(MAILS))
        for answer in ("*", "", "=", "!!!!", b64("no nul"), b64("\0\0"), b64(f"\0{USER}\0"),
                       b64("other\0" + USER + "\0" + PASSWORD), "A" * 20_000):
            with self.subTest(answer[:20]):
                client = self.connect(gateway)
                client.command("AUTH PLAIN")
                with self.assertRaises(AssertionError):  # Refused, or Closed when it was too long
                    client.command(answer)
                client.close()

    def test_a_line_of_12288_octets(self):
        """RFC 5034 section 4: so long may a SASL answer be."""
        password = "p" * 9000
        gateway = self.gateway(self.fake(MAILS, users={USER: password}))
        client = self.connect(gateway)
        client.command("AUTH PLAIN")
        client.command(b64(f"\0{USER}\0{password}"))
        client.quit()


class AcrossANetwork(OwnNetwork, Scene):
    """The first class by name (see OwnNetwork)."""

    def listen_everywhere(self, listener=None, **options):
        """A gateway whose only listener is on every address; `listener`: more of its keys."""
        gateway = self.gateway(self.fake(MAILS), start=False, **options)
        gateway.config["listeners"] = [{"url": f"pop3://*:{gateway.port}", **(listener or {})}]
        return gateway.start()

    def far(self, gateway, tls=None):
        client = Pop3(gateway.port, host=self.ADDRESS, tls=tls)
        self.addCleanup(client.close)
        return client

    def test_client_in_the_clear_is_refused(self):
        gateway = self.listen_everywhere()
        client = self.far(gateway)
        capabilities = [line.split()[0] for line in client.lines("CAPA")]
        self.assertNotIn("USER", capabilities)
        self.assertNotIn("SASL", capabilities)
        for command in (f"USER {USER}", f"PASS {PASSWORD}",
                        "AUTH PLAIN " + b64(f"\0{USER}\0{PASSWORD}")):
            with self.assertRaises(Refused):
                client.command(command)
        client.close()
        self.login(gateway).quit()  # over loopback it is allowed

    def test_client_with_stls_is_served(self):
        ca = self.authority()
        gateway = self.listen_everywhere(tls=ca.issue("gateway"))
        client = self.far(gateway)
        client.stls(trusting(ca.cert))
        client.login(USER, PASSWORD).quit()

    def test_client_allowed_by_name(self):
        gateway = self.listen_everywhere({"allow_cleartext": True})
        self.far(gateway).login(USER, PASSWORD).quit()

    def test_upstream_in_the_clear_is_refused(self):
        fake = self.far_upstream()
        gateway = self.gateway(f"imap://{self.ADDRESS}:{fake.port}")
        client = self.connect(gateway)
        client.command(f"USER {USER}")
        with self.assertRaises(Refused):
            client.command(f"PASS {PASSWORD}")
        received = fake.all_received()
        for secret in (b"LOGIN", b"AUTHENTICATE", PASSWORD.encode()):
            self.assertNotIn(secret, received)
        client.close()

    def test_upstream_allowed_by_name(self):
        fake = self.far_upstream()
        gateway = self.gateway(f"imap://{self.ADDRESS}:{fake.port}",
                               route={"allow_cleartext": True})
        self.login(gateway).quit()

    def test_what_is_to_be_done_is_told(self):
        """Each refusal names the key that would allow it."""
        client = self.far(self.listen_everywhere())
        with self.assertRaisesRegex(Refused, "allow_cleartext"):
            client.command(f"USER {USER}")
        upstream = self.far_upstream()
        client = self.connect(self.gateway(f"imap://{self.ADDRESS}:{upstream.port}"))
        client.command(f"USER {USER}")
        with self.assertRaisesRegex(Refused, "allow_cleartext"):
            client.command(f"PASS {PASSWORD}")

    def imap_everywhere(self, listener=None):
        drop = FakePop3({USER: PASSWORD}).start()
        self.addCleanup(drop.stop)
        gateway = self.gateway(f"pop3://127.0.0.1:{drop.port}", start=False)
        gateway.config["listeners"] = [{"url": f"imap://*:{gateway.port}", **(listener or {})}]
        return gateway.start()

    def imap(self, gateway, host=None):
        client = imaplib.IMAP4(host or self.ADDRESS, gateway.port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        return client

    def test_imap_client_in_the_clear_is_refused(self):
        gateway = self.imap_everywhere()
        client = self.imap(gateway)
        self.assertIn("LOGINDISABLED", client.capabilities)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "PRIVACYREQUIRED.*allow_cleartext"):
            client.login(USER, PASSWORD)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "PRIVACYREQUIRED.*allow_cleartext"):
            client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        self.imap(gateway, "127.0.0.1").login(USER, PASSWORD)

    def test_imap_client_allowed_by_name(self):
        self.imap(self.imap_everywhere({"allow_cleartext": True})).login(USER, PASSWORD)

    def test_pop3_upstream_in_the_clear(self):
        asked = []
        drop = FakePop3({USER: PASSWORD}, host=self.ADDRESS).start()
        self.addCleanup(drop.stop)
        drop.meddle = lambda verb, _: asked.append(verb)
        for allowed in (False, True):
            gateway = self.gateway(f"pop3://{self.ADDRESS}:{drop.port}", listener="imap",
                                   route={"allow_cleartext": allowed})
            client = self.imap(gateway, "127.0.0.1")
            if allowed:
                client.login(USER, PASSWORD)
                continue
            with self.assertRaisesRegex(imaplib.IMAP4.error, "allow_cleartext"):
                client.login(USER, PASSWORD)
            for verb in ("USER", "PASS", "AUTH", "APOP"):
                self.assertNotIn(verb, asked)

    def far_upstream(self):
        fake = FakeImap(MAILS, users={USER: PASSWORD}, host=self.ADDRESS)
        fake.start()
        self.addCleanup(fake.stop)
        return fake


if __name__ == "__main__":
    unittest.main()
