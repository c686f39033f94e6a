"""A POP3 maildrop (Dovecot's), mailferry before it as an IMAP server, and clients made with imaplib;
for tests of their own, or to compare with Dovecot's IMAP."""

import contextlib
import imaplib
import poplib
import re

from tests.lib import corpus
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.stores import DovecotStore

# A BODYSTRUCTURE of 10,000 parts is one line.
_LINE_MAX = 100_000_000


def crlf(mail):
    return re.sub(rb"\r?\n", b"\r\n", mail)


class ImapScene(Scene):
    """Five messages in the maildrop. `extra`: more lines for Dovecot's configuration."""

    extra = ""
    route = {"idle_seconds": 1, "poll_seconds": 5}

    def setUp(self):
        super().setUp()
        self.server = self.dovecot(pop3=True, extra=self.extra)
        self.store = DovecotStore(self.server, USER)
        self.mails = [crlf(corpus.plain_mail(n)) for n in range(1, 6)]
        self.store.deliver_all(self.mails)
        self.gate = self.imap_gateway(self.server.pop3_port)

    def imap_gateway(self, port):
        return self.gateway(f"pop3://127.0.0.1:{port}", listener="imap",
                            route={"imap": self.route})

    def client(self, password=PASSWORD, folder=None, count=None):
        """A session, logged in; with `folder` selected, once it has `count` messages."""
        client = imaplib.IMAP4("127.0.0.1", self.gate.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        client.login(USER, password)
        if folder:
            self.select(client, folder, count)
        return client

    @staticmethod
    def close(client):
        with contextlib.suppress(OSError):  # it has logged out
            client.shutdown()

    def ok(self, answer):
        self.assertEqual("OK", answer[0], answer)
        return answer[1]

    def select(self, client, folder="INBOX", count=None):
        """Selects until the folder has so many messages: a look at the maildrop goes on behind."""
        def selected():
            found = int(self.ok(client.select(folder))[0])
            return found if count is None or found == count else None
        return wait_until(selected, f"{count} messages in {folder}")

    def flags(self, client, numbers="1:*"):
        """Flags by uid, lower case, as one set each."""
        found = {}
        client.response("FETCH")  # what earlier commands brought
        for item in filter(None, self.ok(client.fetch(numbers, "(UID FLAGS)"))):
            uid = int(re.search(rb"UID (\d+)", item).group(1))
            flags = re.search(rb"FLAGS \(([^)]*)\)", item).group(1).decode().lower().split()
            found[uid] = set(flags) - {"\\recent"}
        return found

    def body(self, client, number):
        return self.ok(client.fetch(str(number), "(BODY.PEEK[])"))[0][1]

    def idle(self, client):
        client.send(b"idle1 IDLE\r\n")
        line = client.readline()
        while not line.startswith(b"+"):
            line = client.readline()

    def heard(self, client, wanted):
        """Reads on until a line matches."""
        line = client.readline()
        while not re.search(wanted, line):
            self.assertTrue(line, f"end of the connection before {wanted}")
            line = client.readline()
        return line

    def done(self, client):
        client.send(b"DONE\r\n")
        self.heard(client, rb"^idle1 OK")


class Agreement(Scene):
    """The same messages behind `ours`, in INBOX, and in Dovecot's IMAP, `theirs`."""

    def serve(self, cases):
        imaplib._MAXLINE = poplib._MAXLINE = _LINE_MAX
        self.cases = cases
        self.server = self.dovecot(pop3=True)
        DovecotStore(self.server, USER).deliver_all(c.stored for c in cases)
        # What Dovecot's POP3 makes of them (a last line's end) is what can be agreed on.
        self.received = self.retrieved()
        DovecotStore(self.server, USER, "Received").deliver_all(self.received)
        gate = self.gateway(f"pop3://127.0.0.1:{self.server.pop3_port}", listener="imap")
        self.theirs = self.client_of(self.server.port, "Received")
        self.ours = self.client_of(gate.port, "INBOX")

    def retrieved(self):
        pop3 = poplib.POP3("127.0.0.1", self.server.pop3_port, timeout=PATIENCE)
        pop3.user(USER)
        pop3.pass_(PASSWORD)
        messages = [b"".join(line + b"\r\n" for line in pop3.retr(n + 1)[1])
                    for n in range(len(self.cases))]
        pop3.quit()
        return messages

    def client_of(self, port, folder):
        client = imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        wait_until(lambda: int(client.select(folder, readonly=True)[1][0]) == len(self.cases),
                   "the whole folder is listed")
        return client
