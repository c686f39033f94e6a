"""A POP3 maildrop (Dovecot's), mailferry before it as an IMAP server, and clients made with imaplib;
for tests of their own, or to compare with Dovecot's IMAP."""

import contextlib
import imaplib
import poplib
import re

from tests.lib import corpus
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene
from tests.lib.scripted_pop3 import ScriptedPop3
from tests.lib.stores import DovecotStore

DRAFT = b"Subject: draft\r\nFrom: ann@example.com\r\n\r\nnot sent yet\r\n"

# A BODYSTRUCTURE of 10,000 parts is one line.
_LINE_MAX = 100_000_000


def crlf(mail):
    return re.sub(rb"\r?\n", b"\r\n", mail)


def stored(octets, listed):
    """What RETR gave, without the line end that POP3 adds to a message that has none at its end, and
    that LIST does not count."""
    own = octets[:-2]
    return own if len(own) == listed and not own.endswith(b"\n") else octets


class ImapClients(Scene):
    """Clients of `self.gate`, whatever is behind it."""

    user = USER
    route = {"idle_seconds": 1, "poll_seconds": 5}

    def imap_gateway(self, port, **options):
        """mailferry before a POP3 server on `port`, or at the URL."""
        upstream = port if isinstance(port, str) else f"pop3://127.0.0.1:{port}"
        options["route"] = {"imap": self.route, **options.get("route", {})}
        return self.gateway(upstream, listener=options.pop("listener", "imap"), **options)

    def client(self, password=PASSWORD, folder=None, count=None):
        """A session, logged in; with `folder` selected, once it has `count` messages."""
        client = imaplib.IMAP4("127.0.0.1", self.gate.port, timeout=PATIENCE)
        self.addCleanup(self.close, client)
        client.login(self.user, password)
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
            return [found] if count in (None, found) else None
        return wait_until(selected, f"{count} messages in {folder}")[0]

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

    def a_day(self, mails, deliver, remaining):
        """What a client does in a day: looks, reads, deletes, files, saves, and hears of new mail.

        mails: five that are in the maildrop; deliver(mail): brings one more; remaining(): what is
        in the maildrop, in no order."""
        client = self.client(folder="INBOX", count=5)
        self.ok(client.fetch("1:*", "(ENVELOPE RFC822.SIZE BODYSTRUCTURE)"))
        self.assertEqual(mails, [self.body(client, n) for n in range(1, 6)])
        self.assertEqual([len(mail) for mail in mails], self.sizes(client))
        uids = [*self.flags(client)]
        self.ok(client.store("2", "+FLAGS", "(\\Deleted)"))
        self.ok(client.expunge())
        self.select(client, count=4)
        self.assertEqual([uids[0], *uids[2:]], [*self.flags(client)])
        self.assertEqual(sorted(mails[:1] + mails[2:]), sorted(remaining()))
        self.ok(client.append("Drafts", "(\\Draft)", None, DRAFT))
        self.ok(client.uid("MOVE", str(uids[4]), "Archive"))
        new = crlf(corpus.plain_mail(6))
        deliver(new)
        self.select(client, count=4)
        self.assertEqual(new, self.body(client, 4))
        self.select(client, "Archive", count=1)
        self.assertEqual(mails[4], self.body(client, 1))
        self.select(client, "Drafts", count=1)
        self.assertEqual(DRAFT, self.body(client, 1))
        client.logout()
        self.gate.restart()
        client = self.client(folder="INBOX", count=4)
        self.assertEqual([uids[0], *uids[2:4]], [*self.flags(client)][:3])

    def sizes(self, client):
        """RFC822.SIZE of each message."""
        client.response("FETCH")
        found = self.ok(client.fetch("1:*", "(RFC822.SIZE)"))
        return [int(size) for size in re.findall(rb"RFC822\.SIZE (\d+)", b"\n".join(found))]

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


class ImapScene(ImapClients):
    """Five messages in Dovecot's maildrop. `extra`: more lines for its configuration."""

    extra = ""

    def setUp(self):
        super().setUp()
        self.server = self.dovecot(pop3=True, extra=self.extra)
        self.store = DovecotStore(self.server, USER)
        self.mails = [crlf(corpus.plain_mail(n)) for n in range(1, 6)]
        self.store.deliver_all(self.mails)
        self.gate = self.imap_gateway(self.server.pop3_port)


class ScriptedScene(ImapClients):
    """Messages, five unless said otherwise, on a scripted server. `limits`, `route`: as in the
    configuration."""

    limits = {"response_seconds": 20}

    mails = [crlf(corpus.plain_mail(n)) for n in range(1, 6)]

    def serve(self, messages=None, route=None, **options):
        self.fake = ScriptedPop3(self.mails if messages is None else messages, {USER: PASSWORD},
                                 **options).start()
        self.addCleanup(self.fake.stop)
        self.route = {**self.route, **(route or {})}
        self.gate = self.imap_gateway(self.fake.port, config={"limits": self.limits})
        return self.fake

    def uids(self, client):
        return [*self.flags(client)]

    def bodies(self, client, count):
        return [self.body(client, n) for n in range(1, count + 1)]

    def everything(self):
        self.a_day(self.mails, self.fake.deliver, self.fake.bodies)


class Agreement(Scene):
    """The same messages behind `ours`, in INBOX, and in Dovecot's IMAP, `theirs`."""

    def serve(self, cases):
        imaplib._MAXLINE = poplib._MAXLINE = _LINE_MAX
        self.cases = cases
        self.server = self.dovecot(pop3=True)
        DovecotStore(self.server, USER).deliver_all(c.stored for c in cases)
        # What Dovecot's POP3 makes of them is what can be agreed on.
        self.received = self.retrieved()
        DovecotStore(self.server, USER, "Received").deliver_all(self.received)
        gate = self.gateway(f"pop3://127.0.0.1:{self.server.pop3_port}", listener="imap")
        self.theirs = self.client_of(self.server.port, "Received")
        self.ours = self.client_of(gate.port, "INBOX")

    def retrieved(self):
        pop3 = poplib.POP3("127.0.0.1", self.server.pop3_port, timeout=PATIENCE)
        pop3.user(USER)
        pop3.pass_(PASSWORD)
        sizes = [int(line.split()[1]) for line in pop3.list()[1]]
        messages = [b"".join(line + b"\r\n" for line in pop3.retr(n + 1)[1])
                    for n in range(len(self.cases))]
        pop3.quit()
        return [stored(*given) for given in zip(messages, sizes)]

    def client_of(self, port, folder):
        client = imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        wait_until(lambda: int(client.select(folder, readonly=True)[1][0]) == len(self.cases),
                   "the whole folder is listed")
        return client
