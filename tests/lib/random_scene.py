"""The scene of the random test: a maildrop, mailferry before it, some sessions, and the model that
they are held against."""

import os
import random

from tests.lib.fakepop3 import FakePop3
from tests.lib.imap_model import Model
from tests.lib.imap_session import Session, status_of
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

STANDARD = ("INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive")
SESSIONS = 3


def quoted(name):
    return f'"{name}"'


class RandomScene(Scene):
    """`stays`: what the upstream no longer lists is not deleted; `archive`, `has_uidl`: as they are
    called in the configuration, and in FakePop3."""

    stays = archive = False
    has_uidl = True

    def begin(self, seed):
        self.pick = random.Random(seed)
        self.drop = FakePop3({USER: PASSWORD}, has_uidl=self.has_uidl).start()
        self.addCleanup(self.drop.stop)
        imap = {"idle_seconds": 0, "poll_seconds": 5, "noop_seconds": 0, "archive": self.archive,
                "unlisted": "stays" if self.stays else "deleted"}
        self.gate = self.gateway(f"pop3://127.0.0.1:{self.drop.port}", listener="imap",
                                 route={"imap": imap},
                                 config={"log": {"level": "info"},
                                         "limits": {"response_seconds": 5, "drain_seconds": 2}})
        self.model = Model(STANDARD)
        self.bodies = {}  # (UIDVALIDITY, UID, folder) to the octets first seen there
        self.readable = set()  # UIDLs whose octets were read here
        self.made = 0
        self.sessions = []
        self.control = None
        self.addCleanup(self.disconnect)
        self.trace = []
        self.connect_all()
        self.model.subscriptions = set(self.control.names('LIST (SUBSCRIBED) "" "*"'))

    # ---- sessions -----------------------------------------------------------------------------

    def connect(self):
        session = Session(self.gate.port, PATIENCE)
        answer = session.command(f"LOGIN {USER} {PASSWORD}")
        self.assertEqual("OK", answer.status, answer.text)
        return session

    def connect_all(self):
        self.sessions = [self.connect() for _ in range(SESSIONS)]
        for session in self.sessions:
            if self.pick.random() < 0.3:
                self.ok(session, "ENABLE " + self.pick.choice(("CONDSTORE", "IMAP4rev2")))
        self.control = self.connect()
        self.control.select("INBOX")

    def disconnect(self):
        for session in [*self.sessions, *filter(None, [self.control])]:
            session.close()
        self.sessions, self.control = [], None

    def ok(self, session, command, literal=None, wait=False):
        answer = session.command(command, literal, wait)
        self.assertEqual("OK", answer.status, f"{command}: {answer.text}")
        return answer

    def ready(self, session):
        """Gives a session a folder, and all the news of it."""
        if session.folder not in self.model.folders:
            self.select(session)
        else:
            self.ok(session, "CHECK")
            self.check(session)
        return session

    def select(self, session, name=None):
        name = name or self.folder()
        verb = "EXAMINE" if self.pick.random() < 0.1 else "SELECT"
        validity, uidnext = session.select(name, verb)
        folder = self.model.folders[name]
        self.assertEqual(folder.validity or validity, validity)
        folder.validity = validity
        self.assertEqual(folder.uidnext, uidnext)
        self.check(session)

    def check(self, session):
        """A session that was told the news knows what the model knows."""
        session.learn()
        messages = self.model.folders[session.folder].messages
        if session.uids != sorted(messages):
            self.ok(session, "CHECK")  # what could not be told with the last command
            session.learn()
        self.assertEqual(sorted(messages), session.uids, session.folder)
        self.assertEqual({uid: frozenset(m.flags) for uid, m in messages.items()}, session.flags)

    # ---- what is to be had --------------------------------------------------------------------

    def body(self):
        self.made += 1
        lines = b"".join(b"%s line %d\r\n" % (b"." * self.pick.randrange(3), n)
                         for n in range(self.pick.randrange(12)))
        if self.pick.random() < 0.01:
            lines *= self.pick.randrange(1, 4000)
        return (b"Subject: message %d\r\nFrom: ann@example.com\r\n"
                b"Message-ID: <%d@example.com>\r\n\r\nbody\r\n" % (self.made, self.made)) + lines

    def folder(self):
        """A folder's name; INBOX more often than others."""
        return "INBOX" if self.pick.random() < 0.4 else self.pick.choice(list(self.model.folders))

    def uids(self, session):
        """Some of the messages that are in the session's folder and that it knows; maybe none."""
        known = [uid for uid in self.model.folders[session.folder].messages if uid in session.uids]
        return sorted(self.pick.sample(known, min(len(known), self.pick.choice((1, 1, 2, 5, 9)))))

    def addressed(self, session, uids, verb):
        """How the command and its set begin: by UID or by number."""
        if self.pick.random() < 0.5:
            return f"UID {verb} {','.join(map(str, uids))}"
        return f"{verb} {','.join(str(session.uids.index(uid) + 1) for uid in uids)}"

    # ---- model and account --------------------------------------------------------------------

    def has_lost(self, message, body):
        """Octets that nobody promised to keep: not listed any more, and never archived."""
        return body is None and self.stays and message.uidl in self.model.unlisted

    def agrees(self, model, view, names, subscribed):
        """Whether what is seen is what the model has; a date that it does not know may be any."""
        if set(model.folders) != set(view) or set(model.tree) != names:
            return False
        if model.subscriptions != subscribed:
            return False
        for name, folder in model.folders.items():
            if set(folder.messages) != set(view[name]):
                return False
            for uid, (flags, body, date) in view[name].items():
                message = folder.messages[uid]
                if (flags != message.flags or date != (message.date or date)
                        or not (body == message.body or self.has_lost(message, body))):
                    return False
        return True

    def remember(self, model, view):
        """What was seen once: octets and date of a UID are the same for ever."""
        for name, folder in model.folders.items():
            for uid, (_, body, date) in view[name].items():
                message = folder.messages[uid]
                message.date = date
                if body is not None:
                    self.readable.add(message.uidl)
                first = self.bodies.setdefault((folder.validity, uid, name), message.body)
                self.assertEqual(first, message.body, f"UID {uid} of {name} was another message")

    def compare(self, *models):
        """What a fresh session sees must be one of these models, which is returned."""
        session = self.connect()
        view = session.view()
        names = set(session.names())
        subscribed = set(session.names('LIST (SUBSCRIBED) "" "*"'))
        matching = [model for model in models if self.agrees(model, view, names, subscribed)]
        if not matching:
            self.fail("a fresh session sees something else:\n" + "\n".join(
                self.difference(self.brief(model.view()), self.brief(view)) for model in models)
                + f"\nnames {sorted(names)}, subscribed {sorted(subscribed)}")
        model = matching[0]
        for name, folder in model.folders.items():
            validity, uidnext = session.select(name)
            self.assertEqual(folder.uidnext, uidnext, name)
            self.assertEqual(folder.validity or validity, validity, name)
            folder.validity = validity
        self.remember(model, view)
        session.close()
        return model

    @staticmethod
    def brief(view):
        return {name: {uid: (sorted(flags), body and body.split(b"\r\n")[0], date)
                       for uid, (flags, body, date) in found.items()}
                for name, found in view.items()}

    @staticmethod
    def difference(wanted, found):
        return "\n".join(f"{name}: {wanted.get(name)}\n  but {found.get(name)}"
                         for name in sorted({*wanted, *found})
                         if wanted.get(name) != found.get(name)) or "(other octets)"

    def settle_upstream(self):
        """Waits until the maildrop holds what the model says, and nothing else."""
        def settled():
            found, wanted = self.drop.bodies(), sorted(self.model.listed().values())
            self.assertGreaterEqual(len(found), len(wanted), "deleted upstream, not expunged")
            if found != wanted:
                self.control.command("NOOP")
            return found == wanted
        wait_until(settled, "what was expunged to be gone upstream")

    def check_all(self):
        self.model = self.compare(self.model)
        self.settle_upstream()
        self.model = self.compare(self.model)

    def await_news(self):
        """Waits until all sessions can see what the model knows."""
        def seen():
            self.ok(self.control, "NOOP")
            self.control.learn()
            return all(self.status_of(self.control, name) == folder.status()
                       for name, folder in self.model.folders.items())
        wait_until(seen, "changes upstream to be seen")

    def status_of(self, session, name):
        items = "MESSAGES UIDNEXT UNSEEN DELETED SIZE"
        answer = self.ok(session, f"STATUS {quoted(name)} ({items})")
        said, = [status_of(text) for text, _ in answer.untagged if text.startswith("* STATUS")]
        self.assertEqual(name, said[0])
        return said[1]

    def tell(self):
        """What was going on, for who is to find out what is wrong."""
        print("the last changes:\n" + "\n".join(self.trace[-30:]))
        for number, session in enumerate([*self.sessions, *filter(None, [self.control])]):
            print(f"session {number}:\n" + "\n".join(session.said), flush=True)

    @staticmethod
    def seed():
        return int(os.environ.get("RANDOM_SEED") or random.SystemRandom().randrange(10**9))
