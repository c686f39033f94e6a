"""A device whose password is held proves that it knows it: APOP, CRAM-MD5 and SCRAM by real clients,
to a real Dovecot; who gets in by that, and who does not."""

import base64
import contextlib
import hashlib
import imaplib
import json
import os
import poplib
import re
import signal
import ssl
import subprocess

from tests.interop.authorize import MADE, Authorization
from tests.lib import corpus, secrecy
from tests.lib.authorizing import Authorizing
from tests.lib.pop3 import Pop3, Refused, trusting
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.scram import Scram
from tests.lib.stores import DovecotStore

SCRAMS = ("SCRAM-SHA-256", "SCRAM-SHA-1")
PROOFS = (*SCRAMS, "CRAM-MD5")
WRONG = "wr0ng-guess-of-it"
REFUSED = "[AUTH] Authentication failed."


def apop(client, user, password):
    timestamp = client.greeting[client.greeting.index(b"<"):]
    client.command(f"APOP {user} {hashlib.md5(timestamp + password.encode()).hexdigest()}")


def scram(client, mechanism, user, password, **options):
    """AUTH by `mechanism`; the exchange, for what it has learnt."""
    exchange = Scram(mechanism, user, password, **options)
    first = client.command(f"AUTH {mechanism} {base64.b64encode(exchange.first()).decode()}")
    final = exchange.final(base64.b64decode(first[2:]))
    last = base64.b64decode(client.command(base64.b64encode(final).decode())[2:])
    if not exchange.trusts(last):
        raise AssertionError("the server does not know the password")
    client.command("")
    return exchange


class Held(Scene):
    def setUp(self):
        super().setUp()
        secrecy.keep(WRONG)

    def upstream(self):
        server = self.dovecot(pop3=True)
        DovecotStore(server, USER).deliver_all([corpus.plain_mail(n) for n in range(2)])
        return server

    def before(self, server, imap=False, **options):
        """A gateway that was not started, with its configuration written."""
        url = f"pop3://127.0.0.1:{server.pop3_port}" if imap else f"imap://127.0.0.1:{server.port}"
        made = self.gateway(url, listener="imap" if imap else "pop3", start=False, **options)
        made.write_config()
        return made

    def run_with(self, gateway, command, *options, lines=(), status=0):
        ran = Authorizing(command, USER, "-c", gateway.config_file, *options)
        self.addCleanup(ran.close)
        for line in lines:
            ran.say(line)
        self.assertEqual(ran.end(), status, ran.text)
        return ran.text

    def made_by(self, gateway, command, *options, lines):
        """The password that it makes."""
        shown = self.run_with(gateway, command, *options, lines=lines)
        return re.search(MADE, shown).group(1)

    def authorize(self, gateway, *options):
        """The first device's password, which is held."""
        return self.made_by(gateway, "authorize", "--device", "till", "--held", *options,
                            lines=[PASSWORD])

    def add(self, gateway, known, *options):
        return self.made_by(gateway, "passwd", *options, lines=[known])

    def scene(self, *options, imap=False, **more):
        gateway = self.before(self.upstream(), imap=imap, **more)
        return gateway, self.authorize(gateway, *options)

    def refused(self, gateway, attempt, words=REFUSED):
        with self.assertRaises(Refused) as caught:
            attempt(self.connect(gateway))
        self.assertIn(words, str(caught.exception))

    def offered(self, gateway):
        """What the greeting and CAPA offer."""
        client = self.connect(gateway)
        mechanisms = next(line for line in client.lines("CAPA") if line.startswith("SASL "))
        client.close()
        return b"<" in client.greeting, mechanisms.split()[1:]


class Pop3Clients(Held):
    def test_poplib(self):
        gateway, password = self.scene()
        gateway.start()
        client = poplib.POP3("127.0.0.1", gateway.port, timeout=PATIENCE)
        client.apop(USER, password)
        self.assertEqual(client.stat()[0], 2)
        client.quit()
        client = poplib.POP3("127.0.0.1", gateway.port, timeout=PATIENCE)
        with self.assertRaisesRegex(poplib.error_proto, "Authentication failed"):
            client.apop(USER, WRONG)
        client.apop(USER, password)  # on the same connection
        client.quit()

    def test_curl(self):
        gateway, password = self.scene()
        gateway.start()
        for how in ("AUTH=CRAM-MD5", "AUTH=+APOP", "AUTH=PLAIN"):
            for given, status in ((password, 0), (WRONG, 67)):
                with self.subTest(how, status=status):
                    config = f'user = "{USER}:{given}"\n'
                    done = subprocess.run(
                        ["curl", "-sS", "-K", "-", "--login-options", how,
                         f"pop3://127.0.0.1:{gateway.port}/1"],
                        input=config, capture_output=True, text=True, timeout=PATIENCE, check=False)
                    self.assertEqual(done.returncode, status, done.stderr)
                    self.assertEqual("Subject:" in done.stdout, status == 0)

    def test_fetchmail(self):
        """It takes APOP when it is told to, and no password goes over the wire."""
        gateway, password = self.scene()
        gateway.start()
        home = self.path("fetchmail")
        os.mkdir(home, 0o700)
        rc = os.path.join(home, "rc")
        with open(os.open(rc, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write(f'poll 127.0.0.1 protocol APOP port {gateway.port} user "{USER}" '
                    f'password "{password}" sslproto "" keep mda "cat >> {home}/mail"\n')
        subprocess.run(["fetchmail", "-f", rc, "--nosyslog", "-i", os.path.join(home, "ids")],
                       env={**os.environ, "HOME": home, "FETCHMAILHOME": home}, check=True,
                       capture_output=True, timeout=PATIENCE)
        with open(os.path.join(home, "mail"), "rb") as f:
            self.assertEqual(f.read().count(b"\nSubject:"), 2)
        gateway.wait_said("client-says message=APOP")


class ImapClients(Held):
    def imap(self, gateway):
        client = imaplib.IMAP4("127.0.0.1", gateway.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        return client

    @staticmethod
    def close(client):
        with contextlib.suppress(OSError):  # it has logged out
            client.shutdown()

    def test_imaplib(self):
        gateway, password = self.scene(imap=True)
        gateway.start()
        client = self.imap(gateway)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            client.login_cram_md5(USER, WRONG)
        client.login_cram_md5(USER, password)
        self.assertEqual(client.select()[1], [b"2"])
        client.logout()

    def test_after_a_refusal(self):
        """Whichever loop the session was on, and has moved to for the attempt that was refused."""
        gateway, password = self.scene(imap=True)
        gateway.start()
        for _ in range(8):
            client = self.imap(gateway)
            with self.assertRaises(imaplib.IMAP4.error):
                client.login(USER, WRONG)
            with self.assertRaises(imaplib.IMAP4.error):
                client.login_cram_md5("nobody", WRONG)
            client.login_cram_md5(USER, password)
            client.logout()

    def gsasl(self, gateway, mechanism, password, *options):
        """Whether GNU SASL's own client is let in."""
        done = subprocess.run(
            ["gsasl", "--imap", "--verbose", "--connect", f"localhost:{gateway.port}",
             "--mechanism", mechanism, "--authentication-id", USER, "--authorization-id", "",
             "--password", password, *options], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=PATIENCE, check=False)
        return done.returncode == 0 and "server trusted" in done.stderr

    def test_gsasl(self):
        gateway, password = self.scene(imap=True)
        gateway.start()
        for mechanism in PROOFS:
            with self.subTest(mechanism):
                self.assertTrue(self.gsasl(gateway, mechanism, password, "--no-starttls"))
                self.assertFalse(self.gsasl(gateway, mechanism, WRONG, "--no-starttls"))
        gateway.wait_said(" login user=", times=len(PROOFS))

    def test_gsasl_with_channel_binding(self):
        """tls-exporter of TLS 1.3, tls-unique of TLS 1.2."""
        authority = self.authority()
        gateway, password = self.scene(imap=True, tls=authority.issue("gateway"))
        gateway.start()
        tls = ("--starttls", "--x509-ca-file", authority.cert)
        for mechanism in SCRAMS:
            for version in ("NORMAL", "NORMAL:-VERS-TLS1.3"):
                with self.subTest(mechanism, version=version):
                    how = (*tls, "--priority", version)
                    self.assertTrue(self.gsasl(gateway, f"{mechanism}-PLUS", password, *how))
                    self.assertFalse(self.gsasl(gateway, f"{mechanism}-PLUS", WRONG, *how))
            self.assertTrue(self.gsasl(gateway, mechanism, password, "--no-cb", *tls))
        self.assertFalse(self.gsasl(gateway, "SCRAM-SHA-256-PLUS", password, "--no-starttls"))


class Scrams(Held):
    """What only a client that can be made to err shows."""

    def test_right_and_wrong(self):
        gateway, password = self.scene()
        gateway.start()
        for mechanism in SCRAMS:
            with self.subTest(mechanism):
                client = self.connect(gateway)
                scram(client, mechanism, USER, password)
                self.assertEqual(client.stat()[0], 2)
                self.refused(gateway, lambda c: scram(c, mechanism, USER, WRONG))  # noqa: B023
                self.refused(gateway, lambda c: scram(c, mechanism, "bob", WRONG))  # noqa: B023
        gateway.wait_said("login-refused address=127.0.0.1 cause=password", times=4)

    def told(self, gateway, user, mechanism=SCRAMS[0]):
        """Salt and iterations as somebody sees them who knows no password."""
        exchange = Scram(mechanism, user, WRONG)
        client = self.connect(gateway)
        first = client.command(f"AUTH {mechanism} {base64.b64encode(exchange.first()).decode()}")
        exchange.final(base64.b64decode(first[2:]))
        client.close()
        return exchange.salt, exchange.iterations

    def test_nobody_looks_like_somebody(self):
        """And stays as he is over a restart."""
        gateway, _ = self.scene()
        gateway.start()
        for mechanism in SCRAMS:
            ann, nobody = (self.told(gateway, user, mechanism) for user in (USER, "nobody"))
            self.assertEqual((len(ann[0]), ann[1]), (len(nobody[0]), nobody[1]))
            self.assertNotEqual(ann, nobody)
            gateway.restart()
            self.assertEqual(ann, self.told(gateway, USER, mechanism))
            self.assertEqual(nobody, self.told(gateway, "nobody", mechanism))

    def test_a_revoked_device_looks_as_before(self):
        gateway, first = self.scene()
        gateway.start()
        self.add(gateway, first, "--device", "other")
        before = self.told(gateway, USER)
        self.run_with(gateway, "passwd", "--revoke", "till")
        self.assertEqual(before, self.told(gateway, USER))
        self.refused(gateway, lambda c: scram(c, SCRAMS[0], USER, first))

    def test_channel_binding_over_pop3(self):
        """tls-unique, which Python can tell, of TLS 1.2; another connection's is found out, and so
        is one who was made to believe that there is no -PLUS (RFC 5802 section 6)."""
        authority = self.authority()
        gateway, password = self.scene(tls=authority.issue("gateway"))
        gateway.start()
        context = trusting(authority.cert)
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        def connect():
            client = self.connect(gateway)
            client.command("STLS")
            client.sock = context.wrap_socket(client.sock, server_hostname="localhost")
            return client, client.sock.get_channel_binding("tls-unique")

        for mechanism in SCRAMS:
            with self.subTest(mechanism):
                client, binding = connect()
                scram(client, f"{mechanism}-PLUS", USER, password, flag="p=tls-unique",
                      binding=binding)
                self.assertEqual(client.stat()[0], 2)
                for flag, name, of in (("p=tls-unique", f"{mechanism}-PLUS", binding),
                                       ("y", mechanism, b"")):
                    client, _ = connect()
                    with self.assertRaises(Refused):
                        scram(client, name, USER, password, flag=flag, binding=of)
                client, _ = connect()
                scram(client, mechanism, USER, password)
                client.quit()


class Devices(Held):
    def test_limits(self):
        gateway, password = self.scene("--pop3-only", "--never-delete")
        gateway.start()
        client = self.connect(gateway)
        apop(client, USER, password)
        client.dele(1)
        client.quit()
        client = self.connect(gateway)
        apop(client, USER, password)
        self.assertEqual(client.stat()[0], 1)
        self.assertEqual(self.login(gateway).stat()[0], 2)

    def test_another_protocol(self):
        gateway, password = self.scene("--imap-only")
        gateway.start()
        self.refused(gateway, lambda c: apop(c, USER, password), "not for this protocol")
        gateway.wait_said("cause=permission")

    def test_its_password_is_good_as_ever(self):
        gateway, password = self.scene()
        gateway.start()
        self.assertEqual(self.login(gateway, password=password).stat()[0], 2)

    def test_only_the_held_one_proves(self):
        gateway, first = self.scene()
        gateway.start()
        other = self.add(gateway, first, "--device", "other")
        self.refused(gateway, lambda c: apop(c, USER, other))
        self.assertEqual(self.login(gateway, password=other).stat()[0], 2)

    def test_a_second_one(self):
        gateway, first = self.scene()
        text = self.run_with(gateway, "passwd", "--device", "second", "--held", lines=[first],
                             status=1)
        self.assertIn('"till" is held already', text)
        listed = json.loads(self.run_with(gateway, "passwd", "--list", "--json"))
        self.assertEqual([(d["name"], d["held"]) for d in listed], [("till", True)])
        self.assertNotIn("sealed", str(listed))
        self.assertIn("password held", self.run_with(gateway, "passwd", "--list"))
        other = self.add(gateway, first, "--device", "other")
        self.run_with(gateway, "passwd", "--revoke", "till")
        self.add(gateway, other, "--device", "second", "--held")

    def test_command_line(self):
        gateway = self.before(self.upstream())
        for options, words in ((["--held"], "--device NAME"), (["--held", "--list"], "give one of")):
            self.assertIn(words, self.run_with(gateway, "passwd", *options, status=2))

    def test_passwords_that_devices_disagree_on(self):
        gateway = self.before(self.upstream())
        text = self.run_with(gateway, "authorize", "--held", "--password-stdin",
                             lines=["sm\u00f6rg\u00e5sbord", PASSWORD], status=1)
        self.assertIn("ASCII", text)
        self.assertFalse(os.path.exists(os.path.join(gateway.state_dir, "held.key")))

    def test_revoked_at_once(self):
        gateway, password = self.scene()
        self.add(gateway, password, "--device", "other")
        gateway.start()
        client = self.connect(gateway)
        self.run_with(gateway, "passwd", "--revoke", "till")
        with self.assertRaises(Refused):
            apop(client, USER, password)
        for mechanism in SCRAMS:
            self.refused(gateway, lambda c: scram(c, mechanism, USER, password))  # noqa: B023

    def test_guesses_count(self):
        gateway, password = self.scene(config={"limits": {
            "trusted_networks": ["192.0.2.0/24"], "login_refusals": 3, "block_seconds": 600}})
        gateway.start()
        for attempt in (lambda c: apop(c, USER, WRONG),
                        lambda c: scram(c, SCRAMS[0], USER, WRONG),
                        lambda c: apop(c, "nobody", WRONG)):
            self.refused(gateway, attempt)
        self.refused(gateway, lambda c: apop(c, USER, password))
        gateway.wait_said("turned-away")

    def test_where_devices_have_no_passwords(self):
        gateway, _ = self.scene()
        gateway.config["routes"][0]["device_passwords"] = "off"
        gateway.start()
        self.assertEqual(self.offered(gateway), (False, ["PLAIN", "LOGIN"]))

    def test_a_listener_that_does_not_offer_it(self):
        gateway, _ = self.scene()
        gateway.config["listeners"][0]["held_passwords"] = False
        gateway.start()
        self.assertEqual(self.offered(gateway), (False, ["PLAIN", "LOGIN"]))
        self.refused(gateway, lambda c: c.command(f"APOP {USER} {'0' * 32}"), "not offered")


class Key(Held):
    def key(self, gateway):
        return os.path.join(gateway.state_dir, "held.key")

    def offers(self, gateway, wanted):
        """Without a restart."""
        wait_until(lambda: self.offered(gateway)[0] == wanted, f"APOP offered: {wanted}")

    def test_nothing_is_offered_before_it_is_there(self):
        gateway = self.before(self.upstream())
        gateway.start()
        self.assertEqual(self.offered(gateway), (False, ["PLAIN", "LOGIN"]))
        password = self.authorize(gateway)
        self.assertEqual(os.stat(self.key(gateway)).st_mode & 0o777, 0o600)
        self.offers(gateway, True)
        self.assertEqual(self.offered(gateway)[1], [*PROOFS, "PLAIN", "LOGIN"])
        apop(self.connect(gateway), USER, password)

    def test_gone_and_back(self):
        gateway, password = self.scene()
        gateway.start()
        waiting = self.connect(gateway)
        os.rename(self.key(gateway), self.key(gateway) + ".away")
        gateway.wait_said("there is no " + self.key(gateway))
        self.assertEqual(self.offered(gateway), (False, ["PLAIN", "LOGIN"]))
        with self.assertRaisesRegex(Refused, "Authentication failed"):
            apop(waiting, USER, password)
        self.assertEqual(self.login(gateway, password=password).stat()[0], 2)
        os.rename(self.key(gateway) + ".away", self.key(gateway))
        self.offers(gateway, True)
        apop(self.connect(gateway), USER, password)

    def test_damaged(self):
        gateway, password = self.scene()
        with open(self.key(gateway), "ab") as f:
            f.write(b"x")
        gateway.start()
        gateway.wait_said(self.key(gateway) + " does not hold the 32 octets")
        self.assertEqual(self.offered(gateway), (False, ["PLAIN", "LOGIN"]))
        self.assertIn("does not hold", self.run_with(gateway, "passwd", "--device", "other",
                                                     "--held", lines=[password], status=1))

    def test_unreadable(self):
        """It is told, and taken when that is mended. (A link to itself, as root reads all files.)"""
        path = self.path("held.key")
        os.symlink(path, path)
        gateway = self.before(self.upstream(), config={"state": {"held_key_file": path}})
        gateway.start()
        gateway.wait_said("held-key message=\"cannot open " + path)
        self.assertFalse(self.offered(gateway)[0])
        os.unlink(path)
        self.authorize(gateway)
        self.offers(gateway, True)

    def test_another_one(self):
        gateway, password = self.scene()
        with open(self.key(gateway), "wb") as f:
            f.write(bytes(32))
        gateway.start()
        self.refused(gateway, lambda c: apop(c, USER, password))
        gateway.wait_said("was changed, or held with another key")

    def test_moved(self):
        """Where it is cannot change while the process lives."""
        gateway, password = self.scene()
        gateway.start()
        gateway.config["state"]["held_key_file"] = self.path("held.key")
        gateway.write_config()
        gateway.process.signal(signal.SIGHUP)
        gateway.wait_said("the file of the key of held passwords has changed")
        apop(self.connect(gateway), USER, password)

    def test_elsewhere(self):
        path = self.path("held.key")
        gateway, password = self.scene(config={"state": {"held_key_file": path}})
        with open(path, "rb") as f:
            secrecy.keep(f.read(), "the key")
        self.assertEqual(os.path.getsize(path), 32)
        self.assertFalse(os.path.exists(self.key(gateway)))
        gateway.start()
        apop(self.connect(gateway), USER, password)


class OAuth(Authorization):
    """The till that knows only APOP reads a mailbox whose server takes OAuth 2.0 alone."""

    def test_apop(self):
        server = self.upstream()
        DovecotStore(server, USER).deliver(corpus.plain_mail(1))
        gateway = self.scene(server)
        walk = self.authorize(gateway, "--held")
        self.type_code(walk)
        password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        gateway.start()
        for attempt in (apop, lambda *given: scram(given[0], SCRAMS[0], *given[1:])):
            client = self.connect(gateway)
            attempt(client, USER, password)
            self.assertEqual(client.stat()[0], 1)
            client.quit()
