"""The clients people use, and the devices that nobody can change any more."""

import glob
import os
import poplib
import re
import ssl
import subprocess
import unittest

from tests.lib import corpus
from tests.lib.pop3 import Pop3, Refused
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore, Mailbox

MAILS = [corpus.plain_mail(n) for n in range(1, 9)]


class WithTls(Scene):
    """A Dovecot with a few messages, and mailferry with a plain port that can STLS."""

    def setUp(self):
        super().setUp()
        self.ca = self.authority()
        self.certificate = self.ca.issue("gateway")
        self.server = self.dovecot()
        DovecotStore(self.server, USER).deliver_all(MAILS)
        self.plain = self.gateway(self.server, tls=self.certificate)
        self.secure = self.gateway(self.server, tls=self.certificate, listener="pop3s")

    def upstream_count(self):
        with Mailbox(self.server.port, USER, PASSWORD) as other:
            return len(other.uids())


class Curl(WithTls):
    def curl(self, url, *options):
        done = subprocess.run(["curl", "-sS", "--max-time", "30", "-u", f"{USER}:{PASSWORD}",
                               *options, url], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_plain(self):
        base = f"pop3://127.0.0.1:{self.plain.port}/"
        self.assertEqual(len(self.curl(base).splitlines()), len(MAILS))
        self.assertEqual(self.curl(base + "3"), MAILS[2])

    def test_stls(self):
        url = f"pop3://localhost:{self.plain.port}/1"
        self.assertEqual(self.curl(url, "--ssl-reqd", "--cacert", self.ca.cert), MAILS[0])

    def test_tls(self):
        url = f"pop3s://localhost:{self.secure.port}/8"
        self.assertEqual(self.curl(url, "--cacert", self.ca.cert), MAILS[7])

    def test_each_mechanism(self):
        for mechanism in ("PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                url = f"pop3://127.0.0.1:{self.plain.port}/2"
                self.assertEqual(
                    self.curl(url, "--login-options", f"AUTH={mechanism}"), MAILS[1])

    def test_delete(self):
        self.curl(f"pop3://127.0.0.1:{self.plain.port}/4", "-X", "DELE", "-l")
        self.assertEqual(self.upstream_count(), len(MAILS) - 1)

    def test_uidl_and_top(self):
        base = f"pop3://127.0.0.1:{self.plain.port}/"
        self.assertEqual(len(self.curl(base, "-X", "UIDL").splitlines()), len(MAILS))
        self.assertIn(b"Subject: message 5", self.curl(base, "-X", "TOP 5 0"))


class Fetchmail(WithTls):
    def fetch(self, options, user_options="", ok=(0,)):
        home = self.path("fetchmail")
        os.makedirs(home, exist_ok=True)
        return self.fetch_again(home, options, user_options, ok)

    def fetch_again(self, home, options, user_options="", ok=(0,)):
        """Runs fetchmail; gives its home and what it delivered, whole."""
        rc = os.path.join(home, "rc")
        with open(os.open(rc, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(f"poll localhost protocol pop3 port {self.plain.port} {options}\n"
                    f"  user \"{USER}\" password \"{PASSWORD}\" {user_options}\n"
                    f"  mda \"cat >>{home}/inbox\"\n")
        inbox = os.path.join(home, "inbox")
        if os.path.exists(inbox):
            os.unlink(inbox)
        done = subprocess.run(
            ["fetchmail", "--nodetach", "--nosyslog", "-f", rc, "--idfile", home + "/ids",
             "--pidfile", home + "/pid", "-v"], capture_output=True, text=True, timeout=60,
            env={**os.environ, "HOME": home, "FETCHMAILHOME": home}, check=False)
        self.assertIn(done.returncode, ok, done.stdout + done.stderr)
        if not os.path.exists(inbox):
            return b""
        with open(inbox, "rb") as f:
            return f.read()

    @staticmethod
    def subjects(text):
        return [int(n) for n in re.findall(rb"^Subject: message (\d+)", text, re.MULTILINE)]

    def test_fetchall_deletes(self):
        text = self.fetch("", "fetchall sslproto \"\"")
        self.assertEqual(self.subjects(text), list(range(1, 9)))
        self.assertEqual(self.upstream_count(), 0)

    def test_keep_and_uidl(self):
        home = self.path("fetchmail")
        os.makedirs(home)
        options = "uidl", "keep sslproto \"\""
        self.assertEqual(len(self.subjects(self.fetch_again(home, *options))), len(MAILS))
        self.assertEqual(self.fetch_again(home, *options, ok=(1,)), b"")  # 1: no new mail
        DovecotStore(self.server, USER).deliver(corpus.plain_mail(9))
        self.assertEqual(self.subjects(self.fetch_again(home, *options)), [9])
        self.assertEqual(self.upstream_count(), 9)

    def test_stls(self):
        text = self.fetch("", f"fetchall sslproto \"auto\" sslcertck sslcertfile {self.ca.cert}")
        self.assertEqual(len(self.subjects(text)), len(MAILS))


class Poplib(WithTls):
    def session(self, client):
        client.user(USER)
        client.pass_(PASSWORD)
        self.assertEqual(client.stat(), (8, sum(map(len, MAILS))))
        self.assertEqual(len(client.list()[1]), 8)
        self.assertEqual(b"\r\n".join(client.retr(3)[1]) + b"\r\n", MAILS[2])
        self.assertEqual(len(client.top(1, 2)[1]), MAILS[0].split(b"\r\n").index(b"") + 3)
        self.assertTrue(client.quit().startswith(b"+OK"))

    def test_plain(self):
        self.session(poplib.POP3("127.0.0.1", self.plain.port, timeout=30))

    def test_tls(self):
        context = ssl.create_default_context(cafile=self.ca.cert)
        self.session(poplib.POP3_SSL("localhost", self.secure.port, context=context, timeout=30))

    def test_stls_and_capa(self):
        client = poplib.POP3("localhost", self.plain.port, timeout=30)
        capabilities = client.capa()
        for name in ("USER", "UIDL", "TOP", "STLS", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE",
                     "SASL", "UTF8", "EXPIRE", "IMPLEMENTATION", "LANG"):
            self.assertIn(name, capabilities)
        self.assertEqual({*capabilities["SASL"]}, {"PLAIN", "LOGIN"})
        client.stls(ssl.create_default_context(cafile=self.ca.cert))
        self.assertNotIn("STLS", client.capa())
        self.session(client)

    def test_utf8(self):
        client = poplib.POP3("127.0.0.1", self.plain.port, timeout=30)
        self.assertTrue(client.utf8().startswith(b"+OK"))
        self.session(client)


class OldDevices(WithTls):
    def dialogue(self, text):
        """Sends it all in one packet; gives everything up to the end of the connection."""
        client = Pop3(self.plain.port)
        self.addCleanup(client.close)
        client.send(text)
        received = client.greeting + b"\r\n" + client.buffer
        while data := client.sock.recv(65536):
            received += data
        return received

    def statuses(self, text):
        """The first octets of all status lines, with multi-line bodies taken out."""
        text = re.sub(rb"(\+OK[^\r]*\r\n)((?!\+OK|-ERR).*?\r\n)?\.\r\n", rb"\1", text,
                      flags=re.DOTALL)
        return [line.split(b" ")[0].decode() for line in text.split(b"\r\n") if line]

    def test_line_feeds_lower_case_and_spaces(self):
        text = f"user {USER}\npass {PASSWORD}\n stat \nlist  2\nSTAT\t\nRetr 1\nquit\n"
        got = self.dialogue(text.encode())
        self.assertEqual(self.statuses(got)[:5], ["+OK"] * 5)
        self.assertIn(MAILS[0] + b".\r\n", got)
        self.assertTrue(got.rstrip().splitlines()[-1].startswith(b"+OK"))

    def test_whole_session_in_one_packet(self):
        commands = [f"USER {USER}", f"PASS {PASSWORD}", "STAT", "UIDL", "LIST"]
        commands += [f"RETR {n}" for n in range(1, 9)] + ["NOOP", "DELE 1", "RSET", "QUIT"]
        got = self.dialogue("".join(c + "\r\n" for c in commands).encode())
        at = 0
        for mail in MAILS:  # all there, whole, in order
            at = got.index(mail + b".\r\n", at)
        self.assertNotIn(b"-ERR", got)
        self.assertEqual(self.upstream_count(), 8)

    def test_octet_by_octet(self):
        client = Pop3(self.plain.port)
        self.addCleanup(client.close)
        for octet in f"USER {USER}\r\nPASS {PASSWORD}\r\nSTAT\r\nQUIT\r\n".encode():
            client.send(bytes([octet]))
        for _ in range(4):
            client.reply()
        client.expect_end()

    def test_last(self):
        client = self.login(self.plain)
        self.assertEqual(client.command("LAST").split()[1], "0")
        client.retr(4)
        self.assertEqual(client.command("LAST").split()[1], "4")
        client.quit()

    def test_bare_auth_lists_mechanisms(self):
        client = self.connect(self.plain)
        self.assertEqual(set(client.lines("AUTH")), {"PLAIN", "LOGIN"})
        client.login(USER, PASSWORD).quit()

    def test_unknown_commands_are_survived(self):
        client = self.connect(self.plain)
        for command in ("XTND XMIT", "RPOP ann", "HELP", "", "STAT", "RETR 1"):
            with self.subTest(command), self.assertRaises(Refused):
                client.command(command)
        client.login(USER, PASSWORD)
        for command in ("RETR", "RETR x", "RETR 0", "RETR 99", "TOP 1"):
            with self.subTest(command), self.assertRaises(Refused):
                client.command(command)
        self.assertEqual(client.retr(1), MAILS[0])
        client.quit()

    def test_stls_drops_what_was_pipelined(self):
        client = self.connect(self.plain)
        client.send(b"STLS\r\nUSER mallory\r\nPASS x\r\n")
        client.reply()
        context = ssl.create_default_context(cafile=self.ca.cert)
        client.sock = context.wrap_socket(client.sock, server_hostname="localhost")
        client.login(USER, PASSWORD)
        self.assertEqual(client.stat()[0], 8)
        client.quit()

    def test_endless_line(self):
        client = self.connect(self.plain)
        with self.assertRaises((Refused, AssertionError, OSError)):
            for _ in range(1000):
                client.send(b"x" * 10_000)
            client.reply()
        self.login(self.plain).quit()

    def test_folder_by_login(self):
        DovecotStore(self.server, USER, "Work").deliver_all(MAILS[:2])
        gateway = self.gateway(self.server, pop3={"folder_separator": "+"})
        local, _, domain = USER.partition("@")
        for login in (f"{local}+Work@{domain}", f"{USER}+Work"):
            with self.subTest(login):
                self.assertEqual(self.login(gateway, user=login).stat()[0], 2)
        self.assertEqual(self.login(gateway).stat()[0], 8)

    def test_several_folders_as_one(self):
        DovecotStore(self.server, USER, "Work").deliver_all(MAILS[:2])
        gateway = self.gateway(self.server, pop3={"folders": ["INBOX", "Work"]})
        client = self.login(gateway)
        self.assertEqual(client.stat()[0], 10)
        self.assertEqual(len(set(client.uidl().values())), 10)
        self.assertEqual(client.retr(10), MAILS[1])
        self.assertEqual(client.retr(8), MAILS[7])
        client.dele(9)
        client.quit()
        self.assertEqual(self.login(gateway).stat()[0], 9)
        self.assertEqual(self.upstream_count(), 8)
        self.assertEqual(len(glob.glob(self.server.maildir(USER, "Work") + "/???/*.test*")), 1)

    def test_last_messages_and_unseen(self):
        for choice, count in (({"last_messages": 3, "seen": False}, 3), ({"unseen_only": True}, 7)):
            with self.subTest(choice):
                with Mailbox(self.server.port, USER, PASSWORD) as other:
                    other.flag(1, "\\Seen")
                client = self.login(self.gateway(self.server,
                                                 pop3={"seen": False, **choice}))
                self.assertEqual(client.stat()[0], count)
                self.assertEqual(client.retr(count), MAILS[7])
                client.quit()

    def test_last_days(self):
        store = DovecotStore(self.server, USER)
        store.deliver(corpus.plain_mail(9), when=1_000_000_000)
        client = self.login(self.gateway(self.server, pop3={"last_days": 2}))
        self.assertEqual(client.stat()[0], 8)
        client.quit()


if __name__ == "__main__":
    unittest.main()
