"""Puts messages into the stores of the servers that tests use, as their deliverers would."""

import imaplib
import itertools
import os
import time

_serial = itertools.count(1)


class Maildir:
    """The maildir of a Dovecot or Courier. Names ascend, so uids are given in order of delivery."""

    def __init__(self, path):
        self.path = path
        for name in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(path, name), exist_ok=True)

    def deliver(self, message, flags="", when=None):
        """Returns the message's unique name. `flags`: maildir letters such as "S"."""
        when = int(when if when is not None else time.time())
        name = f"{when:010d}.M{next(_serial):06d}P{os.getpid()}.test"
        temporary = os.path.join(self.path, "tmp", name)
        with open(temporary, "wb") as f:
            f.write(message)
        os.utime(temporary, (when, when))
        final = os.path.join(self.path, "cur", f"{name}:2,{flags}") if flags else \
            os.path.join(self.path, "new", name)
        os.rename(temporary, final)
        return name

    def files(self):
        """Flags by unique name, of all that is there now."""
        found = {}
        for folder in ("new", "cur"):
            for entry in os.listdir(os.path.join(self.path, folder)):
                name, _, flags = entry.partition(":2,")
                found[name.split(",")[0]] = flags
        return found


class DovecotStore(Maildir):
    """A folder of one of a Dovecot's users; INBOX unless named."""

    def __init__(self, dovecot, login, folder=None):
        super().__init__(dovecot.maildir(login, folder))
        dovecot.own(dovecot.maildir(login))
        self._dovecot = dovecot

    def deliver(self, message, flags="", when=None):
        name = super().deliver(message, flags, when)
        self._dovecot.own(self.path)
        return name

    def deliver_all(self, messages):
        for message in messages:
            super().deliver(message)
        self._dovecot.own(self.path)


class Mailbox:
    """Another IMAP client of the same mailbox, straight at the upstream."""

    def __init__(self, port, login, password, folder="INBOX"):
        self.imap = imaplib.IMAP4("127.0.0.1", port)
        self.imap.login(login, password)
        self.folder = folder
        self._must(self.imap.select(folder))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.imap.logout()

    @staticmethod
    def _must(answer):
        if answer[0] != "OK":
            raise AssertionError(f"upstream: {answer}")
        return answer[1]

    def append(self, message):
        # imaplib would rewrite the message's line ends; what is stored is the test's business.
        keep, imaplib.MapCRLF = imaplib.MapCRLF, _Unchanged
        try:
            self._must(self.imap.append(self.folder, None, None, message))
        finally:
            imaplib.MapCRLF = keep

    def uids(self, criterion="ALL"):
        return [int(u) for u in self._must(self.imap.uid("SEARCH", criterion))[0].split()]

    def body(self, uid):
        """The octets of a message as the server gives them."""
        answer = self._must(self.imap.uid("FETCH", str(uid), "(BODY.PEEK[])"))
        return next((item[1] for item in answer if isinstance(item, tuple)), b"")

    def flags(self):
        """Flags by uid, lower case, as one set each."""
        self._must(self.imap.noop())
        answer = self._must(self.imap.uid("FETCH", "1:*", "(FLAGS)"))
        found = {}
        for item in filter(None, answer):
            text = item.decode()
            uid = int(text.split("UID ")[1].split()[0].rstrip(")"))
            found[uid] = set(text.split("FLAGS (")[1].split(")")[0].lower().split())
        return found

    def flag(self, uid, *flags):
        self._must(self.imap.uid("STORE", str(uid), "+FLAGS.SILENT", f"({' '.join(flags)})"))

    def expunge(self, *uids):
        for uid in uids:
            self.flag(uid, "\\Deleted")
        self._must(self.imap.expunge())


class _Unchanged:
    """Stands in for imaplib's pattern that makes line ends CRLF."""

    @staticmethod
    def sub(_replacement, message):
        return message
