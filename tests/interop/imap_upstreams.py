"""An IMAP client behind a POP3 server that can less than it should, lets in by one way only, answers
in odd forms, or gives sizes and UIDLs that are none (CASES D5, D10, D11, U5, U6)."""

import imaplib
import threading
import unittest

from tests.lib import corpus
from tests.lib.imap_raw import RawImap
from tests.lib.imap_scene import ScriptedScene, crlf
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER

MAILS = ScriptedScene.mails
NEW = crlf(corpus.plain_mail(6))
UNHURRIED = {"poll_seconds": 3600}


class CanLess(ScriptedScene):
    """Works with less (CASES U5)."""

    def test_nothing_missing(self):
        self.serve()
        self.everything()

    def test_without_capa(self):
        self.serve(without={"CAPA"})
        self.everything()

    def test_without_uidl(self):
        self.serve(without={"UIDL"}, capabilities=["TOP", "USER"])
        self.everything()

    def test_without_uidl_which_is_announced(self):
        self.serve(without={"UIDL"})
        self.everything()

    def test_without_top(self):
        self.serve(without={"TOP"}, capabilities=["UIDL", "USER", "PIPELINING"])
        self.everything()

    def test_without_top_which_is_announced(self):
        self.serve(without={"TOP"})
        self.everything()

    def test_without_any(self):
        self.serve(without={"CAPA", "TOP", "UIDL", "STAT", "NOOP", "AUTH"})
        self.everything()

    def test_without_pipelining(self):
        fake = self.serve(capabilities=["TOP", "UIDL", "USER"])

        def alone(session, _):
            if session.has_more():
                session.send(b"-ERR one at a time\r\n")
                session.close()
        for verb in ("LIST", "UIDL", "TOP", "RETR", "DELE"):
            fake.on(verb, alone)
        self.everything()

    def test_pipelining_is_used(self):
        """Where it is announced, several commands are under way."""
        fake = self.serve(messages=MAILS * 10)
        seen = []
        fake.on("TOP", lambda session, _: seen.append(session.has_more()))
        client = self.client(folder="INBOX", count=50)
        self.ok(client.fetch("1:*", "(ENVELOPE)"))
        self.assertTrue(any(seen))

    def test_top_that_ignores_the_number_of_lines(self):
        fake = self.serve()
        fake.on("TOP", lambda session, argument: session.do_retr(argument.split()[0]))
        self.everything()


class Logins(ScriptedScene):
    """Only one way in."""

    def test_apop(self):
        fake = self.serve(apop=True, without={"USER", "PASS", "AUTH"}, route={"allow_apop": True})
        self.everything()
        self.assertNotIn(PASSWORD, fake.all_received())

    def test_apop_is_not_used_unasked(self):
        fake = self.serve(apop=True, without={"USER", "PASS", "AUTH"})
        with self.assertRaisesRegex(imaplib.IMAP4.error, "NO|no"):
            self.client()
        self.assertEqual([], fake.commands("APOP"))

    def test_auth_login(self):
        self.serve(capabilities=["UIDL", "TOP", "SASL LOGIN"], without={"USER", "PASS", "APOP"})
        self.everything()

    def test_auth_plain(self):
        self.serve(capabilities=["UIDL", "TOP", "SASL PLAIN"], without={"USER", "PASS", "APOP"})
        self.everything()

    def test_others_come_while_the_first_is_let_in(self):
        """They wait for the account; what its connection was told of the server stays."""
        fake = self.serve(capabilities=["UIDL", "TOP", "SASL PLAIN"], without={"USER", "PASS"})
        asked, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)
        fake.on("CAPA", lambda *_: asked.set() or go_on.wait() and None)
        sessions = [RawImap(self.gate.port) for _ in range(4)]
        for session in sessions:
            self.addCleanup(session.close)
            session.send(b'x LOGIN "%b" %b\r\n' % (USER.encode(), PASSWORD.encode()))
            self.assertTrue(asked.wait(PATIENCE))
        self.gate.wait_said("client-says message=LOGIN", times=len(sessions))
        go_on.set()
        self.assertEqual(["OK"] * 4, [session.answer(b"x").status for session in sessions])

    def test_refusals(self):
        """What a refusal means, is said by its code, or by its words."""
        for answer, code in (("-ERR [AUTH] no", "AUTHENTICATIONFAILED"),
                             ("-ERR no such user or wrong password", "AUTHENTICATIONFAILED"),
                             ("-ERR", "AUTHENTICATIONFAILED"),
                             ("-ERR [IN-USE] go away", "INUSE"),
                             ("-ERR maildrop already locked", "INUSE"),
                             ("-ERR [SYS/TEMP] disk", "UNAVAILABLE"),
                             ("-ERR [LOGIN-DELAY] wait a minute", "UNAVAILABLE")):
            with self.subTest(answer):
                fake = self.serve()
                fake.on("PASS", lambda *_, text=answer: text.encode() + b"\r\n")
                with self.assertRaisesRegex(imaplib.IMAP4.error, rf"\[{code}\]"):
                    self.client()
                fake.off("PASS")
                if code == "AUTHENTICATIONFAILED":
                    self.client(folder="INBOX", count=5)


class Odd(ScriptedScene):
    """Answers in a form that no RFC permits are read (CASES U6)."""

    def test_line_feeds_only(self):
        fake = self.serve()
        fake.shape = lambda reply: reply.replace(b"\r\n", b"\n")
        self.everything()

    def test_long_status_lines(self):
        fake = self.serve()
        fake.shape = lambda reply: reply.replace(b"+OK", b"+OK " + b"x" * 1990, 1)
        self.everything()

    def test_endless_status_line(self):
        """Refused in words, in bounded time."""
        fake = self.serve()

        def endless(session, _):
            while True:
                session.send(b"+OK " + b"x" * 100_000)
        fake.on("PASS", endless)
        with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[UNAVAILABLE\]"):
            self.client()

    def test_empty_lines_before_the_status(self):
        fake = self.serve()
        fake.shape = lambda reply: b"\r\n\r\n" + reply if reply else reply
        self.everything()

    def test_lower_case(self):
        fake = self.serve()
        fake.shape = lambda reply: reply.replace(b"+OK", b"+ok", 1)
        self.everything()

    def test_list_in_another_order(self):
        fake = self.serve()

        def backwards(session, _):
            first, *lines, end = session.do_list("").splitlines(keepends=True)
            return b"".join([first, *lines[::-1], end])
        fake.on("LIST", backwards)
        self.everything()

    def test_another_protocol(self):
        for greeting in (b"220 smtp.example.com ESMTP\r\n", b"* OK IMAP4rev1 ready\r\n",
                         b"\x16\x03\x01\x00\x05hello\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            with self.subTest(greeting):
                fake = self.serve()
                fake.on("greeting", lambda *_, text=greeting: text)
                with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[CANNOT\].*POP3"):
                    self.client()
                self.assertNotIn(PASSWORD, fake.all_received())

    def test_texts_are_cleaned(self):
        """A text of the server's cannot become a line of ours (CASES I3)."""
        fake = self.serve()
        fake.on("PASS", lambda *_: b"-ERR [AUTH] no\r* OK yes\x1b[2J\x07\r\n")
        client = imaplib.IMAP4("127.0.0.1", self.gate.port, timeout=30)
        self.addCleanup(self.close, client)
        client.send(b'a LOGIN %s %s\r\n' % (USER.encode(), PASSWORD.encode()))
        line = client.readline()
        self.assertRegex(line, rb"^a NO \[AUTHENTICATIONFAILED\] [\x20-\x7e]*\r\n$")


class Sizes(ScriptedScene):
    """What LIST says is only an announcement (CASES D5)."""

    def check(self, claim):
        fake = self.serve()
        fake.size_of = claim
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(MAILS, self.bodies(client, 5))
        wait_until(lambda: self.sizes(client) == [len(mail) for mail in MAILS], "the true sizes")

    def test_too_small(self):
        self.check(lambda name, data: len(data) - 17)

    def test_too_large(self):
        self.check(lambda name, data: len(data) + 170)

    def test_none(self):
        self.check(lambda name, data: 0)

    def test_monstrous(self):
        self.check(lambda name, data: 2**40)


class Uidls(ScriptedScene):
    def test_repeated(self):
        """The same for two messages: they are kept apart, and the right one is deleted (D11)."""
        fake = self.serve()
        fake.uidl_of = lambda name, data: b"same" if data in MAILS[1:3] else name.encode()
        self.everything()

    def test_all_the_same(self):
        fake = self.serve()
        fake.uidl_of = lambda name, data: b"0"
        self.everything()

    def test_odd(self):
        """With spaces, longer than 70 octets, empty, of 8 bits."""
        for form in (b"a b %b", b"u" * 300 + b"%b", b"", b"\xe4%b\xff"):
            with self.subTest(form):
                fake = self.serve()
                fake.uidl_of = lambda name, data, form=form: \
                    form % name.encode() if b"%b" in form else form
                self.everything()

    def test_changed_for_all_at_once(self):
        """They are the same messages, known by their headers: UIDs and flags stay."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(MAILS, self.bodies(client, 5))
        uids = self.uids(client)
        self.ok(client.store("2", "+FLAGS", "(\\Flagged)"))
        fake.uidl_of = lambda name, data: b"new-" + name.encode()
        fake.deliver(NEW)
        wait_until(lambda: self.select(client) and len(self.uids(client)) == 6, "the new message")
        self.assertEqual(uids, self.uids(client)[:5])
        self.assertEqual({"\\flagged"}, self.flags(client)[uids[1]])
        self.assertEqual([*MAILS, NEW], self.bodies(client, 6))
        self.ok(client.store("1", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.assertEqual(sorted([*MAILS[1:], NEW]), sorted(fake.bodies()))

    def test_changed_for_mail_that_nobody_has_seen(self):
        """It is new mail then: none is lost, none is deleted."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        fake.uidl_of = lambda name, data: b"new-" + name.encode()
        wait_until(lambda: self.select(client, count=5) and min(self.uids(client)) > 5,
                   "the messages under their new names")
        self.assertEqual(MAILS, self.bodies(client, 5))
        self.assertEqual(sorted(MAILS), sorted(fake.bodies()))

    def test_numbers_as_uidls(self):
        """A server that names messages by their number: another session takes the first away, and
        each name is another message's."""
        mails = [mail + b"x" * n + b"\r\n" for n, mail in enumerate(MAILS, 1)]
        fake = self.serve(messages=mails)
        fake.uidl_of = lambda name, data: b"%d" % (1 + fake.bodies().index(data))
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(mails, self.bodies(client, 5))
        fake.delete([fake.listing()[0][0]])
        self.ok(client.store("2", "+FLAGS", "(\\Deleted)"))
        client.expunge()
        wait_until(lambda: client.noop() and self.select(client), "another look")
        for mail in mails[2:]:
            self.assertIn(mail, fake.bodies())

    def test_given_to_another_message(self):
        """What is deleted is what the client saw, or nothing (D11)."""
        fake = self.serve(messages=[MAILS[0], MAILS[1] + b"longer\r\n", MAILS[2]], route=UNHURRIED)
        client = self.client(folder="INBOX", count=3)
        self.bodies(client, 3)
        wait_until(fake.is_left, "the maildrop is let go of")
        fake.replace(fake.listing()[0][0], NEW + b"and more\r\n")
        self.ok(client.store("1", "+FLAGS", "(\\Deleted)"))
        client.expunge()
        wait_until(lambda: client.noop() and self.select(client), "another look")
        self.assertIn(NEW + b"and more\r\n", fake.bodies())

    def test_given_to_another_of_its_size(self):
        """Only the header tells them apart (D11)."""
        other = MAILS[0].replace(b"message 1", b"message 9").replace(b"<1@", b"<9@")
        self.assertEqual(len(other), len(MAILS[0]))
        self.assertNotEqual(other, MAILS[0])
        fake = self.serve(route=UNHURRIED)
        client = self.client(folder="INBOX", count=5)
        self.ok(client.fetch("1:*", "(BODY.PEEK[HEADER])"))
        wait_until(fake.is_left, "the maildrop is let go of")
        fake.replace(fake.listing()[0][0], other)
        self.ok(client.store("1", "+FLAGS", "(\\Deleted)"))
        client.expunge()
        wait_until(lambda: self.select(client, count=5) and min(self.uids(client)) == 2,
                   "the other message in its place")
        self.assertIn(other, fake.bodies())
        self.assertEqual([], fake.commands("DELE"))

    def test_numbers_change(self):
        """Always addressed by UIDL (D10)."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        fake.reorder()
        self.assertEqual(MAILS, self.bodies(client, 5))
        self.ok(client.store("2", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.assertEqual(sorted(MAILS[:1] + MAILS[2:]), fake.bodies())


if __name__ == "__main__":
    unittest.main()
