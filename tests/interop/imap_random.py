"""Random IMAP commands from several sessions against a model, while messages come and go upstream
and mailferry is killed (-9) in between, also in the middle of a command.

Anything answered OK must be there afterwards, a UID must mean the same message for ever, every
session must be told what the others did, and the maildrop must hold what some folder still has.

RANDOM_SEED replays a run, RANDOM_COMMANDS says how many commands it has.
"""

import os
import random
import re
import time

from tests.lib.fakepop3 import FakePop3
from tests.lib.imap_model import Model, Session
from tests.lib.process import PATIENCE, wait_until
from tests.lib.scene import PASSWORD, USER, Scene

STANDARD = ("INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive")
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Later", "Work")
SESSIONS = 3
KILL_EVERY = 125
LIVE_CHANGE_EVERY = 1000  # upstream, while sessions are there: these wait for the next look
MESSAGES_MAX = 150


def quoted(name):
    return f'"{name}"'


class Change:
    """A command that changes the account: `apply` does the same to a model. `again`: whether it
    must be finished by giving it again when it was interrupted, because it is done in steps."""

    def __init__(self, command, apply, literal=None, again=False):
        self.command = command
        self.apply = apply
        self.literal = literal
        self.again = again
        self.folder = None


class Random(Scene):
    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("RANDOM_SEED") or random.SystemRandom().randrange(10**9))
        self.commands = int(os.environ.get("RANDOM_COMMANDS") or 4000)
        print(f"RANDOM_SEED={seed} RANDOM_COMMANDS={self.commands}", flush=True)
        self.pick = random.Random(seed)
        self.drop = FakePop3({USER: PASSWORD}).start()
        self.addCleanup(self.drop.stop)
        self.gate = self.gateway(f"pop3://127.0.0.1:{self.drop.port}", listener="imap",
                                 route={"imap": {"idle_seconds": 0, "poll_seconds": 5}},
                                 config={"log": {"level": "info"}})
        self.model = Model(STANDARD)
        self.bodies = {}  # (UIDVALIDITY, UID, folder) to the octets first seen there
        self.made = 0
        self.sessions = []
        self.control = None
        self.addCleanup(self.disconnect)
        self.trace = []

    # ---- the scene ----------------------------------------------------------------------------

    def connect(self):
        session = Session(self.gate.port, PATIENCE)
        answer = session.command(f"LOGIN {USER} {PASSWORD}")
        self.assertEqual("OK", answer.status, answer.text)
        return session

    def connect_all(self):
        self.sessions = [self.connect() for _ in range(SESSIONS)]
        self.control = self.connect()
        self.control.select("INBOX")

    def disconnect(self):
        for session in [*self.sessions, *filter(None, [self.control])]:
            session.close()
        self.sessions, self.control = [], None

    def body(self):
        self.made += 1
        lines = b"".join(b"%s line %d\r\n" % (b"." * self.pick.randrange(3), n)
                         for n in range(self.pick.randrange(12)))
        return (b"Subject: message %d\r\nFrom: ann@example.com\r\n"
                b"Message-ID: <%d@example.com>\r\n\r\nbody\r\n" % (self.made, self.made)) + lines

    def folder(self):
        """A folder's name; INBOX more often than others."""
        return "INBOX" if self.pick.random() < 0.4 else self.pick.choice(list(self.model.folders))

    def remember(self, name, validity, view):
        """A UID that was seen once must never be another message's."""
        for uid, (_, body) in view.items():
            first = self.bodies.setdefault((validity, uid, name), body)
            self.assertEqual(first, body, f"UID {uid} of {name} was another message")

    def settle_upstream(self):
        """Waits until the maildrop holds what the model says, and nothing else."""
        def agrees():
            found = {uidl for uidl, _ in self.drop.listing()}
            wanted = self.model.uidls()
            self.assertFalse(wanted - found, "deleted upstream, but not expunged")
            if found != wanted:
                self.control.command("NOOP")
            return found == wanted
        wait_until(agrees, "what was expunged to be gone upstream")

    def compare(self, *models):
        """What a fresh session sees must be one of these models, which is returned."""
        session = self.connect()
        view = session.view()
        matching = [model for model in models if model.view() == view]
        if not matching:
            self.fail("a fresh session sees something else:\n" + "\n".join(
                self.difference(self.brief(model.view()), self.brief(view)) for model in models))
        model = matching[0]
        for name, folder in model.folders.items():
            validity, uidnext = session.select(name)
            self.assertEqual(folder.uidnext, uidnext, name)
            if folder.validity is not None:
                self.assertEqual(folder.validity, validity, name)
            folder.validity = validity
            self.remember(name, validity, view[name])
        session.close()
        return model

    @staticmethod
    def brief(view):
        return {name: {uid: (sorted(flags), body and body.split(b"\r\n")[0])
                       for uid, (flags, body) in found.items()} for name, found in view.items()}

    @staticmethod
    def difference(wanted, found):
        return "\n".join(f"{name}: {wanted.get(name)}\n  but {found.get(name)}"
                         for name in sorted({*wanted, *found})
                         if wanted.get(name) != found.get(name)) or "(other octets)"

    def check_all(self):
        self.model = self.compare(self.model)
        self.settle_upstream()
        self.model = self.compare(self.model)

    # ---- kill -9 ------------------------------------------------------------------------------

    def restart(self):
        """kill -9, sometimes in the middle of a command."""
        models = [self.model]
        change = None
        upstream = self.pick.random() < 0.4
        if not upstream:
            session = self.ready(self.pick.choice(self.sessions))
            change = self.change(session)
        if change:
            self.trace.append(f"interrupted: {change.command}")
            session.send(change.command, change.literal)
            time.sleep(self.pick.random() * 0.004)  # any moment will do: there is nothing to await
            after = self.model.copy()
            change.apply(after)
            models = [after] if change.again else [self.model, after]
        self.gate.kill()
        self.disconnect()
        if upstream:
            self.change_upstream()
        self.gate.start()
        self.connect_all()
        if upstream:
            self.wait_news()
        if change and change.again:
            self.finish(change)
        self.model = self.compare(*models)
        self.check_all()

    def finish(self, change):
        """Gives a command that is done in steps once more; it may have been done."""
        session = self.connect()
        if change.folder:
            session.select(change.folder)
        answer = session.command(change.command)
        self.assertIn(answer.status, ("OK", "NO"), answer.text)
        wait_until(lambda: self.view_settles(session, change), "an interrupted command to be done")
        session.close()

    def view_settles(self, session, change):
        if not change.folder:
            return True
        session.command("NOOP")
        session.learn()
        after = self.model.copy()
        change.apply(after)
        return session.uids == sorted(after.folders[change.folder].messages)

    # ---- sessions -----------------------------------------------------------------------------

    def ready(self, session):
        """Gives a session a folder, and all the news of it."""
        if session.folder not in self.model.folders:
            self.select(session)
        else:
            self.noop(session)
        return session

    def select(self, session):
        name = self.folder()
        validity, uidnext = session.select(name)
        folder = self.model.folders[name]
        self.assertEqual(folder.validity or validity, validity)
        folder.validity = validity
        self.assertEqual(folder.uidnext, uidnext)
        self.check(session)

    def noop(self, session):
        self.ok(session, "NOOP")
        self.check(session)

    def check(self, session):
        """A session that was told the news knows what the model knows."""
        session.learn()
        messages = self.model.folders[session.folder].messages
        if session.uids != sorted(messages):
            # What was expunged and could not be told during learn().
            session.command("NOOP")
            session.learn()
        self.assertEqual(sorted(messages), session.uids, session.folder)
        self.assertEqual({uid: frozenset(m.flags) for uid, m in messages.items()}, session.flags)

    def ok(self, session, command, literal=None, wait=False):
        answer = session.command(command, literal, wait)
        self.assertEqual("OK", answer.status, f"{command}: {answer.text}")
        return answer

    def uids(self, session):
        """Some of the messages that are in the session's folder and that it knows; maybe none."""
        known = [uid for uid in self.model.folders[session.folder].messages if uid in session.uids]
        return sorted(self.pick.sample(known, min(len(known), self.pick.choice((1, 1, 2, 5, 9)))))

    def addressed(self, session, uids, verb):
        """How the command and its set begin: by UID or by number."""
        if self.pick.random() < 0.5:
            return f"UID {verb} {','.join(map(str, uids))}"
        return f"{verb} {','.join(str(session.uids.index(uid) + 1) for uid in uids)}"

    # ---- commands that change the account -----------------------------------------------------

    def change(self, session):
        """A random Change by a session that is ready, or None when there is nothing to change."""
        make, = self.pick.choices((self.store, self.copy, self.move, self.append, self.expunge,
                                   self.create, self.rename, self.delete),
                                  (30, 8, 12, 12, 10, 4, 4, 3))
        return make(session)

    def store(self, session):
        uids = self.uids(session)
        if not uids:
            return None
        how = self.pick.choice(("+", "+", "-", "-", ""))
        flags = set(self.pick.sample(FLAGS, self.pick.randrange(1, 4)))
        name = session.folder

        def apply(model):
            for uid in uids:
                message = model.folders[name].messages[uid]
                message.flags = {"+": message.flags | flags, "-": message.flags - flags,
                                 "": set(flags)}[how]
            return uids
        silent = self.pick.choice(("", ".SILENT"))
        return Change(f"{self.addressed(session, uids, 'STORE')} {how}FLAGS{silent} "
                      f"({' '.join(sorted(flags))})", apply)

    def crowded(self):
        return sum(len(f.messages) for f in self.model.folders.values()) > MESSAGES_MAX

    def copy(self, session):
        uids, source, target = self.uids(session), session.folder, self.folder()
        if not uids or self.crowded():
            return None
        return Change(f"{self.addressed(session, uids, 'COPY')} {quoted(target)}",
                      lambda model: model.duplicate(model.folders[source], uids,
                                                    model.folders[target]))

    def move(self, session):
        uids, source, target = self.uids(session), session.folder, self.folder()
        if not uids or target == source:
            return None
        return Change(f"{self.addressed(session, uids, 'MOVE')} {quoted(target)}",
                      lambda model: model.move(model.folders[source], uids, model.folders[target]))

    def append(self, _):
        if self.crowded():
            return None
        name, body = self.folder(), self.body()
        flags = self.pick.sample(FLAGS, self.pick.randrange(3))
        return Change(f"APPEND {quoted(name)} ({' '.join(flags)})",
                      lambda model: model.folders[name].add(body, flags=flags), literal=body)

    def expunge(self, session):
        uids = self.uids(session) if self.pick.random() < 0.4 else None
        name = session.folder
        if uids == []:
            return None
        command = "EXPUNGE" if uids is None else f"UID EXPUNGE {','.join(map(str, uids))}"
        change = Change(command, lambda model: model.expunge(model.folders[name], uids), again=True)
        change.folder = name
        return change

    def fresh_name(self):
        name = f"F{self.pick.randrange(8)}"
        return None if name in self.model.folders else name

    def create(self, _):
        name = self.fresh_name()
        return name and Change(f"CREATE {quoted(name)}", lambda model: model.create(name))

    def own_folder(self):
        return self.pick.choice([n for n in self.model.folders if n not in STANDARD] or [None])

    def rename(self, _):
        name, to = self.own_folder(), self.fresh_name()
        if self.pick.random() < 0.1:
            name = "INBOX"
        return name and to and Change(f"RENAME {quoted(name)} {quoted(to)}",
                                      lambda model: model.rename(name, to))

    def delete(self, _):
        name = self.own_folder()
        return name and Change(f"DELETE {quoted(name)}", lambda model: model.delete(name))

    def run_change(self, session):
        stale = session.folder in self.model.folders and self.pick.random() < 0.4
        change = self.change(session if stale else self.ready(session))
        if not change:
            return
        self.trace.append(change.command)
        answer = self.ok(session, change.command, change.literal, self.pick.random() < 0.5)
        before = dict(self.model.folders)
        made = change.apply(self.model)
        self.after_change(session, change, before)
        self.check_uids(change, answer, made)
        if change.again:
            wait_until(lambda: self.is_expunged(session), "what was expunged to be gone")
        if "SILENT" in change.command:  # the others are told, this one knows
            messages = self.model.folders[session.folder].messages
            session.flags.update({uid: frozenset(messages[uid].flags) for uid in made})
        if session.folder in self.model.folders and "STORE" in change.command:
            self.check(session)

    def is_expunged(self, session):
        session.learn()
        if session.uids == sorted(self.model.folders[session.folder].messages):
            return True
        session.command("NOOP")
        return False

    def after_change(self, session, change, before):
        """Sessions follow a folder to its new name, and leave one that is deleted."""
        if change.command.startswith(("RENAME", "DELETE")):
            now = {id(folder): name for name, folder in self.model.folders.items()}
            for other in [*self.sessions, self.control]:
                if other.folder in before:
                    other.folder = now.get(id(before[other.folder]))

    def check_uids(self, change, answer, made):
        """COPYUID and APPENDUID must name the UIDs that the model gives."""
        found = re.search(r"\[APPENDUID (\d+) (\d+)\]", answer.text)
        if change.literal is not None:
            self.assertTrue(found, answer.text)
            name = re.match(r'APPEND "(.*?)"', change.command).group(1)
            folder = self.model.folders[name]
            self.assertEqual(folder.uidnext - 1, int(found.group(2)))
            self.assertEqual(folder.validity or int(found.group(1)), int(found.group(1)))
        elif " COPY " in f" {change.command}" or " MOVE " in f" {change.command}":
            said = " ".join([*(text for text, _ in answer.untagged), answer.text])
            found = re.search(r"\[COPYUID \d+ (\S+) (\S+)\]", said)
            self.assertTrue(found, said)
            self.assertEqual(made, self.expanded(found.group(2)))

    @staticmethod
    def expanded(numbers):
        """The numbers of a set without "*"."""
        ranges = [tuple(map(int, part.split(":"))) for part in numbers.split(",")]
        return [n for part in ranges for n in range(part[0], part[-1] + 1)]

    # ---- commands that look -------------------------------------------------------------------

    def fetch(self, session):
        uids = self.uids(session)
        if not uids:
            return
        messages = self.model.folders[session.folder].messages
        section = self.pick.choice(("BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
                                    "BODY[]", "BODY.PEEK[]<3.20>"))
        answer = self.ok(session, f"{self.addressed(session, uids, 'FETCH')} (UID FLAGS {section})")
        if section == "BODY[]":
            for uid in uids:
                messages[uid].flags.add("\\Seen")
        got = {uid: body for _, uid, _, body in answer.fetched() if body is not None}
        self.assertEqual(uids, sorted(got))
        for uid in uids:
            whole = messages[uid].body
            header = whole[:whole.index(b"\r\n\r\n") + 4]
            self.assertEqual({"BODY.PEEK[HEADER]": header, "BODY.PEEK[TEXT]": whole[len(header):],
                              "BODY.PEEK[]<3.20>": whole[3:23]}.get(section, whole), got[uid])
        self.check(session)

    def search(self, session):
        messages = self.model.folders[session.folder].messages
        flag = self.pick.choice(FLAGS)
        key = flag[1:].upper() if flag[0] == "\\" else f"KEYWORD {flag}"
        wanted = {uid for uid, m in messages.items() if flag in m.flags}
        if self.pick.random() < 0.5:
            key = f"NOT {key}"
            wanted = set(messages) - wanted
        answer = self.ok(session, f"UID SEARCH {key}")
        found = [text.split()[2:] for text, _ in answer.untagged if text.startswith("* SEARCH")]
        self.assertEqual([sorted(wanted)], [sorted(map(int, uids)) for uids in found])

    def status(self, session):
        name = self.folder()
        folder = self.model.folders[name]
        answer = self.ok(session, f"STATUS {quoted(name)} (MESSAGES UIDNEXT UNSEEN)")
        said = " ".join(text for text, _ in answer.untagged if text.startswith("* STATUS"))
        unseen = sum("\\Seen" not in m.flags for m in folder.messages.values())
        self.assertEqual({"MESSAGES": len(folder.messages), "UIDNEXT": folder.uidnext,
                          "UNSEEN": unseen},
                         {key: int(n) for key, n in re.findall(r"(\w+) (\d+)", said)
                          if key in ("MESSAGES", "UIDNEXT", "UNSEEN")})

    def names(self, session):
        self.assertEqual(set(self.model.folders), session.folders())

    # ---- upstream -----------------------------------------------------------------------------

    def deliver(self):
        inbox = self.model.folders["INBOX"]
        for _ in range(self.pick.randrange(1, 9)):
            body = self.body()
            inbox.add(body, self.drop.deliver(body))
        self.trace.append("delivered")

    def vanish(self):
        """Messages go upstream; few enough to be believed at once."""
        there = sorted(self.model.uidls())
        if len(there) < 10:
            return
        uidls = self.pick.sample(there, 2)
        self.trace.append(f"vanished: {uidls}")
        self.drop.delete(uidls)
        self.model.vanish(set(uidls))

    def change_upstream(self):
        if self.pick.random() < 0.5:
            self.vanish()  # first: what is delivered now was not seen yet, and has no UID
        self.deliver()

    def wait_news(self):
        """Waits until mailferry has seen what changed upstream."""
        def seen():
            self.control.command("NOOP")
            self.control.learn()
            return all(self.count(name) == len(folder.messages)
                       for name, folder in self.model.folders.items())
        wait_until(seen, "changes upstream to be seen")

    def count(self, name):
        answer = self.ok(self.control, f"STATUS {quoted(name)} (MESSAGES)")
        return int(re.search(r"MESSAGES (\d+)", repr([t for t, _ in answer.untagged])).group(1))

    # ---- the test -----------------------------------------------------------------------------

    def step(self):
        session = self.pick.choice(self.sessions)
        act, = self.pick.choices(
            (self.run_change, self.select, self.noop, self.fetch, self.search, self.status,
             self.names), (60, 6, 8, 14, 8, 8, 2))
        if act in (self.fetch, self.search, self.noop):
            act(self.ready(session))
        else:
            act(session)

    def test_commands(self):
        self.connect_all()
        try:
            for number in range(1, self.commands + 1):
                self.step()
                if number % KILL_EVERY == 0:
                    self.restart()
                if number % LIVE_CHANGE_EVERY == LIVE_CHANGE_EVERY // 3:
                    self.change_upstream()
                    self.wait_news()
            self.check_all()
        except BaseException:
            print("the last changes:\n" + "\n".join(self.trace[-30:]))
            for number, session in enumerate([*self.sessions, self.control]):
                print(f"session {number}:\n" + "\n".join(session.said))
            raise
