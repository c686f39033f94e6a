"""Looks at a maildrop that do not list all of it: what they ask the server, and that nothing is lost
where it does not answer as it should."""

import re
import unittest

from tests.lib import corpus
from tests.lib.imap_scene import ImapScene, ScriptedScene, crlf
from tests.lib.process import wait_until
from tests.lib.relay import Relay

NEW = crlf(corpus.plain_mail(6))
AT_ONCE = {"noop_seconds": 0, "poll_seconds": 3600, "idle_seconds": 60}


class Scripted(ScriptedScene):
    route = AT_ONCE

    def look(self, client):
        """The commands of one look, without the login's."""
        self.fake.forget()
        self.ok(client.noop())
        asked = self.fake.commands()
        return asked[asked.index("STAT"):] if "STAT" in asked else asked

    def test_nothing_new(self):
        self.serve()
        client = self.client(folder="INBOX", count=5)
        for _ in range(10):
            asked = self.look(client)
            self.assertEqual("STAT", asked[0])
            self.assertLessEqual(len(asked), 4)
            self.assertTrue(all(re.fullmatch(r"UIDL \d", line) for line in asked[1:]), asked)

    def test_one_message_new(self):
        """It is asked for alone, and read without more ado."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        fake.deliver(NEW)
        asked = self.look(client)
        self.assertEqual(["LIST 6", "UIDL 6"], asked[-2:])
        self.assertNotIn("LIST", asked)
        fake.forget()
        self.assertEqual(NEW, self.body(client, 6))
        self.assertEqual(["RETR 6"], fake.commands())
        self.assertEqual(self.mails[1], self.body(client, 2))
        self.assertEqual(["UIDL 2", "RETR 2"], fake.commands()[-2:])

    def test_deletion(self):
        """Only by the numbers of a whole listing."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        self.look(client)
        self.ok(client.store("2", "+FLAGS", "(\\Deleted)"))
        fake.forget()
        self.ok(client.expunge())
        asked = fake.commands()
        self.assertLess(asked.index("UIDL"), asked.index("DELE 2"))
        self.assertEqual(sorted(self.mails[:1] + self.mails[2:]), fake.bodies())

    def test_order_changed(self):
        """The server turns the middle around, which no answer to a look shows."""
        fake = self.serve(messages=[b"Subject: %d\r\n\r\n%d\r\n" % (n, n) for n in range(6)])
        client = self.client(folder="INBOX", count=6)
        found = fake.listing()
        fake.delete([uidl for uidl, _ in found])
        for uidl, data in (found[i] for i in (0, 4, 3, 2, 1, 5)):
            fake.replace(uidl, data)
        self.look(client)
        for number, (_, data) in enumerate(found, 1):
            self.assertEqual(data, self.body(client, number))
        self.assertEqual(6, len(fake.retrieved))

    def test_uidl_that_ignores_its_argument(self):
        """Such a server is asked so once more, and never again."""
        fake = self.serve()
        fake.on("UIDL", lambda session, _: session.do_uidl(""))
        client = self.client(folder="INBOX", count=5)
        fake.deliver(NEW)
        wait_until(lambda: client.noop() and len(self.flags(client)) == 6, "new mail")
        wait_until(lambda: client.fetch("6", "(BODY.PEEK[])")[0] == "OK", "it to be read")
        self.assertEqual(self.mails + [NEW], self.bodies(client, 6))

    def test_server_without_uidl_of_one_message(self):
        fake = self.serve()
        fake.on("UIDL", lambda _, argument: b"-ERR unknown command\r\n" if argument else None)
        client = self.client(folder="INBOX", count=5)
        for _ in range(4):
            self.assertIn("LIST", self.look(client))
        self.assertNotIn("STAT", self.look(client))
        self.assertEqual([], fake.commands("TOP"))
        self.assertEqual(self.mails, self.bodies(client, 5))

    def test_killed(self):
        """What a look found is there after a crash, once."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        for n in range(6, 9):
            fake.deliver(crlf(corpus.plain_mail(n)))
            self.look(client)
        uids = self.uids(client)
        self.gate.kill()
        self.gate.start()
        client = self.client(folder="INBOX", count=8)
        self.assertEqual(uids, self.uids(client))


class WithoutPipelining(Scripted):
    """One command at a time."""

    def serve(self, *args, **options):
        fake = super().serve(*args, capabilities=["UIDL", "TOP", "USER"], **options)

        def alone(session, _):
            if session.has_more():
                session.send(b"-ERR one at a time\r\n")
                session.close()
        for verb in ("STAT", "LIST", "UIDL", "RETR"):
            fake.on(verb, alone)
        return fake


class BehindDovecot(ImapScene):
    route = AT_ONCE

    def imap_gateway(self, port, **options):
        self.relay = Relay(port, 0)
        self.relay.__enter__()
        self.addCleanup(self.relay.__exit__)
        return super().imap_gateway(self.relay.port, **options)

    def test_new_mail_and_deletions(self):
        client = self.client(folder="INBOX", count=5)
        self.relay.said.clear()
        self.ok(client.noop())
        self.store.deliver_all([NEW])
        self.ok(client.noop())
        self.assertEqual(6, len(self.flags(client)))
        self.assertEqual(NEW, self.body(client, 6))
        self.assertEqual(self.mails, [self.body(client, n) for n in range(1, 6)])
        said = bytes(self.relay.said).split(b"\r\n")
        self.assertEqual(2, said.count(b"STAT"))
        self.assertNotIn(b"LIST", said)
        self.assertNotIn(b"UIDL", said)
        self.ok(client.store("3", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.ok(client.noop())
        self.assertEqual(self.mails[:2] + self.mails[3:] + [NEW],
                         [self.body(client, n) for n in range(1, 6)])


if __name__ == "__main__":
    unittest.main()
