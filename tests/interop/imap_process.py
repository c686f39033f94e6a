"""What happens to the process while IMAP clients are there: SIGTERM, kill -9, a second one, a full
disk (CASES P, D15)."""

import contextlib
import os
import signal
import unittest

from tests.lib.imap_raw import RawImap
from tests.lib.imap_scene import DRAFT, ScriptedScene
from tests.lib.mailferry import Mailferry, run
from tests.lib.process import wait_until
from tests.lib.scene import PASSWORD, USER


class Ending(ScriptedScene):
    def raw(self, folder="INBOX"):
        client = RawImap(self.gate.port)
        self.addCleanup(client.close)
        self.assertEqual("OK", client.command(f"LOGIN {USER} {PASSWORD}").status)
        if folder:
            self.assertEqual("OK", client.command(f"SELECT {folder}").status)
        return client

    def test_sigterm(self):
        """Who idles and who does nothing hears BYE; what was answered OK is there afterwards."""
        self.serve()
        self.client(folder="INBOX", count=5)
        still, idle, before_login = self.raw(), self.raw(), RawImap(self.gate.port)
        self.addCleanup(before_login.close)
        idle.send(b"i IDLE\r\n")
        self.assertTrue(idle.line().startswith(b"+"))
        self.assertEqual("OK", still.command("STORE 2 +FLAGS (\\Flagged)").status)
        self.gate.process.signal(signal.SIGTERM)
        for client in (before_login, still, idle):
            self.assertTrue(any(line.startswith(b"* BYE")
                                for line in client.answer(b"none").untagged))
        self.assertEqual(0, self.gate.process.wait())
        self.gate.process = None
        self.gate.start()
        self.assertIn("\\flagged", self.flags(self.client(folder="INBOX", count=5))[2])

    def test_kill(self):
        """What was answered OK is there after kill -9."""
        self.serve()
        self.client(folder="INBOX", count=5)
        client = self.raw()
        self.assertEqual("OK", client.command("STORE 2 +FLAGS ($Seldom)").status)
        self.assertEqual("OK", client.command("MOVE 5 Archive").status)
        answer = client.command(f"APPEND Drafts (\\Draft) {{{len(DRAFT)}+}}", DRAFT)
        self.assertEqual("OK", answer.status)
        self.gate.kill()
        self.gate.start()
        other = self.client(folder="INBOX", count=4)
        self.assertIn("$seldom", self.flags(other)[2])
        self.select(other, "Archive", count=1)
        self.assertEqual(self.mails[4], self.body(other, 1))
        self.select(other, "Drafts", count=1)
        self.assertEqual(DRAFT, self.body(other, 1))
        self.assertIn("whole", run("state", "verify", "-c", self.gate.config_file).stdout)

    def test_a_second_process(self):
        self.serve()
        client = self.client(folder="INBOX", count=5)
        pid = self.gate.process.pid
        done = run("serve", "--route", f"imap+unix:{self.path('sock')}=pop3://127.0.0.1:1",
                   "--state-dir", self.gate.state_dir)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"in use by process {pid}", done.stderr)
        self.ok(client.noop())


class SmallDisk(Mailferry):
    """With its state on a file system of one MiB, which nobody else sees."""

    def command_line(self):
        os.makedirs(self.state_dir, exist_ok=True)
        mount = f"mount -t tmpfs -o size=1m none '{self.state_dir}'"
        return ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh",
                *super().command_line()]

    @property
    def filler(self):
        return f"/proc/{self.process.pid}/root{self.state_dir}/filler"

    def fill(self):
        with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as f:
            while True:
                f.write(bytes(4096))

    def empty(self):
        os.unlink(self.filler)


@unittest.skipIf(os.geteuid() != 0, "mounts need root")
class FullDisk(ScriptedScene):
    # The second is larger than what the last page of a file still takes.
    mails = [mail + b"and so on\r\n" * 1000 * (n == 1)
             for n, mail in enumerate(ScriptedScene.mails)]

    def gateway(self, upstream, start=True, **options):
        made = SmallDisk(self.path("mailferry"), upstream, **options)
        self.addCleanup(self._end, made)
        return made.start()

    def setUp(self):
        super().setUp()
        self.serve()
        self.one = self.client(folder="INBOX", count=5)
        self.assertEqual(self.mails[0], self.body(self.one, 1))
        self.gate.fill()

    def refused(self, answer):
        self.assertEqual("NO", answer[0])
        self.assertRegex(answer[1][0], rb"^\[OVERQUOTA\] .*free some space")

    def store_until_refused(self):
        """What the last page of the journal still takes is taken."""
        for n in range(1000):
            answer = self.one.store("1", "-+"[n % 2] + "FLAGS", "($SomeKeyword)")
            if answer[0] == "NO":
                return answer
        return self.fail("nothing was refused")

    def test_what_cannot_be_written_is_refused(self):
        self.refused(self.one.append("Drafts", "(\\Draft)", None, DRAFT * 1000))
        self.refused(self.store_until_refused())
        before = self.flags(self.one)
        self.assertEqual(before, self.flags(self.client(folder="INBOX", count=5)))
        self.gate.empty()
        wait_until(lambda: self.one.store("1", "+FLAGS", "(\\Flagged)")[0] == "OK",
                   "flags to be kept again")
        self.ok(self.one.append("Drafts", "(\\Draft)", None, DRAFT))
        after = self.flags(self.client(folder="INBOX", count=5))
        self.assertEqual({1: {"\\flagged", *before[1]}}, {1: after[1]})

    def test_mail_is_read_on(self):
        """What is in the cache; the other messages pass through it, and wait for room."""
        self.refused(self.one.fetch("2", "(BODY.PEEK[])"))
        self.assertEqual(self.mails[0], self.body(self.one, 1))
        self.gate.empty()
        self.assertEqual(self.mails, self.bodies(self.one, 5))
