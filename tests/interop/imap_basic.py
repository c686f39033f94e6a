"""An IMAP client (Python's own) on a POP3 maildrop (Dovecot's): the everyday commands, twice at the
same time, and over a restart."""

import imaplib
import os
import re
import time

from tests.lib import corpus
from tests.lib.imap_scene import ImapScene
from tests.lib.process import PATIENCE
from tests.lib.scene import PASSWORD, USER
from tests.lib.stores import DovecotStore

APPENDED = b"Subject: draft\r\nFrom: ann@example.com\r\n\r\nnot sent yet\r\n"


class Basic(ImapScene):
    def wait(self, what, true):
        deadline = time.monotonic() + PATIENCE
        while not true():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    @staticmethod
    def crlf(mail):
        return re.sub(rb"\r?\n", b"\r\n", mail)

    def test_login(self):
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            self.client("wrong")
        client = self.client()
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            self.client("wrong")
        self.assertEqual(5, self.select(client, count=5))
        self.assertEqual("BYE", client.logout()[0])

    def test_a_session_goes_where_the_account_is(self):
        """A connection may try several users; see also tests/interop/workers.py."""
        users = [f"user{n}@example.com" for n in range(4)]
        server = self.dovecot(users={user: PASSWORD for user in users}, pop3=True)
        DovecotStore(server, users[-1]).deliver(self.mails[0])
        gate = self.gateway(f"pop3://127.0.0.1:{server.pop3_port}", listener="imap", workers=4)
        client = imaplib.IMAP4("127.0.0.1", gate.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        for user in users[:-1]:
            with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                client.login(user, "wrong")
        # What was only guessed at leaves nothing on the disk.
        self.assertEqual([], os.listdir(os.path.join(gate.state_dir, "accounts")))
        client.login(users[-1], PASSWORD)
        self.assertEqual(1, self.select(client, count=1))
        self.assertEqual(self.crlf(self.mails[0]),
                         self.ok(client.fetch("1", "(BODY.PEEK[])"))[0][1])

    def test_folders(self):
        client = self.client()
        listed = b"\n".join(self.ok(client.list()))
        for name, use in (("Drafts", "Drafts"), ("Sent", "Sent"), ("Trash", "Trash"),
                          ("Junk", "Junk"), ("Archive", "Archive")):
            self.assertRegex(listed.decode(), rf'\\{use}[^)]*\) "/" "?{name}"?')
        self.ok(client.create("Work/2026"))
        self.ok(client.rename("Work/2026", "Work/Old"))
        self.assertIn(b"Work/Old", b"\n".join(self.ok(client.list())))
        self.ok(client.delete("Work/Old"))
        self.assertNotIn(b"Work/Old", b"\n".join(self.ok(client.list())))

    def test_fetch(self):
        client = self.client()
        self.select(client, count=5)
        for number, mail in enumerate(self.mails, 1):
            whole = self.ok(client.fetch(str(number), "(BODY.PEEK[])"))
            self.assertEqual(self.crlf(mail), whole[0][1])
            size = self.ok(client.fetch(str(number), "(RFC822.SIZE)"))[0]
            self.assertIn(b"RFC822.SIZE %d" % len(self.crlf(mail)), size)
            part = self.ok(client.fetch(str(number), "(BODY.PEEK[]<2.7>)"))
            self.assertEqual(self.crlf(mail)[2:9], part[0][1])
            header = self.ok(client.fetch(str(number), "(BODY.PEEK[HEADER])"))[0][1]
            self.assertEqual(self.crlf(mail)[:len(header)], header)
            self.assertTrue(header.endswith(b"\r\n\r\n"))
        every = self.ok(client.fetch(
            "1:*", "(UID FLAGS INTERNALDATE ENVELOPE BODY BODYSTRUCTURE)"))
        text = repr(every)
        self.assertEqual(5, text.count("ENVELOPE ("), text)
        self.assertEqual(5, text.count("BODYSTRUCTURE ("), text)
        self.assertNotIn("Seen", text)
        self.ok(client.fetch("1", "(BODY[TEXT])"))
        self.assertIn(b"\\Seen", self.ok(client.fetch("1", "(FLAGS)"))[0])

    def test_two_sessions_see_each_other(self):
        one, other = self.client(), self.client()
        self.select(one, count=5)
        self.select(other, count=5)
        self.ok(one.store("2", "+FLAGS", "(\\Flagged $Later)"))
        other.noop()
        self.assertIn("Flagged", repr(other.response("FETCH")))
        self.assertEqual([b"2"], self.ok(other.search(None, "KEYWORD", "$Later")))
        self.ok(one.store("1", "+FLAGS", "(\\Deleted)"))
        self.ok(one.expunge())
        self.wait("the other session sees it gone", lambda: (
            other.noop(), other.response("EXPUNGE")[1] != [None])[1])

    def test_expunge_deletes_upstream(self):
        client = self.client()
        self.select(client, count=5)
        self.ok(client.store("2,4", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.assertEqual(3, self.select(client, count=3))
        self.assertEqual(3, len(self.store.files()))
        self.assertEqual(self.crlf(self.mails[2]),
                         self.ok(client.fetch("2", "(BODY.PEEK[])"))[0][1])

    def test_copy_and_move(self):
        client = self.client()
        self.select(client, count=5)
        self.ok(client.copy("1", "Archive"))
        self.ok(client.create("Work"))
        self.ok(client.uid("MOVE", "2", "Work"))
        self.assertEqual(4, self.select(client, count=4))
        self.assertEqual(1, self.select(client, "Archive"))
        self.assertEqual(1, self.select(client, "Work"))
        self.assertEqual(self.crlf(self.mails[1]),
                         self.ok(client.fetch("1", "(BODY.PEEK[])"))[0][1])
        self.assertEqual(5, len(self.store.files()))

    def test_append(self):
        client = self.client()
        self.ok(client.append("Drafts", "(\\Draft)", None, APPENDED))
        self.assertEqual(1, self.select(client, "Drafts"))
        self.assertEqual(APPENDED, self.ok(client.fetch("1", "(BODY.PEEK[])"))[0][1])
        self.assertIn(b"\\Draft", self.ok(client.fetch("1", "(FLAGS)"))[0])
        self.assertEqual(5, len(self.store.files()))

    def test_search(self):
        client = self.client()
        self.select(client, count=5)
        self.ok(client.store("3", "+FLAGS", "(\\Seen)"))
        self.assertEqual([b"1 2 4 5"], self.ok(client.search(None, "UNSEEN")))
        subject = re.search(rb"^Subject: (.*?)\r?$", self.mails[3], re.M).group(1).decode()
        self.assertIn(b"4", self.ok(client.search(None, "SUBJECT", f'"{subject}"'))[0].split())

    def test_idle_sees_new_mail(self):
        client = self.client()
        self.select(client, count=5)
        client.send(b"x IDLE\r\n")
        self.assertTrue(client.readline().startswith(b"+"))
        self.store.deliver(corpus.plain_mail(6))
        line = client.readline()
        while b"EXISTS" not in line:
            line = client.readline()
        self.assertEqual(b"* 6 EXISTS\r\n", line)
        client.send(b"DONE\r\n")
        while not line.startswith(b"x "):
            line = client.readline()
        self.assertTrue(line.startswith(b"x OK"), line)

    def test_uids_stay_over_a_restart(self):
        client = self.client()
        self.select(client, count=5)
        self.ok(client.store("1", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.select(client, count=4)
        self.ok(client.store("4", "+FLAGS", "(\\Answered)"))
        self.ok(client.append("Drafts", None, None, APPENDED))
        before = self.ok(client.fetch("1:*", "(UID FLAGS)"))
        validity = client.status("INBOX", "(UIDVALIDITY UIDNEXT)")
        client.logout()
        self.gate.restart()
        client = self.client()
        self.select(client, count=4)
        self.assertEqual(before, self.ok(client.fetch("1:*", "(UID FLAGS)")))
        self.assertEqual(validity, client.status("INBOX", "(UIDVALIDITY UIDNEXT)"))
        self.select(client, "Drafts")
        self.assertEqual(APPENDED, self.ok(client.fetch("1", "(BODY.PEEK[])"))[0][1])

    def test_a_large_message(self):
        mail = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 4 + b"\r\n"
        mail += (b"x" * 76 + b"\r\n") * 60000
        self.store.deliver(mail)
        client = self.client()
        self.select(client, count=6)
        self.assertEqual(mail, self.ok(client.fetch("6", "(BODY.PEEK[])"))[0][1])
        self.assertEqual(mail, self.ok(client.fetch("6", "(BODY.PEEK[])"))[0][1])
