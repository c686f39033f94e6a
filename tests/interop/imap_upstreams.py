"""An IMAP client behind a POP3 server that can less than it should, says more than it may, stalls or
leaves (CASES U1, U2, U5 to U7, D4, D5, D9 to D12)."""

import imaplib
import unittest

from tests.lib import corpus
from tests.lib.imap_scene import ImapClients, crlf
from tests.lib.process import free_port, wait_until
from tests.lib.scene import PASSWORD, USER
from tests.lib.scripted_pop3 import ScriptedPop3

MAILS = [crlf(corpus.plain_mail(n)) for n in range(1, 6)]
NEW = crlf(corpus.plain_mail(6))


class Upstream(ImapClients):
    """Five messages on a scripted server. `limits`, `route`: as in the configuration."""

    route = {"idle_seconds": 1, "poll_seconds": 5}
    limits = {"response_seconds": 20}

    def setUp(self):
        super().setUp()
        self.fake = self.gate = None

    def serve(self, messages=None, route=None, **options):
        self.fake = ScriptedPop3(MAILS if messages is None else messages, {USER: PASSWORD},
                                 **options).start()
        self.addCleanup(self.fake.stop)
        self.route = {**self.route, **(route or {})}
        self.gate = self.imap_gateway(self.fake.port, config={"limits": self.limits})
        return self.fake

    def uids(self, client):
        return [*self.flags(client)]

    def bodies(self, client, count):
        return [self.body(client, n) for n in range(1, count + 1)]

    def everything(self):
        self.a_day(MAILS, self.fake.deliver, self.fake.bodies)


class CanLess(Upstream):
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


class Logins(Upstream):
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


class Odd(Upstream):
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


class Sizes(Upstream):
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


class Uidls(Upstream):
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
        """They are new messages then (nothing says which is which): none is lost, none is deleted."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(MAILS, self.bodies(client, 5))
        fake.uidl_of = lambda name, data: b"new-" + name.encode()
        self.select(client, count=5)
        wait_until(lambda: self.select(client, count=5) and min(self.uids(client)) > 5,
                   "the messages under their new names")
        self.assertEqual(MAILS, self.bodies(client, 5))
        self.ok(client.store("1", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.assertEqual(sorted(MAILS[1:]), self.fake.bodies())

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

    def test_numbers_change(self):
        """Always addressed by UIDL (D10)."""
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        fake.reorder()
        self.assertEqual(MAILS, self.bodies(client, 5))
        self.ok(client.store("2", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.assertEqual(sorted(MAILS[:1] + MAILS[2:]), fake.bodies())


class Listings(Upstream):
    """Nothing is expunged before it is confirmed by another look (CASES D12)."""

    route = {"idle_seconds": 1, "poll_seconds": 5}

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

    def test_list_and_uidl_disagree(self):
        fake = self.serve()
        client = self.client(folder="INBOX", count=5)
        uids = self.uids(client)
        looks = []

        def shorter(session, _):
            looks.append(session)
            lines = session.do_uidl("").splitlines(keepends=True)
            return b"".join(lines[:2] + lines[-1:])
        fake.on("UIDL", shorter)
        self.idle(client)
        wait_until(lambda: looks, "a listing that disagrees with itself")
        fake.off("UIDL")
        fake.deliver(NEW)
        self.assertIn(b"6 EXISTS", self.heard(client, rb"EXISTS|EXPUNGE"))
        self.done(client)
        self.assertEqual(uids, self.uids(client)[:5])


class Deletion(Upstream):
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


class Leaves(Upstream):
    """It closes, resets or stalls at each stage: a tagged answer, and what is kept stays readable."""

    limits = {"response_seconds": 1, "connect_seconds": 1}

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
