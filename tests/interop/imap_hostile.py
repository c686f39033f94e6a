"""What an IMAP client must not be able to do: say a second command upstream, make a path, use up the
process, have half of a message kept (CASES A2, A3, D13, I1, I2, R1 to R4, R7)."""

import base64
import contextlib
import imaplib
import os
import unittest

from tests.lib.imap_raw import RawImap
from tests.lib.imap_scene import DRAFT, ScriptedScene
from tests.lib.mailferry import sanitized
from tests.lib.scene import PASSWORD, USER

MIB = 1 << 20


class HostileScene(ScriptedScene):
    def raw(self, login=True):
        session = RawImap(self.gate.port)
        self.addCleanup(session.close)
        if login:
            self.assertEqual("OK", session.command(f'LOGIN "{USER}" {PASSWORD}').status)
        return session

    def others_are_served(self):
        self.client(folder="INBOX", count=5)


class Credentials(HostileScene):
    def test_nothing_becomes_a_second_command(self):
        """CASES I1."""
        fake = self.serve()
        for user, password in (("a\rDELE 1", "x"), ("a\nDELE 1", "x"), ("ann", "x\r\nDELE 1"),
                               ("a\r\nQUIT", "x")):
            with self.subTest(user=user, password=password):
                session = self.raw(login=False)
                user, password = user.encode(), password.encode()
                answer = session.command(b"LOGIN {%d}" % len(user),
                                         user + b" {%d}" % len(password), password)
                self.assertIn(answer.status, ("NO", "BAD"))
                self.assertEqual([], fake.commands("DELE"))
                self.assertLessEqual(set(line.split()[0] for line in fake.commands()),
                                     {"CAPA", "USER", "PASS", "STLS", "QUIT"})
        self.others_are_served()

    def test_odd_ones_are_sent_as_they_are(self):
        for password in ('p"\\ {5} %*(', "pä ss", " lead", "{5+}", "NIL"):
            with self.subTest(password):
                fake = self.serve()
                fake.users[USER] = password.encode().decode("latin-1")
                octets = password.encode()
                answer = self.raw(login=False).command(
                    f'LOGIN "{USER}" {{{len(octets)}}}', octets)
                self.assertEqual("OK", answer.status, answer)
                self.gate.stop()

    def test_broken_sasl(self):
        """CASES A2."""
        fake = self.serve()
        session = self.raw(login=False)
        for response in ("*", "!!!", "=", base64.b64encode(b"no nul").decode(),
                         base64.b64encode(b"\0\0").decode(),
                         base64.b64encode(f"other\0{USER}\0{PASSWORD}".encode()).decode()):
            with self.subTest(response), contextlib.suppress(ConnectionError):
                if session.sock.fileno() < 0 or session.count >= 3:
                    session = self.raw(login=False)
                answer = session.command("AUTHENTICATE PLAIN", response.encode())
                self.assertIn(answer.status, ("NO", "BAD"))
        self.assertEqual([], fake.commands("PASS"))
        self.others_are_served()

    def test_guessing_ends(self):
        """CASES A3: after so many refusals the connection ends; the right one still gets in."""
        self.serve()
        session = self.raw(login=False)
        said = [session.command(f'LOGIN "{USER}" wrong{n}').status for n in range(5)]
        self.assertEqual(["NO"] * 5, said)
        self.assertTrue(session.line().startswith(b"* BYE"))
        self.others_are_served()


class Names(HostileScene):
    def test_no_path_is_made_of_them(self):
        """CASES I2."""
        self.serve()
        session = self.raw()
        before = self.tree()
        for name in (b"../../evil", b"/etc/evil", b"..", b".", b"a/../../evil", b"x" * 10_000,
                     b"nul\0name", b"&AAA-", b"&invalid", b"\xff\xfe", b"~root", b"a\\b", b"%s%n"):
            with self.subTest(name[:20]):
                answer = session.command(b"CREATE {%d+}" % len(name), name)
                if answer.status == "OK":
                    appended = session.command(b"APPEND {%d+}" % len(name),
                                               name + b" {%d+}" % len(DRAFT), DRAFT)
                    self.assertEqual("OK", appended.status, appended)
        for directory, names in (self.tree().items() - before.items()):
            self.assertNotRegex(directory + names, r"evil|root|\.\./|\\")
        self.assertFalse(os.path.exists(os.path.join(self.directory, "evil")))
        self.assertEqual("OK", session.command("NOOP").status)
        self.gate.restart()
        self.others_are_served()

    def tree(self):
        return {base: " ".join(sorted(directories + files))
                for base, directories, files in os.walk(self.gate.directory)}


class Exhaustion(HostileScene):
    """Bounded, and nobody else is harmed (CASES R1 to R4, R7)."""

    def attack(self, run, growth=8 * MIB):
        self.serve()
        self.others_are_served()
        before = self.gate.rss()
        self.gate.reset_peak()
        with contextlib.suppress(ConnectionError):
            run()
        if not sanitized():
            self.assertLess(self.gate.peak_rss() - before, growth)
        self.others_are_served()

    def test_endless_line(self):
        for login in (False, True):
            def run(login=login):
                session = self.raw(login)
                session.send(b"a NOOP ")
                for _ in range(400):
                    session.send(b"x" * 65536)
                session.line()
            with self.subTest(login=login):
                self.attack(run)
                self.gate.stop()

    def test_arguments_parentheses_and_sets(self):
        def run():
            for command in (b"SEARCH " + b"(" * 10_000, b"SEARCH " + b"NOT " * 10_000 + b"ALL",
                            b"SEARCH " + b"OR " * 5_000 + b"ALL ALL",
                            b"FETCH 1 (" + b"FLAGS " * 20_000 + b")",
                            b"UID FETCH 1:4294967295 UID", b"UID FETCH 4294967295:1 UID",
                            b"UID FETCH 99999999999999999999 UID",
                            b"UID FETCH " + b"1:*," * 5_000 + b"1 UID",
                            b"UID SEARCH " + b"1:4294967295 " * 1_000,
                            b"STORE 1 +FLAGS (" + b" ".join(b"k%d" % n for n in range(2_000)) + b")",
                            b'LIST "" ' + b"*%" * 400, b"LIST (" * 1_000):
                session = self.raw()
                session.command("SELECT INBOX")
                self.assertIn(session.command(command).status, ("OK", "NO", "BAD", "BYE"),
                              command[:30])
                session.close()
        self.attack(run, 24 * MIB)

    def test_literals(self):
        def run():
            for command in (b"LOGIN {2147483648}", b"LOGIN {4294967296}",
                            b"LOGIN {9223372036854775808}", b"LOGIN {-1}", b"LOGIN {}",
                            b"LOGIN {99999999999999999999999}"):
                answer = self.raw(False).command(command)
                self.assertIn(answer.status, ("NO", "BAD", "BYE"), command)
                self.assertFalse(answer.lines(rb"^\+"))
            session = self.raw(False)
            session.send(b"a LOGIN {2000000000+}\r\n")
            for _ in range(400):
                session.send(b"x" * 65536)
            session.line()
        self.attack(run)

    def test_append_without_end(self):
        """Over the limit, it is refused before it is sent; what is sent all the same is passed over
        or the connection ends."""
        def run():
            session = self.raw()
            answer = session.command("APPEND Drafts {3000000000}")
            self.assertEqual("NO", answer.status)
            session.send(b"a APPEND Drafts {3000000000+}\r\n")
            for _ in range(400):
                session.send(b"x" * 65536)
        self.attack(run)

    def test_many_that_say_nothing(self):
        def run():
            idle = [self.raw(False) for _ in range(80)]
            self.others_are_served()
            for session in idle:
                session.close()
        self.attack(run)

    def test_messages_made_to_be_slow(self):
        """CASES R3: answered within limits, and others are served meanwhile."""
        parts = b"".join(b"--b\r\n\r\nx\r\n" for _ in range(10_000)) + b"--b--\r\n"
        nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
                          for n in range(1_000)) + b"\r\nend\r\n"
        mails = [b'Subject: parts\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts,
                 b"Subject: nested\r\n" + nested,
                 b"Subject: addresses\r\nTo: " + b",\r\n ".join(
                     b"a%d@example.com" % n for n in range(100_000)) + b"\r\n\r\nx\r\n",
                 b'Subject: boundary\r\nContent-Type: multipart/mixed; boundary="' + b"b" * MIB
                 + b'"\r\n\r\n--' + b"b" * MIB + b"\r\n\r\nx\r\n"]
        self.serve(messages=mails)
        self.client(folder="INBOX", count=4)
        session = self.raw()
        self.assertEqual("OK", session.command("SELECT INBOX").status)
        for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[1]", "BODY.PEEK[HEADER]"):
            for number in range(1, 5):
                with self.subTest(item=item, number=number):
                    session.send(b"x FETCH %d %b\r\n" % (number, item.encode()))
                    self.ok(self.client().noop())
                    self.assertIn(session.answer(b"x").status, ("OK", "NO"))


class Appended(HostileScene):
    def test_killed_inside_a_message(self):
        """CASES D13: whole or not at all; what was OK is there."""
        self.serve()
        session = self.raw()
        done = session.command(b"APPEND Drafts {%d+}" % len(DRAFT), DRAFT)
        self.assertEqual("OK", done.status)
        session.send(b"x APPEND Drafts {100000+}\r\n" + DRAFT)
        self.assertEqual("OK", self.raw().command("NOOP").status)
        self.gate.kill()
        self.gate.start()
        client = self.client()
        self.assertEqual(1, self.select(client, "Drafts"))
        self.assertEqual(DRAFT, self.body(client, 1))

    def test_connection_lost_inside_a_message(self):
        self.serve()
        session = self.raw()
        session.send(b"x APPEND Drafts {100000+}\r\n" + DRAFT)
        session.close()
        client = self.client()
        self.assertEqual(0, self.select(client, "Drafts"))
        self.ok(client.append("Drafts", None, None, DRAFT))
        self.assertEqual(1, self.select(client, "Drafts"))


if __name__ == "__main__":
    unittest.main()
