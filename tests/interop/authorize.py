"""A person authorizes the gateway at a real OpenID provider, whose tokens a real Dovecot checks by
asking that provider; and what he is told when it does not work."""

import os
import urllib.parse

from tests.lib import mailferry
from tests.lib.authorizing import AtATerminal, Authorizing
from tests.lib.oidc import CONFIDENTIAL, PUBLIC, SECRET, Person, Provider
from tests.lib.process import free_port
from tests.lib.scene import PASSWORD, USER, Scene

CODE = r"code +(\S{4}-\S{4})"
ADDRESS = r"address +(http\S+)"
MADE = r"password +((?:\w{5}-){3}\w{5})"
LINK = r"  (http\S+/auth\?\S+)"


class Authorization(Scene):
    def setUp(self):
        super().setUp()
        self.provider = self.identity()

    def identity(self, **options):
        provider = Provider(self.path("oidc"), service=USER, **options)
        self.addCleanup(provider.stop)
        return provider.start()

    def upstream(self, provider=None):
        directory = self.path("oauth")
        os.mkdir(directory, 0o755)
        return self.dovecot(pop3=True,
                            extra=(provider or self.provider).dovecot(directory))

    def scene(self, server=None, pop3=False, **oauth):
        """A gateway that was not started, with its configuration written."""
        server = server or self.upstream()
        url = (f"pop3://127.0.0.1:{server.pop3_port}" if pop3
               else f"imap://127.0.0.1:{server.port}")
        keys = {"issuer": self.provider.issuer, "client_id": PUBLIC,
                "scope": "openid mail offline_access", **oauth}
        gateway = self.gateway(url, start=False, listener="imap" if pop3 else "pop3",
                               route={"oauth": keys})
        gateway.write_config()
        return gateway

    def authorize(self, gateway, *options, kind=Authorizing, user=USER):
        made = kind("authorize", user, "-c", gateway.config_file, *options)
        self.addCleanup(made.close)
        return made

    def vaults(self, gateway):
        directory = os.path.join(gateway.state_dir, "vault")
        found = os.listdir(directory) if os.path.isdir(directory) else []
        return [os.path.join(directory, name) for name in found if not name.startswith(".")]

    def type_code(self, walk, login=USER, agree=True):
        Person(self.provider, login).type_code(walk.shown(ADDRESS), walk.shown(CODE), agree)

    def check_failed(self, walk, gateway, words, status=1):
        self.assertEqual(walk.end(), status, walk.text)
        self.assertIn(words, walk.text.replace("\r\n", " "))
        self.assertEqual(self.vaults(gateway), [])

    def check_private(self, gateway, text, *secrets):
        """No token, no secret: neither shown, nor in a file that can be read."""
        shown = [text]
        for path in self.vaults(gateway):
            self.assertEqual(os.stat(path).st_mode & 0o077, 0)
            with open(path, encoding="utf-8") as f:
                shown.append(f.read())
        for part in shown:
            for secret in ("access_token", "refresh_token", "Bearer", *secrets):
                self.assertNotIn(secret, part)


class Device(Authorization):
    def test_granted(self):
        for pop3 in (False, True):
            with self.subTest(pop3=pop3):
                gateway = self.scene(pop3=pop3)
                walk = self.authorize(gateway, "--device", "scanner")
                self.type_code(walk)
                password = walk.shown(MADE)
                self.assertEqual(walk.end(), 0, walk.text)
                self.assertIn(f"port {gateway.port}", walk.text)
                self.assertIn(f"user name     {USER}", walk.text)
                self.assertEqual(len(self.vaults(gateway)), 1)
                with open(self.vaults(gateway)[0], encoding="utf-8") as f:
                    self.assertNotIn(password, f.read())
                self.check_private(gateway, walk.text)

    def test_a_password_of_ones_own(self):
        gateway = self.scene()
        walk = self.authorize(gateway, "--password-stdin")
        walk.say("my-own-0ne")
        self.type_code(walk)
        self.assertEqual(walk.end(), 0, walk.text)
        self.check_private(gateway, walk.text, "my-own-0ne")

    def test_refused(self):
        gateway = self.scene()
        walk = self.authorize(gateway)
        self.type_code(walk, agree=False)
        self.check_failed(walk, gateway, "access_denied")

    def test_nobody_types_the_code(self):
        self.provider = self.identity(device_seconds=1)
        gateway = self.scene()
        self.check_failed(self.authorize(gateway), gateway, "nobody typed the code in time")

    def test_the_upstream_refuses_the_token(self):
        """It is somebody else who signs in: his token does not open ann's mailbox."""
        gateway = self.scene()
        walk = self.authorize(gateway)
        self.type_code(walk, login="mallory@example.com")
        self.check_failed(walk, gateway, "the login failed, so nothing was stored")

    def test_interrupted(self):
        gateway = self.scene()
        walk = self.authorize(gateway)
        walk.shown(CODE)
        walk.interrupt()
        self.check_failed(walk, gateway, "nothing was stored", status=130)

    def test_authorized_already(self):
        gateway = self.scene()
        walk = self.authorize(gateway)
        self.type_code(walk)
        self.assertEqual(walk.end(), 0, walk.text)
        walk = self.authorize(gateway)
        self.assertEqual(walk.end(), 1)
        self.assertIn("--replace", walk.text)
        walk = self.authorize(gateway, "--replace")
        self.type_code(walk)
        self.assertEqual(walk.end(), 0, walk.text)

    def test_at_a_terminal(self):
        gateway = self.scene()
        walk = self.authorize(gateway, "--ask-password", kind=AtATerminal)
        for question in ("(New password)", "(Once more)"):
            walk.shown(question)
            walk.say("my-own-0ne")
        self.type_code(walk)
        self.assertEqual(walk.end(), 0, walk.text)
        self.assertIn("\u2580", walk.text)  # of the QR code
        self.check_private(gateway, walk.text, "my-own-0ne")

    def test_interrupted_at_a_terminal(self):
        gateway = self.scene()
        walk = self.authorize(gateway, "--ask-password", kind=AtATerminal)
        walk.shown("(New password)")
        walk.interrupt()
        self.check_failed(walk, gateway, "interrupted")


class Browser(Authorization):
    def test_it_comes_back_by_itself(self):
        for redirect in (None, "http://localhost/back"):
            with self.subTest(redirect=redirect):
                gateway = self.scene(grant="code", **({"redirect": redirect} if redirect else {}))
                walk = self.authorize(gateway)
                Person(self.provider, USER).open(walk.shown(LINK))
                walk.shown(MADE)
                self.assertEqual(walk.end(), 0, walk.text)
                self.check_private(gateway, walk.text)

    def test_its_address_is_pasted(self):
        for redirect in (None, "app.mailferry:/back"):
            with self.subTest(redirect=redirect):
                gateway = self.scene(grant="code", **({"redirect": redirect} if redirect else {}))
                walk = self.authorize(gateway)
                ended = Person(self.provider, USER).open(walk.shown(LINK), follow=False)
                walk.say("http://127.0.0.1/?code=stolen&state=another")
                walk.shown("(not the answer to this request)")
                walk.say(ended)
                walk.shown(MADE)
                self.assertEqual(walk.end(), 0, walk.text)
                code = urllib.parse.parse_qs(urllib.parse.urlsplit(ended).query)["code"][0]
                self.check_private(gateway, walk.text, code)

    def test_another_answer_is_not_taken(self):
        """Whoever makes the browser come with a code of his own, does not get in (state)."""
        gateway = self.scene(grant="code")
        walk = self.authorize(gateway)
        link = walk.shown(LINK)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
        with self.assertRaises(AssertionError):
            Person(self.provider, USER).open(query["redirect_uri"][0] + "?code=x&state=y")
        walk.shown("(Still waiting)")
        Person(self.provider, USER).open(link)
        walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)

    def test_refused(self):
        gateway = self.scene(grant="code")
        walk = self.authorize(gateway)
        Person(self.provider, USER).open(walk.shown(LINK), agree=False)
        self.check_failed(walk, gateway, "access_denied")


class WithoutAPerson(Authorization):
    def test_client_credentials(self):
        secret = os.path.join(self.directory, "secret")
        with open(secret, "w", encoding="ascii") as f:
            f.write(SECRET + "\n")
        os.chmod(secret, 0o600)
        gateway = self.scene(grant="client", client_id=CONFIDENTIAL, client_secret_file=secret,
                             scope="mail")
        self.assertNotIn("warning", mailferry.run("check", "-c", gateway.config_file).stderr)
        walk = self.authorize(gateway)
        walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        self.check_private(gateway, walk.text, SECRET)
        os.chmod(secret, 0o644)
        self.assertIn("client's secret", mailferry.run("check", "-c", gateway.config_file).stderr)
        with open(secret, "w", encoding="ascii") as f:
            f.write("wrong-" + SECRET)
        walk = self.authorize(gateway, "--replace")
        self.assertEqual(walk.end(), 1)
        self.assertIn("invalid_client", walk.text)
        self.check_private(gateway, walk.text, SECRET)

    def test_the_provider_is_down(self):
        gateway = self.scene()
        self.provider.stop()
        self.check_failed(self.authorize(gateway), gateway, "127.0.0.1")

    def test_an_unknown_client(self):
        gateway = self.scene(client_id="nobody")
        self.check_failed(self.authorize(gateway), gateway, "invalid_client")

    def test_the_upstream_is_down(self):
        server = self.upstream()
        server.port = free_port()
        gateway = self.scene(server)
        walk = self.authorize(gateway)
        self.type_code(walk)
        self.check_failed(walk, gateway, "the login failed, so nothing was stored")


class UpstreamPassword(Scene):
    """A route without OAuth: what is kept is the upstream's password."""

    def authorize(self, *lines, listener="pop3", upstream=None):
        server = self.dovecot(pop3=True)
        url = upstream or {"pop3": f"imap://127.0.0.1:{server.port}",
                           "imap": f"pop3://127.0.0.1:{server.pop3_port}"}[listener]
        gateway = self.gateway(url, start=False, listener=listener)
        gateway.write_config()
        walk = Authorizing("authorize", USER, "-c", gateway.config_file)
        self.addCleanup(walk.close)
        for line in lines:
            walk.say(line)
        return gateway, walk

    def test_right(self):
        for listener in ("pop3", "imap"):
            with self.subTest(listener=listener):
                gateway, walk = self.authorize(PASSWORD, listener=listener)
                walk.shown(MADE)
                self.assertEqual(walk.end(), 0, walk.text)
                for name in os.listdir(os.path.join(gateway.state_dir, "vault")):
                    with open(os.path.join(gateway.state_dir, "vault", name),
                              encoding="utf-8") as f:
                        self.assertNotIn(PASSWORD, f.read())

    def test_wrong(self):
        gateway, walk = self.authorize("Wr0ng")
        self.assertEqual(walk.end(), 1)
        self.assertIn("the login failed", walk.text)
        self.assertNotIn("Wr0ng", walk.text)
        self.assertFalse(os.path.exists(os.path.join(gateway.state_dir, "vault")))

    def test_without_a_route_or_a_user(self):
        server = self.dovecot()
        route = f"pop3://127.0.0.1:{free_port()}=imap://127.0.0.1:{server.port}"
        for args, words in ((["authorize", "--route", route], "give one user"),
                            (["authorize", USER], "no routes"),
                            (["authorize", USER, "--password=x"], "never given"),
                            (["authorize", USER, "--route", route, "--pop3-only", "--imap-only"],
                             "leave nothing")):
            with self.subTest(args):
                done = mailferry.run(*args)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    import unittest
    unittest.main()
