"""The base of the interop tests: a directory of its own, servers that end with the test, and a
mailferry that must end with status 0, no sanitizer report and no secret in what it has written,
whatever the test was about.
"""

import os
import shutil
import sys
import tempfile
import unittest

from tests.lib import secrecy
from tests.lib.certificates import Authority
from tests.lib.dovecot import Dovecot
from tests.lib.fakeimap import FakeImap
from tests.lib.mailferry import Mailferry
from tests.lib.pop3 import Pop3

USER = "ann@example.com"
PASSWORD = "s3cret-Passw0rd"


class Scene(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="mailferry-test-")
        os.chmod(self.directory, 0o755)  # servers that run as another user must get through
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.addCleanup(secrecy.end)  # when all that was started has ended
        secrecy.keep(PASSWORD)
        self._count = 0

    def path(self, name):
        """A name not used before, in the test's directory."""
        self._count += 1
        return os.path.join(self.directory, f"{name}-{self._count}")

    def authority(self):
        return Authority(self.path("ca"))

    def dovecot(self, users=None, **options):
        server = Dovecot(self.path("dovecot"), users or {USER: PASSWORD}, **options)
        self.addCleanup(server.stop)
        return server.start()

    def fake(self, messages=(), **options):
        options.setdefault("users", {USER: PASSWORD})
        server = FakeImap(messages, **options)
        server.start()
        self.addCleanup(server.stop)
        return server

    def gateway(self, upstream, start=True, **options):
        """A Mailferry before `upstream`: a URL, or a server (plain IMAP on its port)."""
        if not isinstance(upstream, str):
            upstream = f"imap://127.0.0.1:{upstream.port}"
        made = Mailferry(self.path("mailferry"), upstream, **options)
        self.addCleanup(self._end, made)
        return made.start() if start else made

    def _end(self, gateway):
        try:
            gateway.stop()
        finally:
            outcome = getattr(self, "_outcome", None)
            if outcome is not None and not outcome.success:
                print(f"--- {self.id()}: mailferry's last lines:\n{gateway.output()[-3000:]}",
                      file=sys.stderr)

    def connect(self, gateway, **options):
        client = Pop3(gateway.port, **options)
        self.addCleanup(client.close)
        return client

    def login(self, gateway, user=USER, password=PASSWORD, **options):
        return self.connect(gateway, **options).login(user, password)
