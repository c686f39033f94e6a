"""SIGHUP: configuration and certificates are read again, and what is wrong leaves the old ones in force
(CASES P3, T7)."""

import imaplib
import os
import shutil
import signal
import ssl
import unittest

from tests.lib.imap_scene import ScriptedScene
from tests.lib.pop3 import trusting
from tests.lib.process import PATIENCE, free_port, wait_until
from tests.lib.scene import PASSWORD, USER
from tests.lib.scripted_pop3 import ScriptedPop3


class Reload(ScriptedScene):
    def reload(self, wanted):
        """Gives what was said about it, once that matches."""
        before = len(self.gate.output())
        self.gate.process.signal(signal.SIGHUP)
        return wait_until(lambda: wanted in self.gate.output()[before:]
                          and self.gate.output()[before:], f"a line with {wanted!r}")

    def test_broken_configuration(self):
        self.serve()
        client = self.client(folder="INBOX", count=5)
        good = self.gate.config
        for broken, place in (("{ this is no JSON", ":1:"), ('{"listeners": []}', "/listeners"),
                              ("", ":1:")):
            with self.subTest(broken):
                with open(self.gate.config_file, "w", encoding="utf-8") as f:
                    f.write(broken)
                said = self.reload("the old one stays in force")
                self.assertIn(place, said)
                self.client(folder="INBOX", count=5)
        os.unlink(self.gate.config_file)
        self.reload("the old one stays in force")
        self.client(folder="INBOX", count=5)
        self.gate.config = {**good, "listeners": [{"url": f"imap://127.0.0.1:{free_port()}"}]}
        self.gate.write_config()
        self.reload("takes a restart")
        self.assertEqual(5, len(self.flags(client)))

    def test_route(self):
        """A new session is served by the new route, one that is open stays where it is."""
        self.serve()
        client = self.client(folder="INBOX", count=5)
        other = ScriptedPop3(self.mails[:2], {USER: PASSWORD}).start()
        self.addCleanup(other.stop)
        self.gate.config["routes"][0]["upstream"] = f"pop3://127.0.0.1:{other.port}"
        self.gate.write_config()
        self.reload("done")
        self.client(folder="INBOX", count=2)
        self.assertEqual(self.mails[4], self.body(client, 5))

    def test_certificate(self):
        first, second = self.authority(), self.authority()
        certificate = first.issue("gate")
        self.fake = ScriptedPop3(self.mails, {USER: PASSWORD}).start()
        self.addCleanup(self.fake.stop)
        self.gate = self.imap_gateway(self.fake.port, listener="imaps", tls=certificate)
        self.greeted(first)
        fresh = second.issue("gate")
        shutil.copy(fresh.key, certificate.key)  # of another certificate: nothing changes
        self.assertIn(certificate.key, self.reload("stays in force"))
        self.greeted(first)
        shutil.copy(fresh.cert, certificate.cert)
        self.reload("done")
        self.greeted(second)
        with self.assertRaises(ssl.SSLError):
            self.greeted(first)
        os.unlink(certificate.cert)
        self.assertIn(certificate.cert, self.reload("certificate"))
        self.greeted(second)

    def greeted(self, ca):
        client = imaplib.IMAP4_SSL("localhost", self.gate.port, timeout=PATIENCE,
                                   ssl_context=trusting(ca.cert))
        client.login(USER, PASSWORD)
        client.logout()


if __name__ == "__main__":
    unittest.main()
