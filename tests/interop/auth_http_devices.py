"""Devices with passwords of their own before a routing service: the service is asked with what is
kept for their user, and what it gives goes upstream; and `mailferry authorize` goes that way too."""

import os

from tests.interop.auth_http import Service
from tests.lib import corpus
from tests.lib.authorizing import Authorizing
from tests.lib.pop3 import Refused
from tests.lib.process import wait_until
from tests.lib.scene import PASSWORD, USER
from tests.lib.stores import DovecotStore

MADE = r"password +((?:\w{5}-){3}\w{5})"
UPSTREAM, UPSTREAM_PASSWORD = "ann-upstream", "0nly-the-service-kn0ws"


class Devices(Service):
    """The service wants the user's password, and gives another name and password for upstream."""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot({UPSTREAM: UPSTREAM_PASSWORD}, pop3=True)
        self.store = DovecotStore(self.server, UPSTREAM)
        self.store.deliver_all([corpus.plain_mail(n) for n in range(2)])
        self.password = PASSWORD
        self.routing = self.service(self.answer)

    def answer(self, asked):
        if (asked["auth-user"], asked["auth-pass"]) != (USER, self.password):
            return {"Auth-Status": "Not this one"}
        return {**self.to(self.server)(asked), "Auth-User": UPSTREAM,
                "Auth-Pass": UPSTREAM_PASSWORD}

    def scene(self, imap=False, **route):
        made = self.proxy(self.routing, "pop3://*" if imap else "imap://*", start=False,
                          listener="imap" if imap else "pop3",
                          route={**route, **({"imap": {"idle_seconds": 0, "noop_seconds": 0}}
                                             if imap else {})})
        made.write_config()
        return made

    def authorize(self, gateway, password=PASSWORD):
        walk = Authorizing("authorize", USER, "-c", gateway.config_file)
        self.addCleanup(walk.close)
        walk.say(password)
        return walk

    def authorized(self, **options):
        """A gateway that runs, and a device's password."""
        gateway = self.scene(**options)
        walk = self.authorize(gateway)
        password = walk.shown(MADE)
        self.assertEqual(walk.end(), 0, walk.text)
        return gateway.start(), password

    def check_asked(self, device):
        """The service has seen the password that is kept, and never the device's own."""
        for asked in self.routing.asked:
            self.assertEqual((asked["auth-user"], asked["auth-pass"]), (USER, PASSWORD))
            self.assertNotIn(device, asked.values())


class Logins(Devices):
    def test_pop3(self):
        gateway, password = self.authorized()
        client = self.login(gateway, password=password)
        self.assertEqual(client.stat()[0], 2)
        self.check_asked(password)

    def test_imap(self):
        gateway, password = self.authorized(imap=True)
        client = self.imap(gateway.port, password)
        self.assertEqual(client.select()[1], [b"2"])
        self.check_asked(password)

    def test_the_upstream_is_lost(self):
        """It is opened again by what the service gave, not by what is kept."""
        gateway, password = self.authorized()
        client = self.login(gateway, password=password)
        self.assertEqual(client.stat()[0], 2)
        self.server.restart()
        self.assertIn(b"Subject:", client.retr(2))
        client.quit()

    def test_the_account_opens_its_maildrop_again(self):
        gateway, password = self.authorized(imap=True)
        client = self.imap(gateway.port, password)
        self.assertEqual(client.select()[1], [b"2"])
        self.store.deliver_all([corpus.plain_mail(7)])
        wait_until(lambda: client.noop() and client.select()[1] == [b"3"], "the new message")
        self.check_asked(password)

    def test_the_users_own_password_goes_to_the_service_too(self):
        gateway, _ = self.authorized()
        self.assertEqual(self.login(gateway).stat()[0], 2)

    def test_only_devices(self):
        """Where they are required, the service hears of no other password."""
        gateway, _ = self.authorized(device_passwords="required")
        before = len(self.routing.asked)
        with self.assertRaisesRegex(Refused, "AUTH"):
            self.login(gateway)
        self.assertEqual(len(self.routing.asked), before)

    def test_the_service_takes_it_no_more(self):
        """The client hears it in the service's words, and the service is not asked in vain again
        and again."""
        gateway, password = self.authorized()
        self.password = "another-s1nce"
        client = self.connect(gateway)
        with self.assertRaisesRegex(Refused, "AUTH.*Not this one"):
            client.login(USER, password)
        client.close()
        gateway.wait_said(" end ", times=2)  # the first one asked whether it listens
        before = len(self.routing.asked)
        with self.assertRaisesRegex(Refused, f"AUTH.*mailferry authorize {USER}"):
            self.login(gateway, password=password)
        self.assertEqual(len(self.routing.asked), before)


class Trials(Devices):
    """`mailferry authorize`, when it comes to nothing."""

    def expect_failure(self, gateway, words, password=PASSWORD):
        walk = self.authorize(gateway, password)
        self.assertEqual(walk.end(), 1)
        self.assertIn(words, walk.text)
        self.assertNotIn(password, walk.text)
        self.assertFalse(os.path.exists(os.path.join(gateway.state_dir, "vault", USER + ".json")))

    def test_refused_by_the_service(self):
        self.expect_failure(self.scene(), "nothing was stored: Not this one", "wr0ng-guess")

    def test_refused_by_the_upstream(self):
        self.server.users = {}
        self.server.stop()
        self.server.write_passwords()
        self.server.start()
        self.expect_failure(self.scene(), "the login failed, so nothing was stored")

    def test_no_service(self):
        self.routing.stop()
        self.routing.stop = lambda: None
        self.expect_failure(self.scene(), "the login failed, so nothing was stored")

    def test_interrupted_while_the_service_makes_one_wait(self):
        self.routing.answer = lambda asked: {"Auth-Status": "WAIT", "Auth-Wait": "60"}
        gateway = self.scene()
        walk = self.authorize(gateway)
        wait_until(lambda: self.routing.asked, "the service is asked")
        walk.interrupt()
        self.assertEqual(walk.end(), 130)
        self.assertIn("nothing was stored", walk.text)


if __name__ == "__main__":
    import unittest
    unittest.main()
