"""A wrong password, a name that nobody has, and a user whose devices have passwords of their own
cannot be told from each other (CASES A4): the same words, the same work upstream, the same events.
What a vault costs is counted by tests/unit/test_gatekeeper.c; clocks are looked at by nobody here,
but python3 -m tests.bench.timing shows them."""

import json
import os
import re
import subprocess
import unittest

from tests.lib import corpus, secrecy
from tests.lib.authservice import AuthService
from tests.lib.imap_raw import RawImap
from tests.lib.pop3 import Closed, Pop3, Refused
from tests.lib.process import PATIENCE
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.scripted_pop3 import ScriptedPop3

DEVICES = "devices@example.com"
NOBODY = "nobody@example.com"
USERS = {USER: PASSWORD, DEVICES: PASSWORD}
UNSLOWED = {"limits": {"login_refusals": 0}}
MAILS = [corpus.plain_mail(1)]


class Asked:
    """What a routing service was asked for, in the terms of a scripted server."""

    def __init__(self):
        self._asked = []

    def refuse(self, headers):
        self._asked.append(headers["auth-method"])
        return {"Auth-Status": "Invalid login or password"}

    def commands(self):
        return self._asked

    def forget(self):
        self._asked = []


class Guesses(Scene):
    """Before each upstream a gateway where one user has a vault."""

    def before(self, server, scheme, listener):
        return self.with_vault(self.gateway(f"{scheme}://127.0.0.1:{server.port}", workers=1,
                                            listener=listener, config=UNSLOWED))

    @staticmethod
    def with_vault(gateway):
        subprocess.run([os.environ["VAULT_MAKE"], gateway.state_dir, DEVICES, "printer",
                        "a-device's-0wn", "pop3 imap", json.dumps({"password": PASSWORD})],
                       check=True, timeout=PATIENCE)
        secrecy.keep_all(("a-device's-0wn", "wr0ng-guess"))
        gateway.wait_said(" end ")  # of the one that looked whether it listens
        return gateway

    def before_imap(self):
        self.server = self.fake(MAILS, users=USERS)
        return self.before(self.server, "imap", "pop3")

    def before_pop3(self):
        self.server = ScriptedPop3(MAILS, USERS).start()
        self.addCleanup(self.server.stop)
        return self.before(self.server, "pop3", "imap")

    def before_service(self):
        """A routing service says who is let in, and refuses them all."""
        self.server = Asked()
        service = AuthService(self.server.refuse).start()
        self.addCleanup(service.stop)
        return self.with_vault(self.gateway(
            "imap://*", workers=1, route={"auth_http": {"url": service.url}}, config=UNSLOWED))

    def seen_of(self, gateway, guess):
        """What the client hears of a guess, which verbs the upstream, and the events in the log."""
        self.server.forget()
        logged = len(gateway.output())
        heard = guess()
        gateway.wait_said(" end ", times=gateway.output().count(" connect "))
        verbs = [getattr(c, "name", None) or c.split()[0] for c in self.server.commands()]
        events = re.findall(r"^\S+ \w+ +[0-9a-f]{8} (\S+)", gateway.output()[logged:], re.M)
        return heard, verbs, sorted(events)

    def expect_alike(self, gateway, guess):
        whole = self.seen_of(gateway, lambda: guess(USER))
        self.assertTrue(whole[1])
        self.assertIn("login-refused", whole[2])
        for user in (DEVICES, NOBODY):
            with self.subTest(user):
                self.assertEqual(whole, self.seen_of(gateway, lambda: guess(user)))  # noqa: B023

    def expect_alike_to_pop3_clients(self, gateway):
        def guess(user):
            with Pop3(gateway.port) as client, self.assertRaises(Refused) as refused:
                client.login(user, "wr0ng-guess")
            return str(refused.exception)
        self.expect_alike(gateway, guess)

    def test_pop3_clients(self):
        self.expect_alike_to_pop3_clients(self.before_imap())

    def test_routing_service(self):
        self.expect_alike_to_pop3_clients(self.before_service())

    def test_imap_clients(self):
        gateway = self.before_pop3()

        def guess(user):
            client = RawImap(gateway.port)
            try:
                answer = client.command(f'LOGIN "{user}" wr0ng-guess')
            finally:
                client.close()
            return answer.status, answer.text
        self.expect_alike(gateway, guess)

    def test_what_follows_waits_for_its_turn(self):
        """A refusal that is withheld holds back what the client says next, and loses none of it."""
        gateway = self.before_imap()
        client = self.connect(gateway)
        client.send(f"USER {NOBODY}\r\nPASS wr0ng-guess\r\nNOOP\r\nUSER {USER}\r\n"
                    f"PASS {PASSWORD}\r\nSTAT\r\nQUIT\r\n".encode())
        said = [client.line() for _ in range(7)]
        self.assertEqual([b"+OK", b"-ERR", b"-ERR", b"+OK", b"+OK", b"+OK", b"+OK"],
                         [line.split()[0] for line in said], said)
        self.assertIn(b"[AUTH]", said[1])
        self.assertIn(b"1 ", said[5])

    def test_the_last_refusal_is_heard(self):
        """Before the connection ends, as one attempt more is not allowed."""
        gateway = self.before_imap()
        client = self.connect(gateway)
        for _ in range(5):
            client.command(f"USER {NOBODY}")
            with self.assertRaisesRegex(Refused, "AUTH"):
                client.command("PASS wr0ng-guess")
        with self.assertRaises(Closed):
            client.line()

    def test_whoever_leaves_is_not_waited_for(self):
        for gateway in (self.before_imap(), self.before_pop3()):
            with self.subTest(gateway.config["listeners"][0]["url"]):
                for _ in range(3):
                    client = self.connect(gateway)
                    if client.greeting.startswith(b"+OK"):
                        client.send(f"USER {NOBODY}\r\nPASS wr0ng-guess\r\n".encode())
                    else:
                        client.send(f'a LOGIN "{NOBODY}" wr0ng-guess\r\n'.encode())
                    client.reset()
                gateway.wait_said(" end ", times=4)  # and the one that looked whether it listens
                gateway.stop()


if __name__ == "__main__":
    unittest.main()
