"""Truth under failure: what the client is told when the upstream misbehaves, and what the upstream
is never told (CASES D4 to D6, I3, I4, T2 to T4, U1 to U4)."""

import re
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import CAPABILITIES, HANDLED, Generated, Message, tls_context
from tests.lib.pop3 import Closed, Refused
from tests.lib.process import free_port, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

MAILS = [corpus.plain_mail(n, lines=50) for n in range(1, 5)]


def fetches_bodies(command):
    return "BODY" in command.args.upper()


class InsideAMessage(Scene):
    """The client never sees the end of a message that did not arrive whole."""

    def cut(self, ending):
        """RETR from an upstream that sends half of the literal and then does `ending`."""
        fake = self.fake(MAILS)
        gateway = self.gateway(fake, pop3={"prefetch": 0}, config={
            "limits": {"response_seconds": 4}})

        def half(connection, command):
            if not fetches_bodies(command):
                return None
            connection.send(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % len(MAILS[0]))
            connection.send(MAILS[0][:len(MAILS[0]) // 2])
            return ending(connection)
        client = self.login(gateway)
        client.stat()
        fake.on("FETCH", half)
        with self.assertRaises(Closed) as caught:
            client.retr(1)
        self.assertNotIn(b"\r\n.\r\n", caught.exception.partial)
        fake.off("FETCH")
        again = self.login(gateway)  # others are not harmed
        self.assertEqual(again.retr(1), MAILS[0])
        again.quit()

    def test_close(self):
        self.cut(lambda connection: connection.close())

    def test_reset(self):
        self.cut(lambda connection: connection.reset())

    def test_stall(self):
        self.cut(lambda connection: connection.stall())

    def test_dies_in_a_large_message(self):
        fake = self.fake(MAILS[:1] + [Generated(5_000_000)])

        def gate(offset):
            if offset > 3_000_000:
                raise ConnectionResetError
        fake.folders["INBOX"][1].body.gate = gate
        client = self.login(self.gateway(fake))
        with self.assertRaises(Closed) as caught:
            client.retr(2)
        self.assertNotIn(b"\r\n.\r\n", caught.exception.partial)

    def test_tls_cut_without_close_notify(self):
        ca = self.authority()
        fake = self.fake([Generated(5_000_000)], tls=tls_context(ca.issue("server")),
                         implicit_tls=True)

        def gate(offset):
            if offset > 3_000_000:
                raise ConnectionResetError
        fake.folders["INBOX"][0].body.gate = gate
        client = self.login(self.gateway(f"imaps://localhost:{fake.port}?ca={ca.cert}"))
        with self.assertRaises(Closed) as caught:
            client.retr(1)
        self.assertNotIn(b"\r\n.\r\n", caught.exception.partial)

    def test_literal_shorter_and_longer_than_the_size(self):
        """What RFC822.SIZE claims may be wrong: what is received is sent, and counts from then on."""
        fake = self.fake([Message(MAILS[0], 1, size=len(MAILS[0]) + 700),
                          Message(MAILS[1], 2, size=7), MAILS[2]])
        gateway = self.gateway(fake)
        client = self.login(gateway)
        for number in (1, 2, 3):
            self.assertEqual(client.retr(number), MAILS[number - 1])
        client.quit()
        self.assertEqual(self.login(gateway).list(), {n + 1: len(MAILS[n]) for n in range(3)})

    def test_slow_drip(self):
        fake = self.fake(MAILS[:1])

        def drip(connection, command):
            if not fetches_bodies(command):
                return None
            answer = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % len(MAILS[0]) + MAILS[0] + b")\r\n"
            for octet in answer:
                connection.send(bytes([octet]))
            return connection.ok(command)
        client = self.login(self.gateway(fake))
        fake.on("FETCH", drip)
        self.assertEqual(client.retr(1), MAILS[0])
        client.quit()

    def test_nul_bare_cr_and_bare_lf_in_a_literal(self):
        case = corpus.Case("raw", b"Subject: x\n\nnul\0\n.\nlone\rcr\nno end")
        fake = self.fake([case.stored])
        gateway = self.gateway(fake)
        client = self.login(gateway)
        got = client.retr(1)
        self.assertNotIn(b"\0", got)
        self.assertEqual(len(got), len(case.received))
        self.assertEqual(got.split(b"\r\n")[3:], [b".", b"lone\rcr", b"no end", b""])
        client.quit()
        self.assertEqual(self.login(gateway).list(), {1: len(got)})


class Answers(Scene):
    """Responses in unusual forms are understood; those nobody asked for are not taken as answers."""

    def retr_with(self, answer, number=2):
        fake = self.fake(MAILS)
        client = self.login(self.gateway(fake, pop3={"prefetch": 0},
                                         config={"limits": {"response_seconds": 5}}))
        client.stat()

        def hook(connection, command):
            if not fetches_bodies(command):
                return None
            connection.send(answer)
            return connection.ok(command)
        fake.on("FETCH", hook)
        return client, lambda: client.retr(number)

    def test_other_messages_and_items_in_between(self):
        body = MAILS[1]
        client, retr = self.retr_with(
            b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 9 EXISTS\r\n* OK still here\r\n"
            b"* 2 FETCH (FLAGS (\\Seen $x) BODY[] {%d}\r\n%b UID 2 MODSEQ (7))\r\n"
            b"* 2 FETCH (UID 2 FLAGS ())\r\n" % (len(body), body))
        self.assertEqual(retr(), body)
        client.quit()

    def test_lower_case_and_quoted(self):
        client, retr = self.retr_with(b'* 2 fetch (uid 2 body[] "Subject: q")\r\n')
        self.assertEqual(retr(), b"Subject: q\r\n\r\n")
        client.quit()

    def test_nothing(self):
        client, retr = self.retr_with(b"")
        with self.assertRaises(Refused):
            retr()
        client.command("NOOP")

    def test_nil(self):
        client, retr = self.retr_with(b"* 2 FETCH (UID 2 BODY[] NIL)\r\n")
        try:
            self.assertEqual(retr(), b"\r\n")  # the empty message, or a refusal
        except Refused:
            client.command("NOOP")

    def test_another_message_is_never_the_answer(self):
        client, retr = self.retr_with(
            b"* 3 FETCH (UID 3 BODY[] {%d}\r\n%b)\r\n" % (len(MAILS[2]), MAILS[2]))
        with self.assertRaises((Refused, Closed)):
            retr()
        client.close()

    def test_huge_literal_is_refused(self):
        for size in (2**31, 2**32, 2**63, 2**64, 10**30):
            with self.subTest(size):
                client, retr = self.retr_with(b"* 2 FETCH (UID 2 FLAGS {%d}\r\nx" % size)
                with self.assertRaises((Refused, Closed)):
                    retr()
                client.close()

    def test_listing_with_missing_messages(self):
        """Some servers skip messages in a FETCH; nothing is made up for them."""
        fake = self.fake(MAILS)

        def skip(connection, command):
            if fetches_bodies(command):
                return None
            connection.untagged(f"1 FETCH (UID 1 RFC822.SIZE {len(MAILS[0])} FLAGS ())")
            connection.untagged(f"4 FETCH (FLAGS () RFC822.SIZE {len(MAILS[3])} UID 4)")
            return connection.ok(command)
        fake.on("FETCH", skip)
        client = self.login(self.gateway(fake))
        self.assertEqual(list(client.list().values()), [len(MAILS[0]), len(MAILS[3])])
        self.assertEqual(client.retr(2), MAILS[3])
        client.quit()


class AtLogin(Scene):
    """+OK only after the upstream accepted; else the cause, with the right code."""

    def refused(self, gateway, password=PASSWORD, code=None):
        client = self.connect(gateway)
        client.command(f"USER {USER}")
        with self.assertRaises(Refused) as caught:
            client.command(f"PASS {password}")
        text = str(caught.exception)
        if code:
            self.assertIn(f"-ERR [{code}", text)
        client.close()
        return text

    def test_wrong_password(self):
        fake = self.fake(MAILS)
        self.refused(self.gateway(fake), "wrong", "AUTH")

    def test_not_listening(self):
        self.refused(self.gateway(f"imap://127.0.0.1:{free_port()}"), code="SYS/TEMP")

    def test_name_that_does_not_exist(self):
        self.refused(self.gateway("imap://upstream.invalid?tls=starttls"), code="SYS/TEMP")

    def test_bye_in_the_greeting(self):
        fake = self.fake(MAILS, greeting="* BYE [UNAVAILABLE] down for repair")
        text = self.refused(self.gateway(fake), code="SYS/TEMP")
        self.assertIn("down for repair", text)
        self.assertNotIn(PASSWORD.encode(), fake.all_received())

    def test_closes_before_greeting(self):
        fake = self.fake(MAILS)
        fake.on("greeting", lambda connection, _: connection.close())
        self.refused(self.gateway(fake), code="SYS/TEMP")

    def test_silent(self):
        fake = self.fake(MAILS)
        fake.on("greeting", lambda connection, _: connection.stall())
        gateway = self.gateway(fake, config={"limits": {"connect_seconds": 1,
                                                        "response_seconds": 1}})
        self.refused(gateway, code="SYS/TEMP")

    def test_greeting_of_another_protocol(self):
        fake = self.fake(MAILS, greeting="220 smtp.example.com ESMTP")
        self.refused(self.gateway(fake), code="SYS/")
        self.assertNotIn(PASSWORD.encode(), fake.all_received())

    def test_temporary_refusals(self):
        for refusal in ("NO [UNAVAILABLE] try later", "NO [LIMIT] too many connections",
                        "NO [INUSE] locked"):
            with self.subTest(refusal):
                fake = self.fake(MAILS)
                for name in ("LOGIN", "AUTHENTICATE"):
                    fake.on(name, lambda connection, command: connection.ok(command, refusal))
                self.refused(self.gateway(fake),
                             code="IN-USE" if "INUSE" in refusal else "SYS/TEMP")

    def test_bye_at_login(self):
        fake = self.fake(MAILS)

        def bye(connection, command):
            connection.send(b"* BYE too busy\r\n")
            connection.close()
        for name in ("LOGIN", "AUTHENTICATE"):
            fake.on(name, bye)
        self.refused(self.gateway(fake), code="SYS/TEMP")

    def test_select_refused(self):
        fake = self.fake(MAILS)
        for name in ("SELECT", "EXAMINE"):
            fake.on(name, lambda connection, command: connection.ok(command, "NO no mailbox"))
        self.refused(self.gateway(fake), code="SYS/")

    def test_texts_are_cleaned(self):
        """A line of the upstream's cannot become one of ours (CASES I3)."""
        fake = self.fake(MAILS)
        text = b"NO [AUTHENTICATIONFAILED] bad\r+OK logged in\x1b[2J\x07"

        def refuse(connection, command):
            connection.send(command.tag + b" " + text + b"\r\n")
            return HANDLED
        for name in ("LOGIN", "AUTHENTICATE"):
            fake.on(name, refuse)
        gateway = self.gateway(fake)
        answer = self.refused(gateway, code="AUTH")
        self.assertNotRegex(answer, r"[\x00-\x1f]")
        gateway.stop()
        self.assertNotRegex(gateway.output(), r"[\x00-\x08\x0b-\x1f]")

    def test_names_are_quoted(self):
        """Nothing in a login or password becomes a second command (CASES I1)."""
        password = 'p"\\ {5} %*('
        for login in ('a"b', "back\\slash", "brace{5}", "per%cent*", "zoë", "par(en)"):
            with self.subTest(login):
                fake = self.fake(MAILS, users={login: password})
                self.login(self.gateway(fake), user=login, password=password).quit()

    def test_login_without_sasl(self):
        password = 'p"\\ {5} %*('
        fake = self.fake(MAILS, capabilities="IMAP4rev1", users={USER: password})
        self.login(self.gateway(fake), password=password).quit()


class Starttls(Scene):
    def check_refused(self, upstream, *words):
        client = self.connect(self.gateway(upstream))
        client.command(f"USER {USER}")
        with self.assertRaises(Refused) as caught:
            client.command(f"PASS {PASSWORD}")
        text = str(caught.exception)
        self.assertRegex(text, r"-ERR \[SYS/(TEMP|PERM)\]")
        for word in words:
            self.assertIn(word, text.lower())
        client.close()

    def nothing_was_told(self, fake):
        received = fake.all_received()
        for verb in (b"LOGIN", b"AUTHENTICATE", PASSWORD.encode()):
            self.assertNotIn(verb, received)

    def test_preauth(self):
        fake = self.fake(MAILS, greeting="* PREAUTH welcome")
        self.check_refused(fake_url(fake), "preauth")
        self.nothing_was_told(fake)

    def test_starttls_taken_out(self):
        fake = self.fake(MAILS)
        self.check_refused(fake_url(fake, tls="starttls"), "tls", "no password was sent")
        self.nothing_was_told(fake)

    def test_starttls_refused(self):
        fake = self.fake(MAILS, capabilities=CAPABILITIES + " STARTTLS")
        fake.on("STARTTLS", lambda connection, command: connection.ok(command, "NO not today"))
        self.check_refused(fake_url(fake, tls="starttls"))
        self.nothing_was_told(fake)

    def test_clear_text_behind_the_answer(self):
        ca = self.authority()
        fake = self.fake(MAILS, tls=tls_context(ca.issue("server")))

        def inject(connection, command):
            connection.send(command.tag + b" OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
            connection.start_tls()
            return HANDLED
        fake.on("STARTTLS", inject)
        self.check_refused(fake_url(fake, host="localhost", tls="starttls", ca=ca.cert))
        self.nothing_was_told(fake)

    def test_clear_text_where_tls_is_spoken(self):
        fake = self.fake(MAILS)
        ca = self.authority()
        self.check_refused(f"imaps://localhost:{fake.port}?ca={ca.cert}", "tls")
        self.nothing_was_told(fake)

    def test_capabilities_from_before_are_forgotten(self):
        ca = self.authority()
        fake = self.fake(MAILS, capabilities="IMAP4rev1 LOGINDISABLED",
                         tls=tls_context(ca.issue("server")))

        def capability(connection, command):
            if hasattr(connection.sock, "cipher"):
                connection.untagged("CAPABILITY IMAP4rev1 AUTH=PLAIN")
                return connection.ok(command)
            return None
        fake.on("CAPABILITY", capability)
        gateway = self.gateway(fake_url(fake, host="localhost", tls="starttls", ca=ca.cert))
        self.login(gateway).quit()
        names = [c.name for c in fake.commands()]
        after = names[names.index("STARTTLS") + 1:]
        self.assertEqual(after[0], "CAPABILITY")


class Certificates(Scene):
    def refused_with(self, *words, issue=None, host="localhost", trust=None):
        ca = self.authority()
        certificate = ca.issue("server", **(issue or {}))
        trust = trust or ca
        for implicit in (True, False):
            fake = self.fake(MAILS, tls=tls_context(certificate), implicit_tls=implicit)
            scheme, more = ("imaps", "") if implicit else ("imap", "&tls=starttls")
            gateway = self.gateway(f"{scheme}://{host}:{fake.port}?ca={trust.cert}{more}")
            client = self.connect(gateway)
            client.command(f"USER {USER}")
            with self.assertRaises(Refused) as caught:
                client.command(f"PASS {PASSWORD}")
            text = str(caught.exception).lower()
            self.assertIn("certificate", text)
            self.assertTrue(any(word in text for word in words), text)
            self.assertNotIn(PASSWORD.encode(), fake.all_received())
            client.close()

    def test_wrong_host(self):
        self.refused_with("host", "name", "localhost",
                          issue={"hosts": ["DNS:other.example.com"]})

    def test_wrong_address(self):
        self.refused_with("address", "127.0.0.1", "name", host="127.0.0.1",
                          issue={"hosts": ["DNS:localhost"]})

    def test_expired(self):
        self.refused_with("expired", issue={"expired": True})

    def test_unknown_authority(self):
        self.refused_with("issuer", "self-signed", "self signed", "trust", "authority",
                          trust=self.authority())

    def test_not_verified_on_request(self):
        ca = self.authority()
        fake = self.fake(MAILS, tls=tls_context(ca.issue("server", ["DNS:other.example.com"])),
                         implicit_tls=True)
        gateway = self.gateway(f"imaps://localhost:{fake.port}?verify=off")
        self.login(gateway).quit()
        gateway.stop()
        gateway.wait_said(re.compile("(?i)warn"))


class Later(Scene):
    def test_lost_between_commands(self):
        """An idle connection that was cut is opened again, or the client is told; never a lie."""
        fake = self.fake(MAILS)
        client = self.login(self.gateway(fake))
        client.stat()
        fake.drop_all()
        wait_until(lambda: fake.open_connections == 0, "the upstream connection to end")
        try:
            self.assertEqual(client.retr(1), MAILS[0])
        except (Refused, Closed):
            pass

    def test_bye_without_warning(self):
        fake = self.fake(MAILS)
        client = self.login(self.gateway(fake))
        client.stat()

        def bye(connection, command):
            connection.send(b"* BYE idle for too long\r\n")
            connection.close()
        fake.on("FETCH", bye)
        with self.assertRaises((Refused, Closed)):
            client.retr(1)

    def test_lying_capabilities(self):
        """What was announced and is refused is done without (CASES U4)."""
        fake = self.fake(MAILS, capabilities=CAPABILITIES + " COMPRESS=DEFLATE CONDSTORE ENABLE")
        for name in ("COMPRESS", "ENABLE", "ID", "NAMESPACE"):
            fake.on(name, lambda connection, command: connection.ok(command, "NO not really"))
        client = self.login(self.gateway(fake))
        self.assertEqual(client.retr(4), MAILS[3])
        client.quit()


def fake_url(fake, host="127.0.0.1", **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"imap://{host}:{fake.port}" + ("?" + query if query else "")


if __name__ == "__main__":
    unittest.main()
