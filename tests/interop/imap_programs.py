"""What the mail programs say that cannot be run in a test, word for word, and what they need to hear.

Each conversation is what such a program says of its own accord from its first connection on.
"""

import base64
import re

from tests.lib.imap_raw import RawImap
from tests.lib.imap_scene import ImapScene
from tests.lib.scene import PASSWORD, USER

SENT = b"Subject: sent\r\nMessage-ID: <sent@example.com>\r\nFrom: ann@example.com\r\n\r\nhello\r\n"

THUNDERBIRD_FIELDS = ("From To Cc Bcc Subject Date Message-ID Priority X-Priority References "
                      "Newsgroups In-Reply-To Content-Type Reply-To")
APPLE_FIELDS = ("date subject from to cc message-id in-reply-to references content-type x-priority "
                "x-uniform-type-identifier x-universally-unique-identifier list-id "
                "list-unsubscribe bimi-indicator bimi-location authentication-results")
ROUNDCUBE_FIELDS = ("DATE FROM TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST "
                    "DISPOSITION-NOTIFICATION-TO X-PRIORITY")

PLAIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


class Program(ImapScene):
    def setUp(self):
        super().setUp()
        self.client(folder="INBOX", count=5).logout()
        self.program = self.raw()

    def raw(self):
        program = RawImap(self.gate.port)
        self.addCleanup(program.close)
        return program

    def say(self, text, *literals, status="OK"):
        """One of the program's commands; the untagged lines of the answer."""
        answer = self.program.command(text, *literals)
        self.assertEqual(status, answer.status, f"{text}\n{answer}")
        self.last = answer
        return answer.untagged

    def capabilities(self):
        line = self.say("CAPABILITY")[0]
        return set(line.decode().split()[2:])

    def folders(self, lines):
        """Attributes by name, of LIST responses."""
        found = {}
        for line in lines:
            match = re.fullmatch(rb'\* (?:LIST|LSUB) \(([^)]*)\) "/" "?([^"]*)"?.*', line)
            if match:
                found[match[2].decode()] = set(match[1].decode().split())
        return found

    def fetched(self, text):
        """The FETCH responses by UID."""
        return {int(re.search(rb"UID (\d+)", line)[1]): line for line in self.say(text)
                if b" FETCH (" in line}

    def uids(self):
        return sorted(self.fetched("UID FETCH 1:* (FLAGS)"))


class Thunderbird(Program):
    def log_in(self):
        self.assertLessEqual({"IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "IDLE"}, self.capabilities())
        self.say(f"authenticate PLAIN {PLAIN}")
        self.assertLessEqual({"NAMESPACE", "UIDPLUS", "MOVE", "CONDSTORE", "LIST-EXTENDED"},
                             self.capabilities())
        self.say('ID ("name" "Thunderbird" "version" "115.12.0")')
        self.assertEqual([b'* NAMESPACE (("" "/")) NIL NIL'], self.say("namespace"))

    def test_first_start(self):
        self.log_in()
        folders = self.folders(self.say('list (subscribed) "" "*" return (special-use)'))
        for folder, mark in (("Drafts", "\\Drafts"), ("Sent", "\\Sent"), ("Trash", "\\Trash"),
                             ("Junk", "\\Junk"), ("Archive", "\\Archive")):
            self.assertIn(mark, folders[folder])
        self.assertIn("INBOX", folders)
        self.say('list "" "INBOX"')
        self.say('select "INBOX" (CONDSTORE)')
        self.assertIn("READ-WRITE", self.last.text)
        uids = self.uids()
        self.assertEqual(5, len(uids))
        headers = self.fetched(f"UID fetch {uids[0]}:{uids[-1]} (UID RFC822.SIZE FLAGS "
                               f"BODY.PEEK[HEADER.FIELDS ({THUNDERBIRD_FIELDS})])")
        for uid, mail in zip(uids, self.mails):
            self.assertIn(b"RFC822.SIZE %d " % len(mail), headers[uid])
            self.assertIn(re.search(rb"Subject:.*\r\n", mail)[0], headers[uid])
        whole = self.fetched(f"UID fetch {uids[2]} (UID RFC822.SIZE BODY.PEEK[])")
        self.assertIn(b"BODY[] {%d}\r\n%b" % (len(self.mails[2]), self.mails[2]), whole[uids[2]])

    def test_read_in_pieces(self):
        self.log_in()
        self.say('select "INBOX"')
        uid, mail, whole = self.uids()[1], self.mails[1], b""
        while len(whole) < len(mail):
            at = len(whole)
            line = self.fetched(f"UID fetch {uid} (UID RFC822.SIZE BODY.PEEK[]<{at}.100>)")[uid]
            count, rest = re.search(rb"BODY\[\]<%d> \{(\d+)\}\r\n(.*)" % at, line, re.S).groups()
            whole += rest[:int(count)]
        self.assertEqual(mail, whole)

    def test_a_message_is_sent_and_one_deleted(self):
        self.log_in()
        self.say('select "INBOX" (CONDSTORE)')
        uids = self.uids()
        self.say(f'append "Sent" (\\Seen) {{{len(SENT)}}}', SENT)
        self.assertRegex(self.last.text, r"\[APPENDUID \d+ \d+\]")
        self.say(f"uid store {uids[0]} +FLAGS (\\Seen $label1 NonJunk)")
        self.say(f"uid store {uids[0]} +FLAGS ($Forwarded)")
        self.say(f'uid move {uids[1]} "Trash"')
        self.assertEqual([uids[0], *uids[2:]], self.uids())
        self.assertEqual([b'* STATUS "Sent" (MESSAGES 1 RECENT 0 UIDNEXT 2 UNSEEN 0)'],
                         self.say('STATUS "Sent" (UIDNEXT MESSAGES UNSEEN RECENT)'))
        self.say('select "Trash"')
        self.assertEqual(1, len(self.uids()))
        self.say('select "Sent"')
        found = self.say("uid search UNDELETED HEADER Message-ID sent@example.com")
        self.assertEqual(b"* SEARCH 1", found[0].strip())
        self.say('create "Archives/2026"')
        self.say('subscribe "Archives/2026"')
        self.assertIn("Archives/2026", self.folders(self.say('lsub "" "*"')))
        self.say("close")
        self.say("logout")

    def test_new_mail_while_it_idles(self):
        self.log_in()
        self.say('select "INBOX"')
        self.program.send(b"i1 IDLE\r\n")
        self.assertTrue(self.program.line().startswith(b"+"))
        self.store.deliver(self.mails[0])
        while self.program.line() != b"* 6 EXISTS":
            pass
        self.program.send(b"DONE\r\n")
        self.assertEqual("OK", self.program.answer(b"i1").status)
        self.assertEqual(6, len(self.uids()))


class AppleMail(Program):
    def test_a_day(self):
        self.capabilities()
        self.say(f"AUTHENTICATE PLAIN {PLAIN}")
        self.say('ID ("name" "iPhone Mail" "version" "21A329" "os" "iOS" "os-version" "17.0")')
        self.say("ENABLE CONDSTORE")
        self.assertEqual({""}, set(self.folders(self.say('LIST "" ""'))))
        self.assertIn("Sent", self.folders(self.say('LIST "" "*" RETURN (SPECIAL-USE)')))
        line = self.say('STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)')[0]
        self.assertRegex(line, rb"\(MESSAGES 5 UIDNEXT \d+ UIDVALIDITY \d+ UNSEEN 5 "
                               rb"HIGHESTMODSEQ \d+\)")
        self.say("SELECT INBOX (CONDSTORE)")
        modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", b"\n".join(self.last.untagged))[1])
        uids = self.uids()
        found = self.say("UID SEARCH 1:* NOT DELETED")
        self.assertEqual([b"* SEARCH " + b" ".join(b"%d" % uid for uid in uids)], found)
        headers = self.fetched(f"UID FETCH {uids[0]}:{uids[4]} (INTERNALDATE UID RFC822.SIZE FLAGS "
                               f"BODY.PEEK[HEADER.FIELDS ({APPLE_FIELDS})])")
        self.assertEqual(uids, sorted(headers))
        line = self.fetched(f"UID FETCH {uids[2]} (BODYSTRUCTURE BODY.PEEK[HEADER])")[uids[2]]
        header, _, body = self.mails[2].partition(b"\r\n\r\n")
        self.assertIn(header, line)
        line = self.fetched(f"UID FETCH {uids[2]} (BODY.PEEK[1.MIME] BODY.PEEK[1]<0.20>)")[uids[2]]
        self.assertIn(body[:20], line)
        self.say("CHECK")
        self.say(f"UID STORE {uids[3]} +FLAGS.SILENT (\\Deleted)")
        changed = self.fetched(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")
        self.assertEqual([uids[3]], sorted(changed))
        self.say(f"UID EXPUNGE {uids[3]}")
        self.assertEqual(uids[:3] + uids[4:], self.uids())
        self.say("LOGOUT")


class Outlook(Program):
    def test_a_day(self):
        self.capabilities()
        self.say(f'LOGIN "{USER}" "{PASSWORD}"')
        self.say('ID ("name" "Microsoft Outlook" "version" "16.0")')
        self.say("NAMESPACE")
        self.say('XLIST "" "*"', status="BAD")
        self.assertIn("\\Sent", self.folders(self.say('LIST "" "*" RETURN (SPECIAL-USE)'))["Sent"])
        self.assertIn("INBOX", self.folders(self.say('LSUB "" "*"')))
        self.say('SELECT "INBOX"')
        uids = sorted(self.fetched("UID FETCH 1:* (UID FLAGS)"))
        self.assertEqual(5, len(uids))
        self.say("UID SEARCH SINCE 1-Jan-2000")
        self.assertEqual(uids, sorted(self.fetched(
            "UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER] ENVELOPE)")))
        line = self.fetched(f"UID FETCH {uids[4]} (UID BODY.PEEK[])")[uids[4]]
        self.assertIn(self.mails[4], line)
        self.say(f'APPEND "Sent" (\\Seen) "21-Nov-2026 10:00:00 +0100" {{{len(SENT)}+}}', SENT)
        self.say(f'UID COPY {uids[0]} "Trash"')
        self.say(f"UID STORE {uids[0]} +FLAGS (\\Deleted \\Seen)")
        self.say("EXPUNGE")
        self.assertEqual(uids[1:], self.uids())
        self.say('SELECT "Trash"')
        trashed = self.uids()
        self.assertIn(self.mails[0], self.fetched(f"UID FETCH {trashed[0]} BODY.PEEK[]")[trashed[0]])
        self.assertEqual(5, len(self.store.files()))  # Trash still has it
        self.say('SELECT "INBOX"')
        self.say("NOOP")
        self.say("LOGOUT")


class Roundcube(Program):
    route = {"idle_seconds": 3600, "poll_seconds": 3600}

    def log_in(self):
        self.program = self.raw()
        self.capabilities()
        self.say("AUTHENTICATE PLAIN", PLAIN.encode())
        self.say('ID ("name" "Roundcube" "version" "1.6.5")')

    def test_a_page_after_the_other(self):
        for _ in range(20):
            self.log_in()
            self.say("NAMESPACE")
            self.say('LIST "" "*" RETURN (SUBSCRIBED)')
            lines = self.say('LIST (SUBSCRIBED) "" "*" RETURN (STATUS (MESSAGES UNSEEN))')
            self.assertIn(b'* STATUS "INBOX" (MESSAGES 5 UNSEEN 5)', lines)
            self.say("SELECT INBOX")
            found = self.say("UID SEARCH RETURN (ALL COUNT) UNDELETED")
            self.assertRegex(found[0], rb"^\* ESEARCH \(TAG \"t\d+\"\) UID ALL \S+ COUNT 5$")
            self.assertIn(b" COUNT 5", self.say("SEARCH RETURN (COUNT ALL) ALL UNDELETED")[0])
            self.say("FETCH 1:5 (UID RFC822.SIZE FLAGS INTERNALDATE BODYSTRUCTURE "
                     f"BODY.PEEK[HEADER.FIELDS ({ROUNDCUBE_FIELDS})])")
            self.say("LOGOUT")
        self.assertEqual(1, len(re.findall(r" upstream route=pop3://", self.gate.output())))

    def test_sort_is_refused_and_search_takes_its_place(self):
        self.log_in()
        self.assertNotIn("SORT", self.capabilities())
        self.say("SELECT INBOX")
        self.say("UID SORT (ARRIVAL) UTF-8 ALL UNDELETED", status="BAD")
        self.assertEqual(5, len(self.fetched("FETCH 1:* (UID INTERNALDATE)")))
