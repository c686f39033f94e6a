"""Random commands that look: what they answer must be what the model holds."""

import re

from tests.lib.imap_session import name_of, numbers_of, status_of
from tests.lib.random_changes import FLAGS, RandomChanges
from tests.lib.random_scene import quoted

SECTIONS = ("BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY[]", "BODY.PEEK[]<3.20>")


def part_of(body, section):
    """The octets that FETCH must give."""
    header = body[:body.index(b"\r\n\r\n") + 4]
    return {"BODY.PEEK[HEADER]": header, "BODY.PEEK[TEXT]": body[len(header):],
            "BODY.PEEK[]<3.20>": body[3:23]}.get(section, body)


class RandomLooks(RandomChanges):
    def noop(self, session):
        self.ready(session)
        self.ok(session, "NOOP")
        self.check(session)

    def fetch(self, session):
        self.ready(session)
        messages = self.model.folders[session.folder].messages
        uids = [uid for uid in self.uids(session)
                if messages[uid].uidl not in self.model.unlisted]
        if not uids:
            return
        section = self.pick.choice(SECTIONS)
        answer = self.ok(session, f"{self.addressed(session, uids, 'FETCH')} (UID FLAGS {section})")
        if section == "BODY[]" and not session.read_only:
            for uid in uids:
                messages[uid].flags.add("\\Seen")
        got = {uid: body for _, uid, _, body in answer.fetched() if body is not None}
        self.assertEqual({uid: part_of(messages[uid].body, section) for uid in uids}, got)
        self.check(session)

    def status(self, session):
        name = self.folder()
        self.assertEqual(self.model.folders[name].status(), self.status_of(session, name))

    def names(self, session):
        """LIST with the status of each (RFC 5819)."""
        answer = self.ok(session, 'LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UNSEEN DELETED SIZE))')
        listed = dict(name_of(text) for text, _ in answer.untagged if text.startswith("* LIST"))
        self.assertEqual(set(self.model.tree), set(listed))
        for name, attributes in listed.items():
            self.assertEqual(self.model.tree[name].noselect, "\\Noselect" in attributes, name)
            self.assertEqual(bool(self.model.below(name)), "\\HasChildren" in attributes, name)
        self.assertEqual({name: folder.status() for name, folder in self.model.folders.items()},
                         dict(status_of(text) for text, _ in answer.untagged
                              if text.startswith("* STATUS")))

    # ---- SEARCH -------------------------------------------------------------------------------

    def key(self, session):
        """A search key, and the UIDs that it finds."""
        messages = self.model.folders[session.folder].messages
        flag = self.pick.choice(FLAGS)
        key = flag[1:].upper() if flag[0] == "\\" else f"KEYWORD {flag}"
        wanted = sorted(uid for uid, m in messages.items() if flag in m.flags)
        if self.pick.random() < 0.5:
            return f"NOT {key}", sorted(set(messages) - set(wanted))
        return key, wanted

    def search(self, session):
        self.ready(session)
        key, wanted = self.key(session)
        look = self.pick.choice((self.search_all, self.search_extended, self.search_saved))
        look(session, key, wanted)

    def search_all(self, session, key, wanted):
        answer = self.ok(session, f"UID SEARCH {key}")
        said, = [text for text, _ in answer.untagged if re.match(r"\* E?SEARCH", text)]
        if said.startswith("* SEARCH"):
            found = sorted(map(int, said.split()[2:]))
        else:
            all_of = re.search(r" ALL (\S+)", said)
            found = numbers_of(all_of.group(1)) if all_of else []
        self.assertEqual(wanted, found)

    def search_extended(self, session, key, wanted):
        answer = self.ok(session, f"UID SEARCH RETURN (MIN MAX COUNT ALL) {key}")
        said, = [text for text, _ in answer.untagged if text.startswith("* ESEARCH")]
        found = dict(re.findall(r" (MIN|MAX|COUNT|ALL) (\S+)", said))
        self.assertEqual(len(wanted), int(found["COUNT"]))
        self.assertEqual(wanted, numbers_of(found["ALL"]) if "ALL" in found else [])
        if wanted:
            self.assertEqual((wanted[0], wanted[-1]), (int(found["MIN"]), int(found["MAX"])))

    def search_saved(self, session, key, wanted):
        """RFC 5182: what was found is named by "$"."""
        self.ok(session, f"UID SEARCH RETURN (SAVE) {key}")
        answer = self.ok(session, "UID FETCH $ (UID FLAGS)")
        self.assertEqual(wanted, sorted(uid for _, uid, _, _ in answer.fetched()))
        if session.read_only or not wanted or self.pick.random() < 0.5:
            return
        name = session.folder
        self.trace.append(f"{self.sessions.index(session)}: STORE $ is {wanted}")
        self.ok(session, "STORE $ +FLAGS (\\Answered)")
        self.model.store(name, wanted, "+", {"\\Answered"})
        self.check(session)

    # ---- what others do meanwhile -------------------------------------------------------------

    def other(self, session):
        """Another session, with the same folder and all the news of it, so that it may be changed."""
        other = self.pick.choice([s for s in self.sessions if s is not session])
        other.select(session.folder)
        return other

    def changed_since(self, session):
        """RFC 7162 section 3.1.4.1: what another session changed, and nothing else."""
        self.ready(session)
        name = session.folder
        answer = self.ok(session, f"STATUS {quoted(name)} (HIGHESTMODSEQ)")
        mark, = re.findall(r"HIGHESTMODSEQ (\d+)", " ".join(text for text, _ in answer.untagged))
        before = {uid: set(m.flags) for uid, m in self.model.folders[name].messages.items()}
        change = self.change_messages(other := self.other(session))
        if change:
            self.give(other, change)
        after = {uid: m.flags for uid, m in self.model.folders[name].messages.items()}
        self.ready(session)  # what is told unasked is told before
        answer = self.ok(session, f"UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE {mark})")
        self.assertEqual(sorted(uid for uid in after if after[uid] != before.get(uid)),
                         sorted(uid for _, uid, _, _ in answer.fetched()))

    def idle(self, session):
        """What another session does is told to who waits for it."""
        self.ready(session)
        change = self.change_messages(other := self.other(session))
        session.idle()
        if change:
            self.give(other, change)
        while not self.has_heard(session):
            session.news()
        self.assertEqual("OK", session.done().status)
        self.check(session)

    def has_heard(self, session):
        messages = self.model.folders[session.folder].messages
        if len(session.uids) != len(messages):
            return False
        return all(uid in messages and session.flags.get(uid) == messages[uid].flags
                   for uid in session.uids if uid is not None)

    def race(self, session):
        """A change, and at the same time another session looks at what is changed. It may see what
        was before or after, of each message."""
        self.ready(session)
        looker = session
        before = {uid: m.body for uid, m in self.model.folders[session.folder].messages.items()
                  if m.uidl not in self.model.unlisted}
        change = self.change_messages(other := self.other(session))
        if not change or not before:
            return
        verb = self.pick.choice(("FETCH", "UID FETCH"))
        unlisted = any(uid not in before for uid in looker.uids)
        section = "BODY.PEEK[HEADER]" if unlisted else self.pick.choice(("BODY.PEEK[]", "FLAGS"))
        self.trace.append(f"beside: {verb} {section}")
        self.give(other, change, lambda: looker.send(f"{verb} 1:* (UID {section})"))
        answer = looker.finish()
        if answer.status != "OK":
            self.assertTrue("[EXPUNGEISSUED]" in answer.text or unlisted, answer.text)
        for _, uid, _, body in answer.fetched():
            if body is not None and uid in before:
                self.assertEqual(part_of(before[uid], section), body)
        self.ready(looker)
