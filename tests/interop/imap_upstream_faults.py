"""An IMAP client behind a POP3 server that lists the wrong messages, does not say what became of a
deletion, stalls, or leaves (CASES D4, D9, D12, P2, U1, U2, U7)."""

import contextlib
import imaplib
import signal
import unittest

from tests.lib import corpus
from tests.lib.imap_raw import RawImap
from tests.lib.imap_scene import ScriptedScene, crlf
from tests.lib.process import free_port, wait_until
from tests.lib.scene import PASSWORD
from tests.lib.scripted_pop3 import ScriptedPop3

MAILS = ScriptedScene.mails
NEW = crlf(corpus.plain_mail(6))


class Listings(ScriptedScene):
    """Nothing is expunged before it is confirmed by another look (CASES D12)."""

    def test_empty_once(self):
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        uids = self.uids(client)
        looks = []

        def empty(session, _):
            looks.append(session)
            return b"+OK\r\n.\r\n"
        fake.on("LIST", empty)
        fake.on("UIDL", empty)
        self.idle(client)
        wait_until(lambda: looks, "an empty listing")
        fake.off("LIST", "UIDL")
        fake.deliver(NEW)
        said = self.heard(client, rb"EXISTS|EXPUNGE")
        self.assertIn(b"6 EXISTS", said)
        self.done(client)
        self.assertEqual(uids, self.uids(client)[:5])

    def test_twenty_thousand(self):
        """And a later session needs the upstream for none of it."""
        fake = self.serve(messages=[b"Subject: %d\r\n\r\n%d\r\n" % (n, n) for n in range(20_000)],
                          route={"idle_seconds": 3600, "poll_seconds": 3600})
        client = self.client(folder="INBOX", count=20_000)
        self.assertEqual([*range(1, 20_001)], self.uids(client))
        fake.forget()
        later = self.client(folder="INBOX", count=20_000)
        self.assertEqual(20_000, len(self.ok(later.fetch("1:*", "(UID FLAGS RFC822.SIZE)"))))
        self.assertEqual([], fake.commands())

    def test_list_and_uidl_disagree(self):
        """For a while some messages seem to be others, or to be gone; in the end all are there."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        looks = []

        def shorter(session, _):
            looks.append(session)
            lines = session.do_uidl("").splitlines(keepends=True)
            return b"".join(lines[:2] + lines[-1:])
        fake.on("UIDL", shorter)
        self.idle(client)
        wait_until(lambda: looks, "a listing that disagrees with itself")
        fake.off("UIDL")
        self.done(client)
        self.assertEqual(MAILS, wait_until(lambda: self.all_read(client), "another listing"))
        self.assertEqual(sorted(MAILS), fake.bodies())

    def all_read(self, client):
        """The five messages; nothing while one of them is not listed upstream."""
        self.select(client, count=5)
        answers = [client.fetch(str(number), "(BODY.PEEK[])") for number in range(1, 6)]
        return all(status == "OK" for status, _ in answers) and \
            sorted(found[0][1] for _, found in answers)


class Deletion(ScriptedScene):
    def marked(self):
        client = self.client(folder="INBOX", count=5)
        self.ok(client.store("2", "+FLAGS", "(\\Deleted)"))
        return client

    def check_gone(self, client):
        """In the end it is gone from both sides, and nothing else is."""
        wait_until(lambda: client.noop() and len(self.flags(client)) == 4, "the expunge")
        self.assertEqual(sorted(MAILS[:1] + MAILS[2:]), self.fake.bodies())

    def test_quit_not_answered_but_done(self):
        """D9: looked up again before anything is told."""
        fake = self.serve()
        client = self.marked()

        def done(session, _):
            fake.off("QUIT")
            session.do_quit("")
            session.close()
        fake.on("QUIT", done)
        self.ok(client.expunge())
        self.check_gone(client)

    def test_quit_not_answered_and_not_done(self):
        fake = self.serve()
        client = self.marked()

        def not_done(session, _):
            if not session.marked:
                return None
            fake.off("QUIT")
            return session.close()
        fake.on("QUIT", not_done)
        client.expunge()
        self.check_gone(client)

    def test_quit_refused(self):
        fake = self.serve()
        client = self.marked()

        def refuse(session, _):
            if not session.marked:
                return None
            fake.off("QUIT")
            session.marked.clear()
            return b"-ERR some deleted messages not removed\r\n"
        fake.on("QUIT", refuse)
        client.expunge()
        self.check_gone(client)

    def test_dele_refused(self):
        """The message stays for the client too."""
        fake = self.serve()
        client = self.marked()
        fake.on("DELE", lambda *_: b"-ERR not permitted\r\n")
        client.expunge()
        self.assertEqual(5, len(self.flags(client)))
        self.assertEqual(sorted(MAILS), fake.bodies())
        self.assertEqual(MAILS[1], self.body(client, 2))


class Moves(ScriptedScene):
    def test_stopped_while_sessions_move(self):
        """SIGTERM while sessions go to the loops of their accounts: each ends, and so does it."""
        users = [f"user{n}@example.com" for n in range(40)]
        fake = ScriptedPop3(MAILS, {user: PASSWORD for user in users}).start()
        self.addCleanup(fake.stop)
        self.gate = self.imap_gateway(fake.port, workers=4, config={"limits": {"drain_seconds": 5}})
        sessions = [RawImap(self.gate.port) for _ in users]
        for session, user in zip(sessions, users):
            self.addCleanup(session.close)
            session.send(b"a LOGIN %s %s\r\n" % (user.encode(), PASSWORD.encode()))
        self.gate.process.signal(signal.SIGTERM)
        for session in sessions:
            with contextlib.suppress(ConnectionError):
                while session.line():
                    pass
        self.assertEqual(0, self.gate.process.wait())


class Leaves(ScriptedScene):
    """It closes, resets or stalls at each stage: a tagged answer, and what is kept stays readable."""

    limits = {"response_seconds": 3, "connect_seconds": 3}

    ENDINGS = {"close": lambda session, _: session.close(),
               "reset": lambda session, _: session.reset(),
               "stall": lambda session, _: session.stall()}

    STAGES = [("greeting", "close"), ("CAPA", "reset"), ("USER", "close"), ("PASS", "stall"),
              ("LIST", "reset"), ("UIDL", "close"), ("LIST", "stall"), ("RETR", "reset"),
              ("RETR", "stall")]

    def at(self, stages, test):
        """Calls test(fake, stage, ending) for each of these stages and ways."""
        for stage, name in self.STAGES:
            if stage in stages:
                with self.subTest(stage=stage, ending=name):
                    test(self.serve(), stage, self.ENDINGS[name])
                    self.gate.stop()

    def test_before_it_let_in(self):
        def run(fake, stage, ending):
            fake.on(stage, ending)
            with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[UNAVAILABLE\]"):
                self.client()
            fake.off(stage)
            wait_until(self.is_let_in, "the server to be asked again")
        self.at({"greeting", "CAPA", "USER", "PASS"}, run)

    def test_at_its_first_listing(self):
        """The password was taken, so the account is open; what is in it comes later."""
        def run(fake, stage, ending):
            fake.on(stage, ending)
            client = self.client(folder="INBOX")
            self.ok(client.append("Drafts", None, None, MAILS[0]))
            fake.off(stage)
            self.select(client, count=5)
        self.at({"LIST", "UIDL"}, run)

    def is_let_in(self):
        try:
            return self.client()
        except imaplib.IMAP4.error as e:
            self.assertIn("[UNAVAILABLE]", str(e))
            return None

    def test_later(self):
        """The view stays, and what is kept; what is not, comes once the server does again."""
        def run(fake, stage, ending):
            client = self.client(folder="INBOX", count=5)
            self.assertEqual(MAILS[0], self.body(client, 1))
            fake.on(stage, ending)
            fake.drop_all()
            self.assertEqual(MAILS[0], self.body(client, 1))
            self.assertEqual(5, len(self.flags(client)))
            status, text = client.fetch("2", "(BODY.PEEK[])")
            self.assertEqual("NO", status, text)
            self.assertRegex(text[0], rb"\[UNAVAILABLE\]")
            self.assertEqual(5, len(self.flags(client)))
            fake.off(stage)
            wait_until(lambda: client.fetch("2", "(BODY.PEEK[])")[0] == "OK", "its return")
            self.assertEqual(MAILS[1], self.body(client, 2))
        self.at({stage for stage, _ in self.STAGES}, run)

    def test_inside_a_message(self):
        """The client never gets a part as the whole (CASES D4)."""
        for name, ending in self.ENDINGS.items():
            with self.subTest(name):
                fake = self.serve()
                client = self.client(folder="INBOX", count=5)

                def half(session, argument, ending=ending):
                    answer = session.do_retr(argument)
                    session.send(answer[:len(answer) // 2])
                    return ending(session, argument)
                fake.on("RETR", half)
                status, found = client.fetch("2", "(BODY.PEEK[])")
                self.assertEqual("NO", status, found)
                fake.off("RETR")
                wait_until(lambda: client.fetch("2", "(BODY.PEEK[])")[0] == "OK", "its return")
                self.assertEqual(MAILS[1], self.body(client, 2))
                self.gate.stop()

    def test_not_listening(self):
        self.gate = self.imap_gateway(free_port())
        with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[UNAVAILABLE\]"):
            self.client()

    def test_name_that_does_not_exist(self):
        self.gate = self.imap_gateway("pop3://upstream.invalid?tls=starttls")
        with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[UNAVAILABLE\]"):
            self.client()


if __name__ == "__main__":
    unittest.main()
