"""TLS of IMAP clients and of POP3 upstreams: by the port and by STARTTLS or STLS, and what must not
work (CASES A1, T1 to T6)."""

import contextlib
import imaplib
import os
import re
import socket
import ssl
import subprocess
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import tls_context
from tests.lib.imap_scene import ImapClients, crlf
from tests.lib.namespace import OwnNetwork
from tests.lib.pop3 import trusting
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER
from tests.lib.scripted_pop3 import ScriptedPop3
from tests.lib.stores import DovecotStore

MAILS = [crlf(corpus.plain_mail(n)) for n in range(1, 4)]
LARGE = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 30000


class TlsScene(ImapClients):
    def scripted(self, messages=MAILS, **options):
        fake = ScriptedPop3(messages, {USER: PASSWORD}, **options).start()
        self.addCleanup(fake.stop)
        return fake

    def imap4(self, **options):
        """A client of mailferry that has not logged in."""
        client = imaplib.IMAP4("127.0.0.1", self.gate.port, timeout=PATIENCE, **options)
        self.addCleanup(self.close, client)
        return client

    def raw(self):
        """Its socket, and all that it reads; the greeting was read."""
        sock = socket.create_connection(("127.0.0.1", self.gate.port), timeout=PATIENCE)
        self.addCleanup(sock.close)
        lines = sock.makefile("rb")
        self.addCleanup(lines.close)
        self.assertTrue(lines.readline().startswith(b"* OK"))
        return sock, lines

    def refused(self, *words):
        """A login, which a tagged NO answers; gives what it says."""
        with self.assertRaises(imaplib.IMAP4.error) as caught:
            self.client()
        text = str(caught.exception)
        for word in words:
            self.assertIn(word, text.lower())
        return text


class AcrossANetwork(OwnNetwork, TlsScene):
    """No password in the clear, unless it is allowed by name (CASES A1). The first class by name (see
    OwnNetwork)."""

    def everywhere(self, listener=None, **options):
        fake = self.scripted()
        self.gate = self.imap_gateway(fake.port, start=False, **options)
        self.gate.config["listeners"] = [{"url": f"imap://*:{self.gate.port}", **(listener or {})}]
        self.gate.start()
        return fake

    def far(self):
        client = imaplib.IMAP4(self.ADDRESS, self.gate.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        return client

    def test_client_in_the_clear_is_refused(self):
        fake = self.everywhere()
        client = self.far()
        self.assertIn("LOGINDISABLED", client.capabilities)
        self.assertFalse([name for name in client.capabilities if name.startswith("AUTH=")])
        with self.assertRaisesRegex(imaplib.IMAP4.error, "PRIVACYREQUIRED.*allow_cleartext"):
            client.login(USER, PASSWORD)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "PRIVACYREQUIRED"):
            client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        self.assertEqual([], fake.commands())
        self.client(folder="INBOX", count=3)  # over loopback it is allowed

    def test_client_with_starttls_is_served(self):
        ca = self.authority()
        self.everywhere(tls=ca.issue("gateway", ["IP:192.0.2.1"]))
        client = self.far()
        self.assertIn("LOGINDISABLED", client.capabilities)
        client.starttls(trusting(ca.cert))
        client.login(USER, PASSWORD)
        self.select(client, count=3)

    def test_client_allowed_by_name(self):
        self.everywhere({"allow_cleartext": True})
        client = self.far()
        client.login(USER, PASSWORD)
        self.select(client, count=3)

    def upstream(self, **options):
        fake = self.scripted(host="0.0.0.0", **options)
        return fake, f"pop3://{self.ADDRESS}:{fake.port}"

    def test_upstream_in_the_clear_is_refused(self):
        fake, url = self.upstream()
        self.gate = self.imap_gateway(url)
        self.refused("no tls", "allow_cleartext")
        self.assertNotIn(PASSWORD, fake.all_received())
        self.assertEqual([], fake.commands("USER") + fake.commands("AUTH"))

    def test_upstream_allowed_by_name(self):
        _, url = self.upstream()
        self.gate = self.imap_gateway(url, route={"allow_cleartext": True})
        self.client(folder="INBOX", count=3)

    def test_upstream_with_apop_tells_no_password(self):
        fake, url = self.upstream(apop=True)
        self.route = {**self.route, "allow_apop": True}
        self.gate = self.imap_gateway(url)
        self.client(folder="INBOX", count=3)
        self.assertNotIn(PASSWORD, fake.all_received())


class Clients(TlsScene):
    """Of Dovecot's maildrop; the gateway has a certificate."""

    def setUp(self):
        super().setUp()
        self.ca = self.authority()
        server = self.dovecot(pop3=True)
        DovecotStore(server, USER).deliver_all(MAILS)
        self.upstream = server.pop3_port

    def serve(self, listener="imap", query="", **options):
        self.gate = self.imap_gateway(self.upstream, listener=listener, tls=self.ca.issue("gate"),
                                      start=False, **options)
        self.gate.config["listeners"][0]["url"] += query
        self.gate.start()

    def read(self, client):
        client.login(USER, PASSWORD)
        self.select(client, count=3)
        self.assertEqual(MAILS[2], self.body(client, 3))
        client.logout()

    def test_imaplib(self):
        self.serve("imaps")
        self.read(imaplib.IMAP4_SSL("localhost", self.gate.port, timeout=PATIENCE,
                                    ssl_context=trusting(self.ca.cert)))
        self.gate.stop()
        self.serve()
        client = imaplib.IMAP4("localhost", self.gate.port, timeout=PATIENCE)
        client.starttls(trusting(self.ca.cert))
        self.assertNotIn("STARTTLS", client.capabilities)
        self.assertIn("AUTH=PLAIN", client.capabilities)
        self.read(client)

    def test_curl(self):
        for scheme, options in (("imaps", []), ("imap", ["--ssl-reqd"])):
            with self.subTest(scheme):
                self.serve(scheme)
                done = subprocess.run(
                    ["curl", "-sS", "--max-time", "25", "-u", f"{USER}:{PASSWORD}", "--cacert",
                     self.ca.cert, *options,
                     f"{scheme}://localhost:{self.gate.port}/INBOX;MAILINDEX=2"],
                    capture_output=True, check=False)
                self.assertEqual(0, done.returncode, done.stderr)
                self.assertEqual(MAILS[1], done.stdout)

    def test_openssl(self):
        for scheme, options in (("imaps", []), ("imap", ["-starttls", "imap"])):
            with self.subTest(scheme):
                self.serve(scheme)
                done = subprocess.run(
                    ["openssl", "s_client", "-connect", f"localhost:{self.gate.port}", "-CAfile",
                     self.ca.cert, "-verify_return_error", "-verify_hostname", "localhost",
                     "-quiet", "-ign_eof", *options], timeout=PATIENCE,
                    input=f"a LOGIN {USER} {PASSWORD}\r\nb LOGOUT\r\n".encode(),
                    capture_output=True, check=False)
                self.assertEqual(0, done.returncode, done.stderr)
                self.assertRegex(done.stdout, rb"(?m)^a OK")
                self.assertRegex(done.stdout, rb"(?m)^b OK")

    def test_mbsync(self):
        for scheme, kind in (("imaps", "IMAPS"), ("imap", "STARTTLS")):
            with self.subTest(scheme):
                self.serve(scheme)
                home = self.path("mbsync")
                os.makedirs(home)
                rc = os.path.join(home, "rc")
                with open(os.open(rc, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                    f.write(_MBSYNC.format(port=self.gate.port, user=USER, password=PASSWORD,
                                           kind=kind, ca=self.ca.cert, directory=home))
                done = subprocess.run(["mbsync", "-c", rc, "mail"], capture_output=True, text=True,
                                      timeout=PATIENCE, env={**os.environ, "HOME": home},
                                      check=False)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)
                self.assertEqual(3, len(os.listdir(os.path.join(home, "INBOX", "new"))))

    def test_tls_demanded(self):
        self.serve(query="?tls=starttls")
        client = self.imap4()
        self.assertIn("LOGINDISABLED", client.capabilities)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "PRIVACYREQUIRED"):
            client.login(USER, PASSWORD)

    def test_tls_off(self):
        self.serve(query="?tls=off")
        client = self.imap4()
        self.assertNotIn("STARTTLS", client.capabilities)
        with self.assertRaises(imaplib.IMAP4.error):
            client._simple_command("STARTTLS")
        self.read(client)

    def test_commands_behind_starttls(self):
        """What came in the clear is no command of the TLS session (CASES T1)."""
        self.serve()
        sock, lines = self.raw()
        sock.sendall(b"a STARTTLS\r\nb CREATE injected\r\nc LOGIN %b %b\r\n"
                     % (USER.encode(), PASSWORD.encode()))
        self.assertRegex(lines.readline(), rb"^a OK")
        try:
            tls = trusting(self.ca.cert).wrap_socket(sock, server_hostname="localhost")
            tls.sendall(b"d NOOP\r\n")
            answer = tls.recv(4096)
        except (ssl.SSLError, ConnectionError):
            answer = b""  # or the connection is refused altogether
        self.assertIn(answer[:4], (b"", b"d OK"))
        self.gate.stop()
        self.assertNotRegex(self.gate.output(), r" login |injected")

    def test_starttls_twice_and_too_late(self):
        self.serve()
        client = imaplib.IMAP4("localhost", self.gate.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        client.starttls(trusting(self.ca.cert))
        client.send(b"x STARTTLS\r\n")
        self.assertRegex(client.readline(), rb"^x (BAD|NO)")
        client = self.client()
        client.send(b"x STARTTLS\r\n")
        self.assertRegex(client.readline(), rb"^x (BAD|NO)")

    def test_handshake_that_stalls(self):
        """CASES T5: bounded in time, and nobody else waits."""
        for listener in ("imap", "imaps"):
            with self.subTest(listener):
                self.serve(listener, config={"limits": {"login_seconds": 5}})
                with socket.create_connection(("127.0.0.1", self.gate.port), PATIENCE) as sock:
                    if listener == "imap":
                        sock.recv(4096)
                        sock.sendall(b"a STARTTLS\r\n")
                        self.assertIn(b"a OK", sock.recv(4096))
                    sock.sendall(b"\x16\x03\x01\x02\x00")
                    with contextlib.suppress(ConnectionError):
                        while sock.recv(4096):
                            pass
                self.gate.stop()

    def test_clear_text_on_the_tls_port(self):
        self.serve("imaps")
        with socket.create_connection(("127.0.0.1", self.gate.port), PATIENCE) as sock:
            sock.sendall(b"a LOGIN ann secret\r\n")
            with contextlib.suppress(ConnectionError):
                while sock.recv(4096):
                    pass
        wait_until(lambda: re.search(r"(?i)tls", self.gate.output().partition("listening")[2]),
                   "a line that says what happened")

    def test_tls_on_the_clear_port(self):
        self.serve()
        with self.assertRaises((ssl.SSLError, OSError)):
            imaplib.IMAP4_SSL("localhost", self.gate.port, timeout=PATIENCE,
                              ssl_context=trusting(self.ca.cert))
        self.client(folder="INBOX", count=3)


_MBSYNC = """\
IMAPAccount ferry
Host localhost
Port {port}
User {user}
Pass {password}
SSLType {kind}
CertificateFile {ca}

IMAPStore far
Account ferry

MaildirStore near
Path {directory}/
Inbox {directory}/INBOX

Channel mail
Far :far:
Near :near:
Create Near
Sync Pull
SyncState *
"""


class Upstreams(TlsScene):
    """Dovecot's POP3 with TLS."""

    def setUp(self):
        super().setUp()
        self.ca = self.authority()
        self.server = self.dovecot(pop3=True, tls=self.ca.issue("server"),
                                   extra="disable_plaintext_auth = yes\n")
        DovecotStore(self.server, USER).deliver_all(MAILS)

    def read(self, url):
        self.gate = self.imap_gateway(url)
        client = self.client(folder="INBOX", count=3)
        self.assertEqual(MAILS, [self.body(client, n) for n in (1, 2, 3)])
        self.ok(client.store("2", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.select(client, count=2)
        self.gate.wait_said(re.compile(r" upstream(-tls)? .*tls=\"?TLSv1\.[23]"))

    def test_pop3s(self):
        self.read(f"pop3s://localhost:{self.server.pop3s_port}?ca={self.ca.cert}")

    def test_stls(self):
        self.read(f"pop3://localhost:{self.server.pop3_port}?ca={self.ca.cert}&tls=starttls")

    def test_stls_where_it_is_offered(self):
        self.read(f"pop3://localhost:{self.server.pop3_port}?ca={self.ca.cert}")


class Certificates(TlsScene):
    """Refused, with the reason in words, before anything of a password was sent (CASES T4)."""

    def refused_with(self, *words, issue=None, host="localhost", trust=None):
        ca = self.authority()
        certificate = ca.issue("server", **(issue or {}))
        for implicit in (True, False):
            with self.subTest(implicit=implicit):
                fake = self.scripted(tls=tls_context(certificate), implicit_tls=implicit)
                scheme, more = ("pop3s", "") if implicit else ("pop3", "&tls=starttls")
                self.gate = self.imap_gateway(
                    f"{scheme}://{host}:{fake.port}?ca={(trust or ca).cert}{more}")
                text = self.refused("certificate").lower()
                self.assertTrue(any(word in text for word in words), text)
                self.assertRegex(text, r"\[(unavailable|cannot|contactadmin)\]")
                for secret in (PASSWORD, "USER", "AUTH", "APOP"):
                    self.assertNotIn(secret, fake.all_received())

    def test_wrong_host(self):
        self.refused_with("host", "name", issue={"hosts": ["DNS:other.example.com"]})

    def test_wrong_address(self):
        self.refused_with("address", "name", host="127.0.0.1", issue={"hosts": ["DNS:localhost"]})

    def test_expired(self):
        self.refused_with("expired", issue={"expired": True})

    def test_unknown_authority(self):
        self.refused_with("issuer", "self-signed", "trust", "authority", trust=self.authority())

    def test_not_verified_on_request(self):
        ca = self.authority()
        fake = self.scripted(tls=tls_context(ca.issue("server", ["DNS:other.example.com"])),
                             implicit_tls=True)
        self.gate = self.imap_gateway(f"pop3s://localhost:{fake.port}?verify=off")
        self.client(folder="INBOX", count=3)
        self.gate.wait_said(re.compile("(?i)warn"))


class Stls(TlsScene):
    limits = {"response_seconds": 4, "connect_seconds": 4}

    def serve(self, query="?tls=starttls", **options):
        """A server that can TLS, and mailferry, which demands it."""
        ca = self.authority()
        fake = self.scripted(tls=tls_context(ca.issue("server")), **options)
        scheme = "pop3s" if options.get("implicit_tls") else "pop3"
        self.gate = self.imap_gateway(
            f"{scheme}://localhost:{fake.port}{query}{'&' if query else '?'}ca={ca.cert}",
            config={"limits": self.limits})
        return fake

    def nothing_was_told(self, fake):
        for secret in (PASSWORD, "USER", "AUTH", "APOP"):
            self.assertNotIn(secret, fake.all_received())

    def test_taken_out_of_the_capabilities(self):
        """CASES T3."""
        fake = self.serve()
        fake.on("CAPA", lambda *_: b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.\r\n")
        self.refused("tls", "no password was sent")
        self.nothing_was_told(fake)

    def test_refused(self):
        fake = self.serve()
        fake.on("STLS", lambda *_: b"-ERR not today\r\n")
        self.refused("stls", "no password was sent")
        self.nothing_was_told(fake)

    def test_clear_text_behind_the_answer(self):
        """CASES T2."""
        fake = self.serve()

        def inject(session, _):
            session.send(b"+OK begin\r\n+OK\r\nUIDL\r\n.\r\n")
            session.start_tls()
            return b""
        fake.on("STLS", inject)
        self.refused("tls")
        self.nothing_was_told(fake)

    def test_capabilities_from_before_are_forgotten(self):
        fake = self.serve()
        fake.on("CAPA", lambda session, _:
                None if session.has_tls() else b"+OK\r\nSTLS\r\nSASL LOGIN\r\n.\r\n")
        self.client(folder="INBOX", count=3)
        self.assertEqual(["CAPA", "STLS", "CAPA", f"USER {USER}"], fake.commands()[:4])

    def test_handshake_that_stalls(self):
        """CASES T5."""
        fake = self.serve()
        fake.on("STLS", lambda session, _: session.send(b"+OK begin\r\n") or session.stall())
        self.assertIn("[UNAVAILABLE]", self.refused())
        self.nothing_was_told(fake)

    def test_handshake_that_never_begins(self):
        fake = self.scripted()
        fake.on("greeting", lambda session, _: session.stall())
        self.gate = self.imap_gateway(f"pop3s://localhost:{fake.port}",
                                      config={"limits": self.limits})
        self.assertIn("[UNAVAILABLE]", self.refused("tls handshake"))

    def test_handshake_of_garbage(self):
        fake = self.serve()
        fake.on("STLS", lambda session, _: session.send(b"+OK begin\r\n")
                or b"this is no handshake at all\r\n")
        self.refused("tls")
        self.nothing_was_told(fake)

    def test_clear_text_where_tls_is_spoken(self):
        ca = self.authority()
        fake = self.scripted()
        self.gate = self.imap_gateway(f"pop3s://localhost:{fake.port}?ca={ca.cert}")
        self.refused("tls")
        self.nothing_was_told(fake)

    def test_cut_inside_a_message(self):
        """Without close_notify, and in the middle: never a whole message (CASES T6)."""
        for implicit in (False, True):
            with self.subTest(implicit=implicit):
                fake = self.serve("" if implicit else "?tls=starttls", messages=[LARGE],
                                  implicit_tls=implicit)
                client = self.client(folder="INBOX", count=1)

                def half(session, argument):
                    answer = session.do_retr(argument)
                    session.send(answer[:len(answer) // 2])
                    session.close()
                fake.on("RETR", half)
                status, found = client.fetch("1", "(BODY.PEEK[])")
                self.assertEqual("NO", status, str(found)[:200])
                fake.off("RETR")
                wait_until(lambda: client.fetch("1", "(BODY.PEEK[])")[0] == "OK", "its return")
                self.assertEqual(LARGE, self.body(client, 1))

    def test_cut_behind_a_message(self):
        """The end mark has come, so the message is whole, whatever becomes of TLS."""
        fake = self.serve()
        fake.on("RETR", lambda session, argument:
                session.send(session.do_retr(argument)) or session.close())
        client = self.client(folder="INBOX", count=3)
        self.assertEqual(MAILS[0], self.body(client, 1))


if __name__ == "__main__":
    unittest.main()
