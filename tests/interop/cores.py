"""What a process of mailferry has in its memory is in no core file, however much the system would
like to write one (CASES A6)."""

import os
import signal
import subprocess
import sys
import unittest

from tests.lib import corpus
from tests.lib.fakeimap import HANDLED
from tests.lib.imap_raw import RawImap
from tests.lib.mailferry import binary, environment
from tests.lib.process import Process, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore

# In a directory of its own, with no limit on cores.
WITH_CORES = ["sh", "-c", 'cd "$0" && ulimit -c unlimited && exec "$@"']


def end_badly(pid):
    """Whether the system wrote a core for it. The process remains to be waited for."""
    os.kill(pid, signal.SIGABRT)
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_code == os.CLD_DUMPED


class Cores(Scene):
    def setUp(self):
        super().setUp()
        self.place = self.path("place")
        os.mkdir(self.place)
        if not self.others_leave_one():
            self.skipTest("nobody's core is written here")

    def others_leave_one(self):
        """With the secret in it, where it is a file: else nothing would be proved by there being
        none."""
        words = f"import sys; word = '{PASSWORD}'; print(word, flush=True); sys.stdin.read()"
        with subprocess.Popen([*WITH_CORES, self.place, sys.executable, "-c", words],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            other.stdout.readline()
            dumped = end_badly(other.pid)
        for name in os.listdir(self.place):
            with open(os.path.join(self.place, name), "rb") as f:
                self.assertIn(PASSWORD.encode(), f.read())
            os.remove(os.path.join(self.place, name))
        return dumped

    def expect_none(self, pid):
        self.assertFalse(end_badly(pid), "a core was written")
        self.assertEqual([], os.listdir(self.place))

    def test_serve(self):
        """With a POP3 client that is logged in, and an IMAP client's account, which keeps the
        password to connect again."""
        server = self.dovecot(pop3=True)
        DovecotStore(server, USER).deliver(corpus.plain_mail(1))
        for listener, url in (("pop3", f"imap://127.0.0.1:{server.port}"),
                              ("imap", f"pop3://127.0.0.1:{server.pop3_port}")):
            with self.subTest(listener):
                gateway = self.gateway(url, start=False, listener=listener)
                process = Process([*WITH_CORES, self.place, *gateway.command_line()], gateway.log,
                                  env=environment())
                self.addCleanup(process.stop)
                process.wait_listening(gateway.port)
                if listener == "pop3":
                    self.login(gateway)
                else:
                    client = RawImap(gateway.port)
                    self.addCleanup(client.close)
                    self.assertEqual("OK", client.command(f'LOGIN "{USER}" {PASSWORD}').status)
                self.expect_none(process.pid)

    def test_a_command_that_tries_a_password(self):
        fake = self.fake(capabilities="IMAP4rev1")
        fake.on("LOGIN", lambda connection, command: HANDLED)  # no answer
        gateway = self.gateway(fake, start=False)
        gateway.write_config()
        command = [binary(), "authorize", USER, "-c", gateway.config_file]
        with open(self.path("said"), "wb") as said, \
                subprocess.Popen([*WITH_CORES, self.place, *command], stdin=subprocess.PIPE,
                                 stdout=said, stderr=said, env=environment()) as process:
            process.stdin.write(PASSWORD.encode() + b"\n")
            process.stdin.flush()
            wait_until(lambda: fake.commands("LOGIN"), "the password to be tried")
            self.expect_none(process.pid)


if __name__ == "__main__":
    unittest.main()
