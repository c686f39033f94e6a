"""The whole way: a device that knows a user name and a password reads a mailbox whose server takes
OAuth 2.0 only, until the provider knows nothing of him any more."""

import imaplib

from tests.interop.authorize import MADE, Authorization
from tests.lib import corpus
from tests.lib.pop3 import Refused
from tests.lib.scene import USER
from tests.lib.stores import DovecotStore


class Devices(Authorization):
    def authorized(self, pop3=False):
        """A gateway that runs, and a device's password."""
        server = self.upstream()
        DovecotStore(server, USER).deliver(corpus.plain_mail(1))
        gateway = self.scene(server, pop3=pop3)
        walk = self.authorize(gateway)
        self.type_code(walk)
        password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        return gateway.start(), password

    def check_log(self, gateway):
        gateway.stop()
        self.assertNotIn("Bearer", gateway.output())

    def test_pop3(self):
        gateway, password = self.authorized()
        client = self.login(gateway, password=password)
        self.assertEqual(client.stat()[0], 1)
        client.quit()
        with self.assertRaises(Refused):
            self.login(gateway, password=password[:-1] + "x")
        self.check_log(gateway)

    def test_imap(self):
        gateway, password = self.authorized(pop3=True)
        client = imaplib.IMAP4("127.0.0.1", gateway.port)
        client.login(USER, password)
        self.assertEqual(client.select(), ("OK", [b"1"]))
        client.logout()
        self.check_log(gateway)

    def test_revoked(self):
        """A provider that knows nothing of the grant any more."""
        gateway, password = self.authorized()
        self.provider.stop()
        self.provider.start()
        with self.assertRaisesRegex(Refused, "mailferry authorize"):
            self.login(gateway, password=password)
        self.check_log(gateway)


if __name__ == "__main__":
    import unittest
    unittest.main()
