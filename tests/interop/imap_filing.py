"""Filing rules, and INTERNALDATE, on a POP3 maildrop (Dovecot's)."""

import glob
import os
import re
import time

from tests.lib.imap_scene import ImapScene
from tests.lib.process import wait_until
from tests.lib.relay import Relay
from tests.lib.scene import USER, Scene
from tests.lib.stores import DovecotStore

RULES = [
    {"if": [{"header": "List-Id", "contains": "DEV.example"}], "folder": "Lists/dev",
     "flags": ["\\Seen", "$List"]},
    {"if": [{"header": "From", "matches": "*@example.org>"},
            {"header": "Subject", "is": "Grüße aus Köln"}], "folder": "Grüße"},
    {"if": [{"header": "Subject", "contains": "urgent"}], "flags": ["\\Flagged"]},
]
MANY = 1000


def received(number):
    """Minute by minute on one day, in a time zone."""
    return f"Tue, 3 Mar 2020 {number // 60 % 24:02}:{number % 60:02}:07 +0100"


def mail(number, *fields):
    return "\r\n".join([
        "Return-Path: <bob@example.org>",
        "Received: from mx.example.org by mail.example.com (Postfix) with ESMTPS id 4X",
        f"\tfor <{USER}>; {received(number)} (CET)",
        "Received: from pc by mx.example.org; Mon, 2 Mar 2020 01:02:03 +0000",
        "Date: Sun, 1 Mar 2020 01:02:03 +0000",
        "From: Bob <bob@example.org>", *fields, "", f"body of {number}", ""]).encode()


def of_list(number):
    return mail(number, "Subject: list", "List-Id: Developers", "\t<dev.example.org>")


def of_cologne(number):
    return mail(number, "Subject: =?iso-8859-1?q?gr=FC=DFe_aus_?=", " =?utf-8?b?S8O2bG4=?=")


class FilingScene(ImapScene):
    """`first`: what is there at first sight. The server is 2 x 20 ms away, and what is said to it
    is written down."""

    route = {**ImapScene.route, "filing": RULES}
    first = []

    def setUp(self):
        Scene.setUp(self)
        self.server = self.dovecot(pop3=True)
        self.store = DovecotStore(self.server, USER)
        self.store.deliver_all(self.first)
        self.relay = Relay(self.server.pop3_port)
        self.relay.__enter__()
        self.addCleanup(self.relay.__exit__)
        self.gate = self.imap_gateway(self.relay.port)

    def tops(self):
        return bytes(self.relay.said).upper().count(b"TOP ")


class Filing(FilingScene):
    first = [of_list(1), mail(2, "Subject: plain"), of_cologne(3), mail(4, "Subject: Urgent!")]

    def test_rules_file_what_is_new(self):
        client = self.client(folder="INBOX", count=2)
        self.assertEqual([set(), {"\\flagged"}], list(self.flags(client).values()))
        folders = b"\n".join(self.ok(client.lsub()))
        self.assertIn(b'"Lists/dev"', folders)
        self.assertIn(b"Gr&APwA3w-e", folders)
        self.select(client, "Gr&APwA3w-e", 1)
        self.select(client, "Lists/dev", 1)
        self.assertEqual([{"\\seen", "$list"}], list(self.flags(client).values()))
        self.ok(client.fetch("1", "(ENVELOPE INTERNALDATE)"))
        self.assertEqual(4, self.tops())

    def test_new_mail_is_never_in_inbox(self):
        watcher = self.client(folder="INBOX", count=2)
        other = self.client(folder="Lists/dev", count=1)
        self.store.deliver(of_list(5))
        wait_until(lambda: self.ok(other.noop()) and self.select(other, "Lists/dev") == 2,
                   "the new message in its folder")
        self.ok(watcher.noop())
        status = self.ok(watcher.status("INBOX", "(UIDNEXT MESSAGES)"))[0]
        self.assertIn(b"UIDNEXT 3", status)

    def test_what_is_moved_back_stays(self):
        client = self.client(folder="Lists/dev", count=1)
        self.ok(client.uid("MOVE", "1", "INBOX"))
        client.logout()
        self.gate.restart()
        client = self.client(folder="INBOX", count=3)
        self.store.deliver(mail(6, "Subject: later"))
        self.select(client, "INBOX", 4)
        self.assertEqual([b"0"], self.ok(client.select("Lists/dev")))
        self.assertEqual(5, self.tops())

    def test_a_folder_that_was_deleted_is_made_again(self):
        client = self.client(folder="Lists/dev", count=1)
        self.ok(client.uid("MOVE", "1", "Archive"))
        self.select(client)
        self.ok(client.delete("Lists/dev"))
        self.store.deliver(of_list(5))
        wait_until(lambda: self.ok(client.noop()) and
                   client.status("Lists/dev", "(MESSAGES)")[0] == "OK", "the folder made again")
        self.select(client, "Lists/dev", 1)


class Many(FilingScene):
    first = [of_list(n) if n % 4 == 0 else mail(n, f"Subject: mail {n}") for n in range(MANY)]

    def test_each_header_comes_once(self):
        client = self.client()
        began = time.monotonic()
        self.select(client, "INBOX", MANY * 3 // 4)
        print(f"{MANY} messages filed after {time.monotonic() - began:.2f} s")
        self.assertEqual(MANY * 3 // 4, len(self.ok(client.fetch("1:*", "(ENVELOPE)"))))
        self.select(client, "Lists/dev", MANY // 4)
        self.assertEqual(MANY // 4, len(self.ok(client.fetch("1:*", "(ENVELOPE INTERNALDATE)"))))
        self.assertEqual(MANY, self.tops())
        self.assertNotIn(b"RETR ", bytes(self.relay.said).upper())


class Dates(ImapScene):
    def setUp(self):
        super().setUp()
        self.store.deliver_all(mail(n, f"Subject: mail {n}") for n in range(20))
        self.store.deliver(b"Subject: no date\r\n\r\nbody\r\n")

    def dates(self, client):
        """By subject."""
        found = {}
        items = "(INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
        for item in self.ok(client.fetch("1:*", items)):
            if isinstance(item, tuple):
                subject = item[1].decode().split(":", 1)[1].strip()
                found[subject] = re.search(rb'INTERNALDATE "([^"]*)"', item[0]).group(1).decode()
        return found

    def expected(self, number):
        hour, minute = divmod(number, 60)
        # One hour behind, in UTC.
        day, hour = ("03", hour - 1) if hour else ("02", 23)
        return f"{day}-Mar-2020 {hour:02}:{minute:02}:07 +0000"

    def test_the_date_of_arrival(self):
        client = self.client(folder="INBOX", count=26)
        dates = self.dates(client)
        for number in range(20):
            self.assertEqual(self.expected(number), dates[f"mail {number}"])
        self.assertEqual(20, len(self.ok(client.search(None, "ON", "2-Mar-2020"))[0].split()))
        self.assertIn(time.strftime("%Y", time.gmtime()), dates["no date"])
        self.assertEqual(dates, self.dates(client))

    def test_it_is_found_by_a_search_first(self):
        client = self.client(folder="INBOX", count=26)
        found = self.ok(client.search(None, "BEFORE", "3-Mar-2020"))[0].split()
        self.assertEqual(20, len(found))
        sent = self.ok(client.search(None, "SENTBEFORE", "2-Mar-2020"))[0].split()
        self.assertEqual(20, len(sent))

    def test_it_never_changes(self):
        client = self.client(folder="INBOX", count=26)
        self.ok(client.copy("6", "Archive"))
        dates = self.dates(client)
        self.select(client, "Archive", 1)
        self.assertEqual({"mail 0": dates["mail 0"]}, self.dates(client))
        client.logout()
        self.gate.kill()
        for body in glob.glob(os.path.join(self.gate.state_dir, "accounts", "*", "bodies", "*")):
            os.unlink(body)
        self.gate.start()
        client = self.client(folder="INBOX", count=26)
        self.assertEqual(dates, self.dates(client))

    def test_appended_mail_keeps_what_the_client_says(self):
        client = self.client(folder="INBOX", count=26)
        said = '"17-Jul-1996 02:44:25 -0700"'
        self.ok(client.append("Sent", "", said, mail(1, "Subject: appended")))
        self.select(client, "Sent", 1)
        self.assertEqual({"appended": "17-Jul-1996 09:44:25 +0000"}, self.dates(client))
