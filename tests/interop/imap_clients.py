"""The IMAP programs people use, on a POP3 maildrop: several at once, and without the maildrop."""

import contextlib
import imaplib
import os
import poplib
import re
import subprocess

from tests.lib import corpus
from tests.lib.imap_scene import ImapScene, crlf
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER
from tests.lib.stores import Maildir

DRAFT = b"Subject: draft\r\nFrom: ann@example.com\r\n\r\nnot sent yet\r\n"

_MBSYNC = """\
IMAPAccount ferry
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs *

IMAPStore far
Account ferry

MaildirStore near
Path {directory}/
Inbox {directory}/INBOX
SubFolders Verbatim

Channel mail
Far :far:
Near :near:
Patterns INBOX Drafts Archive
Create Both
Expunge Both
Sync All
CopyArrivalDate yes
SyncState *
"""


class Mbsync(ImapScene):
    """Two-way, into a maildir."""

    def setUp(self):
        super().setUp()
        self.home = self.path("mbsync")
        os.makedirs(self.home)
        self.rc = os.path.join(self.home, "rc")
        with open(os.open(self.rc, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(_MBSYNC.format(port=self.gate.port, user=USER, password=PASSWORD,
                                   directory=self.home))
        self.other = self.client(folder="INBOX", count=5)
        self.sync()
        self.near = Maildir(os.path.join(self.home, "INBOX"))

    def sync(self):
        done = subprocess.run(["mbsync", "-V", "-c", self.rc, "mail"], capture_output=True,
                              text=True, timeout=PATIENCE, env={**os.environ, "HOME": self.home},
                              check=False)
        said = done.stdout + done.stderr
        self.assertEqual(0, done.returncode, said)
        self.assertNotRegex(said.lower(), "warning|error")
        return said

    def far_state(self):
        """What any change there would change."""
        return [self.ok(self.other.status(folder, "(UIDVALIDITY UIDNEXT MESSAGES HIGHESTMODSEQ)"))
                for folder in ("INBOX", "Drafts", "Archive")]

    @staticmethod
    def unmarked(mail):
        """Without the header that mbsync puts into what it copies."""
        return re.sub(rb"(?m)^X-TUID: .*\n", b"", mail)

    def near_mails(self, folder="INBOX"):
        """Flags, octets and path by subject."""
        found = {}
        base = os.path.join(self.home, folder)
        for sub in ("new", "cur"):
            for entry in os.listdir(os.path.join(base, sub)):
                path = os.path.join(base, sub, entry)
                with open(path, "rb") as f:
                    mail = self.unmarked(f.read())
                found[self.subject(mail)] = (entry.partition(":2,")[2], mail, path)
        return found

    @staticmethod
    def subject(mail):
        return next(line for line in mail.splitlines() if line.startswith(b"Subject:"))

    def set_near_flags(self, mail, flags):
        path = self.near_mails()[self.subject(mail)][2]
        name = os.path.basename(path).partition(":2,")[0]
        os.rename(path, os.path.join(self.near.path, "cur", f"{name}:2,{flags}"))

    def test_first_sync(self):
        near = self.near_mails()
        self.assertEqual(5, len(near))
        for mail in self.mails:
            self.assertEqual(mail, crlf(near[self.subject(mail)][1]))
        for folder in ("Drafts", "Archive"):
            self.assertEqual({}, self.near_mails(folder))

    def test_second_sync_does_nothing(self):
        before, far = self.near_mails(), self.far_state()
        self.sync()
        self.assertEqual(before, self.near_mails())
        self.assertEqual(far, self.far_state())

    def test_flags_go_both_ways(self):
        self.ok(self.other.store("2", "+FLAGS", "(\\Flagged \\Answered)"))
        self.set_near_flags(self.mails[3], "S")
        self.sync()
        near = self.near_mails()
        self.assertEqual("FR", near[self.subject(self.mails[1])][0])
        self.other.noop()
        self.assertEqual({"\\seen"}, list(self.flags(self.other).values())[3])
        self.ok(self.other.store("2", "-FLAGS", "(\\Flagged)"))
        self.set_near_flags(self.mails[3], "")
        self.sync()
        self.assertEqual("R", self.near_mails()[self.subject(self.mails[1])][0])
        self.other.noop()
        self.assertEqual(set(), list(self.flags(self.other).values())[3])

    def test_new_mail_goes_both_ways(self):
        far, near = crlf(corpus.plain_mail(6)), crlf(corpus.plain_mail(7))
        self.store.deliver(far)
        Maildir(os.path.join(self.home, "INBOX")).deliver(near, "S")
        Maildir(os.path.join(self.home, "Drafts")).deliver(DRAFT, "DS")
        self.select(self.other, count=6)
        self.sync()
        self.assertEqual(far, crlf(self.near_mails()[self.subject(far)][1]))
        self.select(self.other, count=7)
        self.assertEqual(near, self.unmarked(self.body(self.other, 7)))
        self.assertEqual({"\\seen"}, list(self.flags(self.other, "7").values())[0])
        self.select(self.other, "Drafts", count=1)
        self.assertEqual(DRAFT, self.unmarked(self.body(self.other, 1)))
        self.assertEqual(6, len(self.store.files()))
        before = self.near_mails()
        self.sync()
        self.assertEqual(before, self.near_mails())

    def test_deletion_goes_both_ways(self):
        self.ok(self.other.store("1", "+FLAGS", "(\\Deleted)"))
        self.ok(self.other.expunge())
        self.set_near_flags(self.mails[4], "T")
        self.sync()
        self.assertEqual({self.subject(m) for m in self.mails[1:4]}, {*self.near_mails()})
        self.select(self.other, count=3)
        wait_until(lambda: len(self.store.files()) == 3, "two messages deleted upstream")


class Curl(ImapScene):
    def curl(self, path, *options, code=0):
        done = subprocess.run(["curl", "-sS", "--max-time", "25", "-u", f"{USER}:{PASSWORD}",
                               *options, f"imap://127.0.0.1:{self.gate.port}/{path}"],
                              capture_output=True, check=False)
        self.assertEqual(code, done.returncode, done.stderr)
        return done.stdout

    def test_list(self):
        self.assertIn(b'"/" "INBOX"', self.curl(""))

    def test_each_mechanism(self):
        for mechanism in ("PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                self.assertIn(b"INBOX", self.curl("", "--login-options", f"AUTH={mechanism}"))

    def test_fetch(self):
        client = self.client(folder="INBOX", count=5)
        uids = [*self.flags(client)]
        for uid, mail in zip(uids, self.mails):
            self.assertEqual(mail, self.curl(f"INBOX;UID={uid}"))
        text = self.curl(f"INBOX;UID={uids[0]};SECTION=TEXT")
        self.assertEqual(self.mails[0].partition(b"\r\n\r\n")[2], text)
        self.curl("INBOX;UID=4000000", code=78)  # REMOTE_FILE_NOT_FOUND

    def test_search_store_append(self):
        client = self.client(folder="INBOX", count=5)
        self.assertIn(b"FLAGS", self.curl("INBOX", "-X", "STORE 2 +FLAGS (\\Flagged)"))
        self.assertEqual(b"* SEARCH 2\r\n", self.curl("INBOX?FLAGGED"))
        draft = self.path("draft")
        with open(draft, "wb") as f:
            f.write(DRAFT)
        self.curl("Drafts", "-T", draft)
        self.select(client, "Drafts", count=1)
        self.assertEqual(DRAFT, self.body(client, 1))


class Mutt(ImapScene):
    def mutt(self, keys):
        home = self.path("mutt")
        os.makedirs(home)
        rc = os.path.join(home, "rc")
        with open(os.open(rc, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(f'set imap_user="{USER}"\nset imap_pass="{PASSWORD}"\nset ssl_starttls=no\n'
                    'set ssl_force_tls=no\nset delete=yes\nset quit=yes\nset mark_old=no\n'
                    f'set sleep_time=0\nset wait_key=no\nset tmpdir="{home}"\n'
                    f'set folder="imap://127.0.0.1:{self.gate.port}/"\n'
                    f'push "{keys}"\n')
        done = subprocess.run(
            ["script", "-qec", f"mutt -n -F {rc} -f imap://127.0.0.1:{self.gate.port}/INBOX",
             "/dev/null"], capture_output=True, timeout=PATIENCE, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, "HOME": home, "TERM": "xterm"})
        self.assertEqual(0, done.returncode, done.stdout[-2000:])

    def test_flag_and_delete(self):
        client = self.client(folder="INBOX", count=5)
        uids = [*self.flags(client)]
        self.mutt("<first-entry><flag-message><first-entry><next-entry><delete-message>"
                  "<sync-mailbox><quit>")
        self.select(client, count=4)
        self.assertEqual([uids[0], *uids[2:]], [*self.flags(client)])
        self.assertIn("\\flagged", self.flags(client)[uids[0]])
        wait_until(lambda: len(self.store.files()) == 4, "deleted upstream")


class TwoSessions(ImapScene):
    """imaplib twice on one account."""

    def setUp(self):
        super().setUp()
        self.one = self.client(folder="INBOX", count=5)
        self.two = self.client(folder="INBOX", count=5)

    def test_noop(self):
        self.ok(self.one.store("3", "+FLAGS", "(\\Seen)"))
        self.two.noop()
        self.assertRegex(repr(self.two.response("FETCH")), r"3 \(.*Seen")
        self.ok(self.one.append("INBOX", "(\\Flagged)", None, DRAFT))
        self.two.noop()
        self.assertEqual([b"6"], self.two.response("EXISTS")[1][-1:])
        self.ok(self.one.store("3", "+FLAGS", "(\\Deleted)"))
        self.ok(self.one.expunge())
        self.two.noop()
        self.assertEqual([b"3"], self.two.response("EXPUNGE")[1])
        self.assertEqual(self.flags(self.one), self.flags(self.two))

    def test_idle(self):
        self.idle(self.two)
        self.ok(self.one.store("3", "+FLAGS", "(\\Seen)"))
        self.heard(self.two, rb"^\* 3 FETCH .*\\Seen")
        self.ok(self.one.append("INBOX", "(\\Flagged)", None, DRAFT))
        self.heard(self.two, rb"^\* 6 EXISTS")
        self.ok(self.one.store("3", "+FLAGS", "(\\Deleted)"))
        self.ok(self.one.expunge())
        self.heard(self.two, rb"^\* 3 EXPUNGE")
        self.done(self.two)
        self.assertEqual(self.flags(self.one), self.flags(self.two))

    def test_new_mail_reaches_both(self):
        self.idle(self.two)
        self.store.deliver(corpus.plain_mail(6))
        self.heard(self.two, rb"^\* 6 EXISTS")
        self.done(self.two)
        self.one.noop()
        self.assertEqual([b"6"], self.one.response("EXISTS")[1][-1:])

    def test_wrong_password_beside_open_sessions(self):
        for password in ("wrong", "", PASSWORD + " ", PASSWORD[:-1]):
            with self.subTest(password), self.assertRaisesRegex(
                    imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                self.client(password)
        self.assertEqual(5, len(self.flags(self.one)))
        self.assertEqual(5, self.select(self.client(), count=5))

    def test_restart(self):
        self.ok(self.one.create("Work"))
        self.ok(self.one.copy("2", "Work"))
        self.ok(self.one.store("2", "+FLAGS", "(\\Answered $Later)"))
        seen = {folder: self.everything(self.one, folder) for folder in ("INBOX", "Work")}
        listed = self.ok(self.one.list())
        self.gate.restart()
        client = self.client()
        self.assertEqual(listed, self.ok(client.list()))
        for folder, before in seen.items():
            self.assertEqual(before, self.everything(client, folder))
        self.assertEqual(self.mails[1], self.body(client, 1))

    def everything(self, client, folder):
        self.select(client, folder)
        flags = self.flags(client)
        return flags, self.ok(client.status(folder, "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))


class UpstreamAway(ImapScene):
    def test_what_is_cached_stays_readable(self):
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(self.mails[0], self.body(client, 1))
        self.ok(client.fetch("1:*", "(ENVELOPE RFC822.SIZE)"))
        self.server.stop()
        self.assertEqual(self.mails[0], self.body(client, 1))
        self.ok(client.fetch("1:*", "(FLAGS ENVELOPE RFC822.SIZE)"))
        self.ok(client.store("2", "+FLAGS", "(\\Flagged)"))
        self.ok(client.append("Drafts", None, None, DRAFT))
        status, text = client.fetch("2", "(BODY.PEEK[])")
        self.assertEqual("NO", status, text)
        self.assertIn(b"[UNAVAILABLE]", text[0])
        self.ok(client.noop())
        self.server.start()
        wait_until(lambda: client.fetch("2", "(BODY.PEEK[])")[0] == "OK", "the upstream is back")
        self.assertEqual(self.mails[1], self.body(client, 2))
        self.assertEqual({"\\flagged"}, list(self.flags(client, "2").values())[0])

    def test_expunge_is_made_up_for(self):
        client = self.client(folder="INBOX", count=5)
        self.ok(client.store("1", "+FLAGS", "(\\Deleted)"))
        self.server.stop()
        self.ok(client.expunge())
        self.assertEqual([None], client.response("EXPUNGE")[1])  # it is still there
        self.assertEqual(5, len(self.flags(client)))
        self.server.start()
        self.idle(client)
        self.heard(client, rb"^\* 1 EXPUNGE")
        self.done(client)
        self.assertEqual(4, len(self.store.files()))
        self.assertEqual(4, len(self.flags(client)))

    def test_wrong_password_beside_an_open_session(self):
        client = self.client(folder="INBOX", count=5)
        self.server.stop()
        with self.assertRaisesRegex(imaplib.IMAP4.error, "UNAVAILABLE"):
            self.client("wrong")
        self.assertEqual(5, len(self.flags(client)))

    def test_login(self):
        self.server.stop()
        with self.assertRaisesRegex(imaplib.IMAP4.error, "UNAVAILABLE"):
            self.client()


class Locked(ImapScene):
    extra = "protocol pop3 {\n  pop3_lock_session = yes\n}\n"

    def test_locked_maildrop(self):
        client = self.client(folder="INBOX", count=5)
        self.assertEqual(self.mails[0], self.body(client, 1))
        with contextlib.closing(self.lock()):
            self.assertEqual(self.mails[0], self.body(client, 1))
            self.assertEqual(5, len(self.flags(client)))
            status, text = client.fetch("2", "(BODY.PEEK[])")
            self.assertEqual("NO", status, text)
            self.assertRegex(text[0], rb"\[(INUSE|UNAVAILABLE)\]")
        wait_until(lambda: client.fetch("2", "(BODY.PEEK[])")[0] == "OK", "it is free again")
        self.assertEqual(self.mails[1], self.body(client, 2))

    def lock(self):
        """Another POP3 session, which gets in once mailferry's is let go of."""
        def locked():
            other = poplib.POP3("127.0.0.1", self.server.pop3_port, timeout=PATIENCE)
            try:
                other.user(USER)
                other.pass_(PASSWORD)
                return other
            except poplib.error_proto:
                other.close()
        return wait_until(locked, "the maildrop for another session")
