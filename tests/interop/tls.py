"""TLS on both sides, with OpenSSL's and curl's clients and with scripted servers: which certificate is
shown, who gets in, what is said of those who do not (CASES T1 to T7)."""

import contextlib
import imaplib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import tls_context
from tests.lib.fakepop3 import FakePop3, Session
from tests.lib.mailferry import run
from tests.lib.pop3 import Pop3, Refused, trusting
from tests.lib.process import PATIENCE, free_port, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

MAILS = [corpus.plain_mail(1)]
OLD = ("-tls1", "-cipher", "ALL:@SECLEVEL=0")


def s_client(port, ca, *arguments, say=b"QUIT\r\n"):
    """What OpenSSL's client tells of a connection, once the server has ended it."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca.cert,
                           "-ign_eof", *arguments], input=say, capture_output=True,
                          timeout=PATIENCE, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def subject(told):
    found = re.search(r"^subject=CN = (.*)$", told, re.M)
    return found and found[1]


class TlsScene(Scene):
    def setUp(self):
        super().setUp()
        self.ca = self.authority()

    def listening(self, url, listener=None, **options):
        """A gateway whose only listener is `url` with a port behind it; `listener`: more of its keys."""
        gateway = self.gateway(self.upstream_of(url), start=False, **options)
        gateway.config["listeners"] = [{"url": f"{url}:{gateway.port}", **(listener or {})}]
        return gateway

    def upstream_of(self, url):
        if url.startswith("pop3"):
            return self.fake(MAILS)
        return f"pop3://127.0.0.1:{self.maildrop().port}"

    def maildrop(self, session=Session, words=()):
        server = FakePop3({USER: PASSWORD}, ("USER", "UIDL", "TOP", *words), session=session).start()
        self.addCleanup(server.stop)
        server.deliver(MAILS[0].replace(b"\n", b"\r\n"))
        return server

    def logged(self, gateway, text):
        gateway.wait_said(text)

    def reload(self, gateway):
        told = gateway.output().count(" reload ")
        gateway.process.signal(signal.SIGHUP)
        wait_until(lambda: gateway.output().count(" reload ") > told, "the reload")


class Names(TlsScene):
    def pair(self, name, *hosts):
        made = self.ca.issue(name, hosts)
        return {"certificate": made.cert, "key": made.key}

    def served(self, **keys):
        first = self.pair("first", "DNS:mail.example.com")
        more = [self.pair("wild", "DNS:*.example.org"), self.pair("exact", "DNS:pop.example.org")]
        return self.listening("pop3s://127.0.0.1",
                              config={"tls": {**first, "certificates": more}}, **keys).start()

    def test_by_openssl(self):
        gateway = self.served()
        for name, shown in (("mail.example.com", "first"), ("pop.example.org", "exact"),
                            ("imap.example.org", "wild"), ("unknown.example", "first")):
            told = s_client(gateway.port, self.ca, "-servername", name)
            self.assertEqual(subject(told), shown, name)
            self.assertIn("Verify return code: 0 (ok)", told)
        self.assertEqual(subject(s_client(gateway.port, self.ca, "-noservername")), "first")

    def test_by_curl(self):
        gateway = self.served()
        for host, status in (("pop.example.org", 0), ("smtp.example.org", 0), ("other.example", 60)):
            done = subprocess.run(
                ["curl", "-sS", "--cacert", self.ca.cert, "--resolve", f"{host}:{gateway.port}:127.0.0.1",
                 "-u", f"{USER}:{PASSWORD}", f"pop3s://{host}:{gateway.port}/"],
                capture_output=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, status, done.stderr)

    def test_behind_starttls_and_by_a_listener_of_its_own(self):
        own = {"certificates": [self.pair("own", "DNS:a.example"), self.pair("second", "DNS:b.example")]}
        for url, protocol in (("pop3://127.0.0.1", "pop3"), ("imap://127.0.0.1", "imap")):
            gateway = self.listening(url, own,
                                     config={"tls": self.pair("not this", "DNS:c.example")}).start()
            for name, shown in (("a.example", "own"), ("b.example", "second"), ("c.example", "own")):
                told = s_client(gateway.port, self.ca, "-starttls", protocol, "-servername", name,
                                say=b"QUIT\r\n" if protocol == "pop3" else b"a LOGOUT\r\n")
                self.assertEqual(subject(told), shown)

    def test_reload(self):
        gateway = self.served()
        made = gateway.config["tls"]["certificates"][1]
        renewed = self.ca.issue("renewed", ["DNS:pop.example.org"])
        for old, new in ((made["certificate"], renewed.cert), (made["key"], renewed.key)):
            shutil.copy(new, old)
        self.reload(gateway)
        self.assertEqual(subject(s_client(gateway.port, self.ca, "-servername", "pop.example.org")),
                         "renewed")

    def test_bad_files_leave_the_old_ones_in_force(self):
        gateway = self.served()
        made = gateway.config["tls"]["certificates"][0]
        key = self.ca.issue("another").key
        for damage in (lambda: shutil.copy(key, made["key"]), lambda: os.unlink(made["key"])):
            damage()
            self.reload(gateway)
            gateway.wait_said(made["key"])
            gateway.wait_said("stays in force")
            self.assertEqual(subject(s_client(gateway.port, self.ca, "-servername", "x.example.org")),
                             "wild")


class Sessions(TlsScene):
    def resume(self, gateway, *arguments):
        return s_client(gateway.port, self.ca, *arguments)

    def test_resumed_also_over_a_reload(self):
        gateway = self.listening("pop3s://127.0.0.1", tls=self.ca.issue("server")).start()
        for version in ("-tls1_2", "-tls1_3"):
            file = self.path("session")
            self.assertIn("\nNew, ", self.resume(gateway, version, "-sess_out", file))
            self.assertIn("\nReused, ", self.resume(gateway, version, "-sess_in", file))
            self.reload(gateway)
            self.assertIn("\nReused, ", self.resume(gateway, version, "-sess_in", file))
        gateway.wait_said(re.compile(r'client-tls tls="TLSv1.3 \S+ resumed"'))
        gateway.wait_said(re.compile(r'client-tls tls="TLSv1.2 \S+ resumed"'))
        gateway.restart()
        self.assertIn("\nNew, ", self.resume(gateway, "-tls1_3", "-sess_in", file))

    def test_upstream(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = tls_context(self.ca.issue("server"))
            context.maximum_version = version
            fake = self.fake(MAILS, tls=context, implicit_tls=True)
            gateway = self.gateway(f"imaps://localhost:{fake.port}?ca={self.ca.cert}",
                                   pop3={"warm_seconds": 0})
            for _ in range(2):
                client = self.login(gateway)
                client.retr(1)
                client.quit()
            gateway.wait_said(re.compile(r'upstream .*tls="TLSv1.\d \S+ resumed"'))


class OldDevices(TlsScene):
    def test_refused_by_default(self):
        gateway = self.listening("pop3s://127.0.0.1", tls=self.ca.issue("server")).start()
        self.assertIn("alert protocol version", s_client(gateway.port, self.ca, *OLD))
        self.logged(gateway, "speaks only TLS older than 1.2, which is not safe; if the device knows "
                             "no better, set tls_minimum at its listener")

    def test_let_in_by_name(self):
        gateway = self.listening("pop3s://127.0.0.1", {"tls_minimum": "1.0"},
                                 tls=self.ca.issue("server")).start()
        say = f"USER {USER}\r\nPASS {PASSWORD}\r\nQUIT\r\n".encode()
        told = s_client(gateway.port, self.ca, *OLD, say=say)
        self.assertRegex(told, r"Protocol *: TLSv1\n")
        self.assertEqual(told.count("+OK"), 4, told)
        self.assertIn("\nNew, TLSv1.3", s_client(gateway.port, self.ca))
        gateway.wait_said(re.compile("(?i)warning: .*tls_minimum 1.0"))
        checked = run("check", "-c", gateway.config_file)
        self.assertIn("tls_minimum 1.0", checked.stderr)
        self.assertIn("1.0 and newer", checked.stdout)

    def test_upstream_by_name(self):
        context = tls_context(self.ca.issue("server"))
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        fake = self.fake(MAILS, tls=context, implicit_tls=True)
        url = f"imaps://localhost:{fake.port}?ca={self.ca.cert}"
        client = self.connect(self.gateway(url))
        client.command(f"USER {USER}")
        with self.assertRaisesRegex(Refused, "localhost does not take TLS 1.2 or newer; .*tls_minimum"):
            client.command(f"PASS {PASSWORD}")
        gateway = self.gateway(url, route={"tls_minimum": "1.0"})
        self.login(gateway).quit()
        gateway.wait_said('tls="TLSv1 ')


class Clients(TlsScene):
    def setUp(self):
        super().setUp()
        self.ann = self.ca.issue("Ann", ["email:ann@example.com"], usage="clientAuth")

    def listens(self, url, demand):
        return self.listening(url, {"client_ca": self.ca.cert, "client_certificate": demand},
                              tls=self.ca.issue("server")).start()

    def test_shown(self):
        for url, extra, end in (("pop3s://127.0.0.1", (), b"QUIT\r\n"),
                                ("imap://127.0.0.1", ("-starttls", "imap"), b"a LOGOUT\r\n")):
            gateway = self.listens(url, "require")
            told = s_client(gateway.port, self.ca, "-cert", self.ann.cert, "-key", self.ann.key, *extra,
                            say=end)
            self.assertIn("CN = test CA", told.split("Acceptable client certificate CA names")[1])
            self.logged(gateway, "certificate=ann@example.com")

    def test_required(self):
        gateway = self.listens("pop3s://127.0.0.1", "require")
        s_client(gateway.port, self.ca)
        self.logged(gateway, "the client has shown no certificate, and this listener requires one")

    def test_requested(self):
        gateway = self.listens("pop3s://127.0.0.1", "request")
        self.assertIn("+OK", s_client(gateway.port, self.ca))

    def test_of_another_authority(self):
        gateway = self.listens("pop3s://127.0.0.1", "request")
        mallory = self.authority().issue("Mallory", ["email:ann@example.com"], usage="clientAuth")
        s_client(gateway.port, self.ca, "-cert", mallory.cert, "-key", mallory.key)
        self.logged(gateway, "the client's certificate is not trusted: ")

    def test_that_is_a_servers(self):
        gateway = self.listens("pop3s://127.0.0.1", "request")
        server = self.ca.issue("other server")
        s_client(gateway.port, self.ca, "-cert", server.cert, "-key", server.key)
        self.logged(gateway, "the client's certificate is not trusted: unsuitable certificate purpose")


class Protocols(TlsScene):
    def test_alpn_of_clients(self):
        for url, own, other in (("pop3s://127.0.0.1", "pop3", "imap"),
                                ("imaps://127.0.0.1", "imap", "http/1.1")):
            gateway = self.listening(url, tls=self.ca.issue("server")).start()
            end = b"QUIT\r\n" if own == "pop3" else b"a LOGOUT\r\n"
            self.assertIn(f"ALPN protocol: {own}",
                          s_client(gateway.port, self.ca, "-alpn", f"h2,{own}", say=end))
            self.assertIn("alert no application protocol",
                          s_client(gateway.port, self.ca, "-alpn", other, say=end))
            self.logged(gateway, f"the client wants another protocol than {own} (ALPN)")

    def test_alpn_of_upstreams(self):
        context = tls_context(self.ca.issue("server"))
        context.set_alpn_protocols(["imap"])
        fake = self.fake(MAILS, tls=context, implicit_tls=True)
        agreed = []
        fake.on("greeting", lambda connection, _: agreed.append(
            connection.sock.selected_alpn_protocol()))
        self.login(self.gateway(f"imaps://localhost:{fake.port}?ca={self.ca.cert}")).quit()
        self.assertEqual(agreed, ["imap"])


class Strangers(TlsScene):
    """Peers that do not speak TLS as they should (T1, T5, T6)."""

    def raw(self, gateway):
        client = socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    @staticmethod
    def drain(client):
        with contextlib.suppress(ConnectionResetError):
            while client.recv(65536):
                pass

    def test_stalled_handshake(self):
        gateway = self.listening("pop3s://127.0.0.1", tls=self.ca.issue("server"),
                                 config={"limits": {"login_seconds": 5}}).start()
        client = self.raw(gateway)
        client.sendall(b"\x16\x03\x01")
        self.drain(client)  # ends by itself
        self.logged(gateway, "TLS handshake timed out")

    def test_stalled_handshake_behind_stls(self):
        for url, begin in (("pop3://127.0.0.1", b"STLS\r\n"), ("imap://127.0.0.1", b"a STARTTLS\r\n")):
            gateway = self.listening(url, tls=self.ca.issue("server"),
                                     config={"limits": {"login_seconds": 5}}).start()
            client = self.raw(gateway)
            client.sendall(begin)
            self.drain(client)
            self.logged(gateway, " end ")

    def test_garbage_and_plain_text(self):
        gateway = self.listening("pop3s://127.0.0.1", tls=self.ca.issue("server")).start()
        for said, told in ((b"CAPA\r\n", "the client does not speak TLS on this port"),
                           (b"\x16\x03\x01\x00\x05garbage", "TLS with the client failed")):
            client = self.raw(gateway)
            client.sendall(said)
            self.drain(client)
            self.logged(gateway, told)
        with Pop3(gateway.port, tls=trusting(self.ca.cert)) as client:
            client.login(USER, PASSWORD).quit()

    def test_tls_on_a_plain_port(self):
        for url in ("pop3://127.0.0.1", "imap://127.0.0.1"):
            gateway = self.listening(url, tls=self.ca.issue("server")).start()
            s_client(gateway.port, self.ca)
            self.logged(gateway, "tls-on-plain-port")

    def test_commands_in_the_clear_behind_stls(self):
        gateway = self.listening("pop3://127.0.0.1", tls=self.ca.issue("server")).start()
        client = self.raw(gateway)
        client.recv(1000)
        client.sendall(b"USER mallory\r\nSTLS\r\nPASS injected\r\nCAPA\r\n")
        told = b""
        while told.count(b"\n") < 2:
            told += client.recv(1000)
        secured = trusting(self.ca.cert).wrap_socket(client, server_hostname="localhost")
        self.addCleanup(secured.close)
        secured.sendall(b"PASS " + PASSWORD.encode() + b"\r\n")
        answer = secured.recv(1000)  # the first one: nothing injected was answered, USER is forgotten
        self.assertTrue(answer.startswith(b"-ERR"), answer)
        self.assertNotIn(b"\n", answer[:-2])
        self.assertNotIn("injected", gateway.output())

    def test_commands_in_the_clear_behind_starttls(self):
        gateway = self.listening("imap://127.0.0.1", tls=self.ca.issue("server")).start()
        client = self.raw(gateway)
        client.recv(1000)
        client.sendall(b"a STARTTLS\r\nb NOOP\r\n")
        told = b""
        while not told.endswith(b"\n"):
            told += client.recv(1000)
        secured = trusting(self.ca.cert).wrap_socket(client, server_hostname="localhost")
        self.addCleanup(secured.close)
        secured.sendall(b"c CAPABILITY\r\n")
        answer = secured.recv(4000)
        self.assertTrue(answer.startswith(b"* CAPABILITY "), answer)
        self.assertNotIn(b"b OK", answer)
        self.assertNotIn(b"STARTTLS", answer)

    def test_client_cut_without_close_notify(self):
        gateway = self.listening("pop3s://127.0.0.1", tls=self.ca.issue("server")).start()
        client = Pop3(gateway.port, tls=trusting(self.ca.cert)).login(USER, PASSWORD)
        client.dele(1)
        client.sock.shutdown(socket.SHUT_WR)
        self.logged(gateway, "the TLS connection was cut off")
        client.close()
        self.assertEqual(len(self.fakes_mail(gateway)), 1)

    def fakes_mail(self, gateway):
        return Pop3(gateway.port, tls=trusting(self.ca.cert)).login(USER, PASSWORD).list()


class Secured(Session):
    """A POP3 server's session with TLS: STLS, with `injected` said in the clear behind its answer, or
    from the first octet."""

    context = None
    implicit = False
    injected = b""

    def handle(self):
        with contextlib.suppress(OSError):
            if self.implicit:
                self.secure()
            super().handle()
            self.connection.close()

    def secure(self):
        self.request = self.context.wrap_socket(self.request, server_side=True)
        self.setup()

    def do_stls(self, _):
        self.send(b"+OK begin\r\n" + self.injected)
        self.secure()
        return b""

    def do_pass(self, password):
        self.drop.passwords.append(password)
        return super().do_pass(password)


class Upstream(TlsScene):
    """What an IMAP client hears of a POP3 server that is not to be trusted (T2, T3, T4), and pins."""

    def secured(self, certificate=None, words=("STLS",), **attributes):
        context = tls_context(certificate or self.ca.issue("server"))
        server = self.maildrop(type("S", (Secured,), {"context": context, **attributes}), words)
        server.passwords = []
        return server

    def imap(self, url, **route):
        gateway = self.gateway(url, listener="imap", route=route)
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        return client

    def refused(self, server, url, words, **route):
        client = self.imap(url, **route)
        with self.assertRaisesRegex(imaplib.IMAP4.error, words):
            client.login(USER, PASSWORD)
        self.assertEqual(server.passwords, [])

    def url(self, server, scheme="pop3s", host="localhost", more=""):
        return f"{scheme}://{host}:{server.port}?ca={self.ca.cert}{more}"

    def test_served(self):
        server = self.secured()
        self.imap(self.url(server, "pop3", more="&tls=starttls")).login(USER, PASSWORD)
        server = self.secured(implicit=True)
        self.imap(self.url(server)).login(USER, PASSWORD)

    def test_stls_taken_out(self):
        server = self.secured(words=())
        self.refused(server, self.url(server, "pop3", more="&tls=starttls"), "there is no TLS")

    def test_clear_text_behind_the_answer(self):
        server = self.secured(injected=b"+OK mallory\r\n")
        self.refused(server, self.url(server, "pop3", more="&tls=starttls"), "clear text came")

    def test_certificates(self):
        deep = ["DNS:*.com"]
        for words, host, certificate in (
                ("made out to another name: other.example", "localhost",
                 self.ca.issue("other", ["DNS:other.example"])),
                ("made out to another name: localhost", "127.0.0.1",
                 self.ca.issue("name", ["DNS:localhost"])),
                ("made out to another name: \\*.com", "localhost", self.ca.issue("wild", deep)),
                ("names no host in its subjectAltName", "localhost", self.ca.issue("localhost", ())),
                ("expired on 2021-01-01", "localhost", self.ca.issue("expired", expired=True)),
                ("not trusted", "localhost", self.authority().issue("stranger"))):
            with self.subTest(words):
                server = self.secured(certificate, implicit=True)
                self.refused(server, self.url(server, host=host), words)

    def pin(self, certificate):
        script = f"openssl x509 -in {certificate} -pubkey -noout | " \
            "openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
        return "sha256/" + subprocess.run(script, shell=True, capture_output=True, text=True,
                                          check=True).stdout.strip()

    def test_pins(self):
        certificate = self.ca.issue("server")
        server = self.secured(certificate, implicit=True)
        for pins in ([self.pin(certificate.cert)], [self.pin(self.ca.cert)],
                     [self.pin(self.ca.issue("old").cert), self.pin(certificate.cert)]):
            self.imap(self.url(server), pins=pins).login(USER, PASSWORD)
            wait_until(lambda: not server.lock.locked(), "the maildrop to be free")
        unverified = f"pop3s://localhost:{server.port}?verify=off"
        self.imap(unverified, pins=[self.pin(certificate.cert)]).login(USER, PASSWORD)
        server.passwords = []
        told = re.escape(f"its key is {self.pin(certificate.cert)}")
        self.refused(server, self.url(server), told, pins=[self.pin(self.ca.issue("old").cert)])
        self.refused(server, unverified, told, pins=[self.pin(self.ca.cert)])

    def test_own_certificate(self):
        for implicit in (True, False):
            context = tls_context(self.ca.issue("server"))
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca.cert)
            fake = self.fake(MAILS, tls=context, implicit_tls=implicit)
            url = f"imap{'s' if implicit else ''}://localhost:{fake.port}?ca={self.ca.cert}"
            gate = self.ca.issue("gate", usage="clientAuth")
            shown = []
            fake.on("CAPABILITY", lambda connection, _: shown.append(
                hasattr(connection.sock, "getpeercert") and connection.sock.getpeercert()))
            self.login(self.gateway(url, route={"certificate": gate.cert, "key": gate.key})).quit()
            self.assertIn("gate", json.dumps(shown))
            client = self.connect(self.gateway(url))
            client.command(f"USER {USER}")
            with self.assertRaises(Refused):
                client.command(f"PASS {PASSWORD}")

    def test_stalled_handshake(self):
        port = free_port()
        with socket.create_server(("127.0.0.1", port)):
            gateway = self.gateway(f"imaps://127.0.0.1:{port}",
                                   config={"limits": {"connect_seconds": 1}})
            client = self.connect(gateway)
            client.command(f"USER {USER}")
            with self.assertRaisesRegex(Refused, "did not finish the TLS handshake within 1 seconds"):
                client.command(f"PASS {PASSWORD}")


if __name__ == "__main__":
    unittest.main()
