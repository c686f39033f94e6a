"""Random commands that change an IMAP account, each with what it does to the model."""

import datetime
import re

from tests.lib.imap_session import numbers_of
from tests.lib.process import wait_until
from tests.lib.random_scene import STANDARD, RandomScene, quoted

FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Later", "Work")
MESSAGES_MAX = 150
KEYWORD_NAMES = 60  # more than an account can keep


class Change:
    """A command that changes the account: `apply` does the same to a model.

    again:  what is to be said when it was interrupted, because it is done in steps, in `folder`
    writes: refused when the folder was opened by EXAMINE
    """

    def __init__(self, command, apply, literal=None, again=None, folder=None, writes=False):
        self.command = command
        self.apply = apply
        self.literal = literal
        self.again = again
        self.folder = folder
        self.writes = writes


class RandomChanges(RandomScene):
    def change(self, session):
        """A random Change by a session that is ready, or None when there is nothing to change."""
        make, = self.pick.choices(
            (self.store, self.copy, self.move, self.append, self.expunge, self.create, self.rename,
             self.delete, self.subscribe),
            (30, 8, 12, 12, 10, 5, 4, 4, 2))
        return make(session)

    def change_messages(self, session):
        """One that no other session can lose its folder by."""
        make, = self.pick.choices((self.store, self.copy, self.move, self.append, self.expunge),
                                  (30, 8, 12, 12, 15))
        return make(session)

    # ---- messages -----------------------------------------------------------------------------

    def flags(self):
        flags = set(self.pick.sample(FLAGS, self.pick.randrange(1, 4)))
        if self.pick.random() < 0.02:
            flags.add(f"K{self.pick.randrange(KEYWORD_NAMES)}")
        return flags

    def store(self, session):
        uids = self.uids(session)
        if not uids:
            return None
        how = self.pick.choice(("+", "+", "-", "-", ""))
        silent = self.pick.choice(("", ".SILENT"))
        return self.store_of(session, uids, how, self.flags(), silent)

    def store_of(self, session, uids, how, flags, silent=""):
        name = session.folder
        return Change(f"{self.addressed(session, uids, 'STORE')} {how}FLAGS{silent} "
                      f"({' '.join(sorted(flags))})",
                      lambda model: model.store(name, uids, how, flags), writes=True)

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
                      lambda model: model.move(model.folders[source], uids, model.folders[target]),
                      writes=True)

    def append(self, _):
        if self.crowded():
            return None
        name, body = self.folder(), self.body()
        flags = set(self.pick.sample(FLAGS, self.pick.randrange(3)))
        date = self.pick.choice((None, self.pick.randrange(2**31)))
        said = "" if date is None else datetime.datetime.fromtimestamp(
            date, datetime.timezone.utc).strftime(' "%d-%b-%Y %H:%M:%S +0000"')
        return Change(f"APPEND {quoted(name)} ({' '.join(sorted(flags))}){said}",
                      lambda model: model.append(name, body, flags, date), literal=body)

    def expunge(self, session):
        uids = self.uids(session) if self.pick.random() < 0.4 else None
        name = session.folder
        if uids == []:
            return None
        command = "EXPUNGE" if uids is None else f"UID EXPUNGE {','.join(map(str, uids))}"
        return Change(command, lambda model: model.expunge(model.folders[name], uids),
                      again=command, folder=name, writes=True)

    # ---- folders ------------------------------------------------------------------------------

    def fresh_name(self):
        """Of one level or two; maybe below a standard folder."""
        name = f"F{self.pick.randrange(6)}"
        if self.pick.random() < 0.4:
            name = f"{self.pick.choice((f'F{self.pick.randrange(6)}', 'Archive'))}/{name}"
        return None if name in self.model.folders else name

    def own_name(self):
        """Also one that is only a name."""
        return self.pick.choice([n for n in self.model.tree if n not in STANDARD] or [None])

    def create(self, _):
        name = self.fresh_name()
        return name and Change(f"CREATE {quoted(name)}", lambda model: model.create(name))

    def rename(self, _):
        name, to = self.own_name(), self.fresh_name()
        if self.pick.random() < 0.1:
            name = "INBOX"
        if not name or not to or to in self.model.tree or self.model.below(to):
            return None
        if to.startswith(name + "/"):
            return None
        return Change(f"RENAME {quoted(name)} {quoted(to)}", lambda model: model.rename(name, to))

    def delete(self, _):
        name = self.own_name()
        if not name or (self.model.tree[name].noselect and self.model.below(name)):
            return None
        return Change(f"DELETE {quoted(name)}", lambda model: model.delete(name))

    def subscribe(self, _):
        name = self.pick.choice(list(self.model.tree))
        if name in self.model.subscriptions:
            return Change(f"UNSUBSCRIBE {quoted(name)}",
                          lambda model: model.subscriptions.discard(name))
        return Change(f"SUBSCRIBE {quoted(name)}", lambda model: model.subscriptions.add(name))

    # ---- running them -------------------------------------------------------------------------

    def run_change(self, session):
        stale = session.folder in self.model.folders and self.pick.random() < 0.4
        change = self.change(session if stale else self.ready(session))
        if change:
            self.give(session, change)

    def give(self, session, change, beside=None):
        """Gives the command, while `beside` is under way, and holds its answer against the model."""
        self.trace.append(f"{self.sessions.index(session)}: {change.command}")
        session.send(change.command, change.literal, not beside and self.pick.random() < 0.5)
        if beside:
            beside()
        answer = session.finish()
        if change.writes and session.read_only:
            self.assertIn("NO [READ-ONLY]", f"{answer.status} {answer.text}")
            return
        self.assertEqual("OK", answer.status, f"{change.command}: {answer.text}")
        before, there = dict(self.model.tree), self.model.upstream()
        made = change.apply(self.model)
        self.follow_folders(change, before)
        self.check_uids(change, answer, made)
        if change.again:
            self.check_gone(session, there)
            wait_until(lambda: self.is_expunged(session), "what was expunged to be gone")
        if "SILENT" in change.command:  # the others are told, this one knows
            messages = self.model.folders[session.folder].messages
            session.flags.update({uid: frozenset(messages[uid].flags) for uid in made})
        if session.folder in self.model.folders and "STORE" in change.command:
            self.check(session)

    def check_gone(self, session, there):
        """What the session was told to be gone must be gone upstream, but for what another folder
        has."""
        if session.uids == sorted(self.model.folders[session.folder].messages):
            self.check_gone_upstream(there)

    def check_gone_upstream(self, there):
        left = {uidl for uidl, _ in self.drop.listing()}
        gone = set(there) - set(self.model.upstream())
        self.assertFalse(gone & left - self.model.unlisted, "told before it was done")

    def is_expunged(self, session):
        session.learn()
        if session.uids == sorted(self.model.folders[session.folder].messages):
            return True
        session.command("NOOP")
        return False

    def follow_folders(self, change, before):
        """Sessions follow a folder to its new name, and leave one that is deleted."""
        if not change.command.startswith(("RENAME", "DELETE")):
            return
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
            self.assertEqual(made, numbers_of(found.group(2)))

    # ---- special ones -------------------------------------------------------------------------

    def close(self, session):
        """CLOSE expunges without a word; UNSELECT does not."""
        self.ready(session)
        verb = self.pick.choice(("CLOSE", "UNSELECT"))
        name, there = session.folder, self.model.upstream()
        self.trace.append(f"{verb} of {name}")
        session.folder = None
        self.ok(session, verb)
        if verb == "CLOSE" and not session.read_only:
            self.model.expunge(self.model.folders[name])
        wait_until(lambda: self.status_of(self.control, name) == self.model.folders[name].status(),
                   "what was expunged by CLOSE to be gone")
        self.check_gone_upstream(there)

    def append_cut(self, _):
        """A connection that ends inside a literal leaves nothing."""
        body = self.body() * 50
        session = self.connect()
        session.socket.sendall(b'x APPEND "Sent" {%d+}\r\n' % len(body)
                               + body[:self.pick.randrange(len(body))])
        session.close()

    def store_unchanged(self, session):
        """STORE (UNCHANGEDSINCE), with some of the messages changed by another meanwhile."""
        self.ready(session)
        uids = self.uids(session)
        if not uids or session.read_only:
            return
        answer = self.ok(session, f"UID FETCH {','.join(map(str, uids))} (MODSEQ)")
        modseq = max(int(re.search(r"MODSEQ \((\d+)\)", text).group(1))
                     for text, _ in answer.untagged if "MODSEQ (" in text)
        changed = self.change_some(session, uids)
        change = self.store_of(session, [u for u in uids if u not in changed], "+", {"$Later"})
        self.trace.append(f"{self.sessions.index(session)}: UNCHANGEDSINCE {uids} but {changed}")
        answer = self.ok(session, f"UID STORE {','.join(map(str, uids))} "
                                  f"(UNCHANGEDSINCE {modseq}) +FLAGS ($Later)")
        change.apply(self.model)
        found = re.search(r"\[MODIFIED (\S+)\]", answer.text)
        self.assertEqual(changed, numbers_of(found.group(1)) if found else [])
        self.check(session)

    def change_some(self, session, uids):
        """Another session changes some of these messages; which."""
        other = self.pick.choice([s for s in self.sessions if s is not session])
        some = sorted(self.pick.sample(uids, self.pick.randrange(len(uids))))
        if not some:
            return []
        other.select(session.folder)
        messages = self.model.folders[session.folder].messages
        missing = [uid for uid in some if "\\Answered" not in messages[uid].flags]
        self.give(other, self.store_of(other, some, "+", {"\\Answered"}))
        return missing
