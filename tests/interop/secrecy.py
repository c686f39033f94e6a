"""The look for secrets at the end of every interop test (tests/lib/secrecy.py) does find one, in
whatever form and wherever it was written, and does not repeat it."""

import base64
import json
import os
import unittest

from tests.lib import corpus, mailferry, secrecy
from tests.lib.authorizing import Authorizing
from tests.lib.pop3 import Refused
from tests.lib.scene import PASSWORD, USER, Scene

SECRET = 'qu0ted "and\\more" s3cret'
PLAIN = base64.b64encode(f"\0{USER}\0{SECRET}".encode()).decode()


class Careless(Scene):
    """Tests in which a secret gets out; run by the ones below, not by themselves."""

    form = SECRET

    def log_it(self):
        """A person types the password where the name belongs: the log has names."""
        gateway = self.gateway(self.fake([corpus.plain_mail(1)]))
        secrecy.keep("typed-t00-early")
        with self.assertRaises(Refused):
            self.login(gateway, user="typed-t00-early", password="and-s0mething-else")
        gateway.wait_said("typed-t00-early")

    def store_it(self):
        gateway = self.gateway("imap://127.0.0.1")
        secrecy.keep(SECRET, "a token")
        with open(os.path.join(gateway.state_dir, "careless"), "w", encoding="ascii") as f:
            f.write("one line\nand " + self.form)


class Secrecy(unittest.TestCase):
    def run_careless(self, test):
        """What the failure says of it."""
        result = unittest.TestResult()
        test.run(result)
        (_, said), = result.failures + result.errors
        self.assertRegex(said, r"secrecy\.Found: ")
        return said.partition("secrecy.Found: ")[2]

    def test_in_the_log(self):
        said = self.run_careless(Careless("log_it"))
        self.assertRegex(said, r"^\S+/mailferry\.log:\d+: a password stands there, as it is\n")
        self.assertNotIn("typed-t00-early", said)

    def test_in_every_form_on_the_disk(self):
        for form, how in ((SECRET, "as it is"), (PLAIN, "in base64"),
                          (base64.b64encode(SECRET.encode()).decode(), "in base64"),
                          (base64.urlsafe_b64encode(b"x" + SECRET.encode()).decode(), "in base64"),
                          (SECRET.replace("\\", "\\\\").replace('"', '\\"'), "quoted"),
                          (json.dumps({"token": SECRET}), "quoted"),
                          ("qu0ted%20%22and%5Cmore%22%20s3cret", "as a URL has it")):
            with self.subTest(form):
                test = Careless("store_it")
                test.form = form
                said = self.run_careless(test)
                self.assertRegex(said, rf"^\S+/state/careless:2: a token stands there, {how}\n")
                self.assertNotIn(form, said)

    def test_said_to_a_person(self):
        secrecy.keep("/nowhere/but-here-1")
        self.addCleanup(secrecy.end)
        walk = Authorizing("check", "-c", "/nowhere/but-here-1")
        self.addCleanup(walk.close)
        with self.assertRaisesRegex(secrecy.Found, r"^what is shown:1: a password stands there"):
            walk.end()
        with self.assertRaisesRegex(secrecy.Found, r"^check -c:1: a password stands there"):
            mailferry.run("check", "-c", "/nowhere/but-here-1")

    def test_a_test_has_no_secrets_of_the_one_before(self):
        secrecy.keep(SECRET)
        secrecy.end()
        secrecy.check_text("anything", SECRET)

    def test_what_is_no_secret(self):
        secrecy.keep(PASSWORD)
        self.addCleanup(secrecy.end)
        secrecy.check_text("anything", PASSWORD[:-1] + " " + PASSWORD[1:] + " " + PASSWORD.upper())


if __name__ == "__main__":
    unittest.main()
