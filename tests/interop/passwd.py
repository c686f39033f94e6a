"""Devices get passwords of their own, with limits, and lose them again; each opens the vault, and
nothing else does."""

import json
import os
import re

from tests.lib.authorizing import Authorizing
from tests.lib.scene import PASSWORD, USER, Scene

MADE = r"password +((?:\w{5}-){3}\w{5})"


class Passwd(Scene):
    def setUp(self):
        super().setUp()
        self.server = self.dovecot()
        self.mailferry = self.gateway(self.server, start=False)
        self.mailferry.write_config()
        done = self.run_with("authorize", "--device", "laptop", lines=[PASSWORD])
        self.first = re.search(MADE, done).group(1)

    def run_with(self, command, *options, lines=(), status=0, user=USER, config=True):
        where = (("-c", self.mailferry.config_file) if config
                 else ("--state-dir", self.mailferry.state_dir))
        ran = Authorizing(command, user, *where, *options)
        self.addCleanup(ran.close)
        for line in lines:
            ran.say(line)
        self.assertEqual(ran.end(), status, ran.text)
        return ran.text

    def passwd(self, *options, **more):
        return self.run_with("passwd", *options, **more)

    def devices(self):
        return {d["name"]: d["limits"] for d in json.loads(self.passwd("--list", "--json"))}

    def vault(self):
        directory = os.path.join(self.mailferry.state_dir, "vault")
        names = [name for name in os.listdir(directory) if not name.startswith(".")]
        return [os.path.join(directory, name) for name in names]

    def test_limits(self):
        self.passwd("--device", "printer", "--pop3-only", "--never-delete", lines=[self.first])
        self.passwd("--device", "wall", "--imap-only", "--read-only", "--folder", "News",
                    lines=[self.first])
        devices = self.devices()
        self.assertEqual(list(devices), ["laptop", "printer", "wall"])
        self.assertTrue(devices["printer"]["pop3"] and devices["printer"]["never_delete"])
        self.assertFalse(devices["printer"]["imap"] or devices["printer"]["read_only"])
        self.assertTrue(devices["wall"]["imap"] and devices["wall"]["read_only"])
        self.assertFalse(devices["wall"]["pop3"])
        self.assertEqual(devices["wall"]["folder"], "News")
        shown = self.passwd("--list")
        self.assertIn("POP3 only, never deletes", shown)
        self.assertIn("IMAP only, read-only, folder News", shown)

    def test_each_password_opens_it(self):
        made = self.passwd("--device", "printer", lines=[self.first])
        second = re.search(MADE, made).group(1)
        self.assertIn(f"port {self.mailferry.port}", made)
        self.passwd("--device", "third", "--password-stdin", lines=[second, "chosen-by-me"])
        self.passwd("--device", "fourth", lines=["chosen-by-me"])
        self.assertEqual(list(self.devices()), ["laptop", "printer", "third", "fourth"])
        with open(self.vault()[0], encoding="utf-8") as f:
            text = f.read()
        for secret in (self.first, second, "chosen-by-me", PASSWORD):
            self.assertNotIn(secret, text)

    def test_what_opens_nothing(self):
        for password in ("Wr0ng-password", PASSWORD, self.first.lower() + "x"):
            text = self.passwd("--device", "printer", lines=[password], status=1)
            self.assertNotIn(password, text)
        self.assertEqual(list(self.devices()), ["laptop"])

    def test_revoked(self):
        made = self.passwd("--device", "printer", lines=[self.first])
        second = re.search(MADE, made).group(1)
        self.passwd("--revoke", "laptop")
        self.passwd("--device", "third", lines=[self.first], status=1)
        self.passwd("--device", "third", lines=[second])
        self.assertEqual(list(self.devices()), ["printer", "third"])
        self.assertIn("nobody", self.passwd("--revoke", "nobody", status=1))

    def test_the_last(self):
        self.passwd("--revoke", "laptop", status=1)
        self.assertEqual(list(self.devices()), ["laptop"])
        self.passwd("--revoke", "laptop", "--last")
        self.assertEqual(self.vault(), [])
        self.assertIn("mailferry authorize", self.passwd("--device", "x", status=1))

    def test_names(self):
        self.passwd("--device", "laptop", lines=[self.first], status=1)  # taken
        self.passwd("--device", "x" * 64, lines=[self.first], status=1)
        self.assertEqual(list(self.devices()), ["laptop"])

    def test_short_passwords_are_refused(self):
        text = self.passwd("--device", "x", "--password-stdin", lines=[self.first, "1234567"],
                           status=1)
        self.assertIn("too short", text)
        self.assertNotIn("1234567", text)

    def test_without_a_configuration(self):
        self.passwd("--device", "printer", lines=[self.first], config=False)
        self.assertIn("printer", self.passwd("--list", config=False))

    def test_a_damaged_vault_is_left_alone(self):
        path, = self.vault()
        with open(path, "r+", encoding="utf-8") as f:
            f.truncate(100)
        text = self.passwd("--device", "printer", lines=[self.first], status=1)
        self.assertIn(path, text)
        self.assertEqual(os.path.getsize(path), 100)

    def test_command_lines(self):
        for options, words in ((["--device", "a", "--list"], "give one of"),
                               ([], "give one of"),
                               (["--read-only"], "--device NAME"),
                               (["--device", "a", "--last"], "--revoke NAME"),
                               (["--device", ""], "needs a name")):
            with self.subTest(options):
                self.assertIn(words, self.passwd(*options, status=2))


if __name__ == "__main__":
    import unittest
    unittest.main()
