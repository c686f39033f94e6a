"""What is kept in memory of a large account never differs from what is on the disk, whoever has
changed that, and a session sees its mailbox as it was at its login."""

import glob
import json
import os
import re
import unittest

from tests.lib import corpus, mailferry
from tests.lib.fakeimap import Message
from tests.lib.process import wait_until
from tests.lib.scene import USER, Scene

COUNT = 3_000  # so many that their state is kept
BODY = corpus.plain_mail(1)


class KeptState(Scene):
    def setUp(self):
        super().setUp()
        self.upstream = self.fake(Message(BODY, uid) for uid in range(1, COUNT + 1))
        self.mailferry = self.gateway(self.upstream)
        self.first = self.ids()
        # These UIDLs are made of UIDs, so nobody waits until they are on the disk.
        wait_until(lambda: self.uidvalidity() is not None, "the messages to be remembered")

    def ids(self):
        client = self.login(self.mailferry)
        found = client.uidl()
        self.assertEqual(client.stat(), (len(found), len(found) * len(BODY)))
        client.quit()
        return found

    def poll(self):
        client = self.login(self.mailferry)
        count, octets = client.stat()
        self.assertEqual(octets, count * len(BODY))
        client.quit()
        return count

    def files(self, pattern):
        return glob.glob(os.path.join(self.mailferry.state_dir, "accounts", "*", pattern))

    def file(self, pattern):
        found = self.files(pattern)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def uidvalidity(self):
        """As the journal has it; None before it has the messages."""
        texts = []
        for name in self.files("journal-*"):
            with open(name, encoding="utf-8") as f:
                texts.append(f.read())
        found = re.search(r'"uidvalidity":(\d+)', "".join(texts))
        return int(found[1]) if found else None

    def state(self, *args):
        return mailferry.run("state", *args, "--state-dir", self.mailferry.state_dir)

    def test_written_by_hand(self):
        """A line in the journal, while the server runs: one message has another UIDL."""
        uidvalidity = self.uidvalidity()
        for _ in range(2):
            self.assertEqual(self.poll(), COUNT)
        with open(self.file("journal-*"), "a", encoding="utf-8") as f:
            json.dump({"record": "messages", "folder": "INBOX", "uidvalidity": uidvalidity,
                       "uids": "7", "sizes": str(len(BODY)),
                       "uidls": {"uids": "7", "texts": ["by-hand"]}}, f)
            f.write("\n")
        self.assertEqual(self.ids(), {**self.first, 7: "by-hand"})

    def test_imported(self):
        """Between two logins, and two runs of the server."""
        exported = self.path("exported.json")
        done = self.state("export", USER, "--output", exported)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(exported, encoding="utf-8") as f:
            document = json.load(f)
        document["state"]["folders"][0]["uidls"] = {"uids": "3", "texts": ["imported"]}
        with open(exported, "w", encoding="utf-8") as f:
            json.dump(document, f)
        refused = self.state("import", USER, exported, "--replace")
        self.assertNotEqual(refused.returncode, 0, "the server holds the directory")
        self.assertEqual(self.ids(), self.first)
        self.mailferry.stop()
        done = self.state("import", USER, exported, "--replace")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.mailferry.start()
        self.assertEqual(self.ids(), {**self.first, 3: "imported"})

    def test_removed(self):
        """All of it: everything is learnt again."""
        os.remove(self.file("journal-*"))
        self.upstream.forget()
        self.assertEqual(self.ids(), self.first)
        self.assertNotEqual(self.upstream.commands("FETCH"), [])

    def test_killed(self):
        for arrived in range(1, 6):
            self.upstream.add(BODY)
            self.assertEqual(self.poll(), COUNT + arrived)
        before = self.ids()
        self.mailferry.kill()
        self.mailferry.start()
        self.upstream.forget()
        self.assertEqual(self.ids(), before)
        self.assertEqual(self.upstream.commands("FETCH"), [])
        verified = self.state("verify")
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_a_session_has_its_own_time(self):
        """Those who have only asked how many there are list, later, what there was then."""
        early = self.login(self.mailferry)
        self.assertEqual(early.stat()[0], COUNT)
        self.upstream.add(BODY)
        late = self.login(self.mailferry)
        self.assertEqual(late.stat()[0], COUNT + 1)
        other = self.login(self.mailferry)
        other.dele(1, 2, COUNT)
        self.assertEqual(other.stat()[0], COUNT - 2)
        other.quit()
        self.assertEqual(self.poll(), COUNT - 2)
        self.assertEqual(early.uidl(), self.first)
        self.assertEqual(len(late.list()), COUNT + 1)
        self.assertEqual(late.uidl()[COUNT], self.first[COUNT])
        early.quit()
        late.quit()
        left = self.ids()
        self.assertEqual(left[1], self.first[3])
        self.assertEqual(len(left), COUNT - 2)


if __name__ == "__main__":
    unittest.main()
