"""What an IMAP account should hold: folders, their messages, their flags. It is changed as commands
change the account, and compared with what a session sees (imap_session.py)."""

import copy

KEYWORDS_MAX = 56  # that an account knows; one too many is not kept


class Message:
    """A folder's reference to `body`; `uidl` names the maildrop's message, if it is one of those.
    `date`: INTERNALDATE, None until it was seen."""

    def __init__(self, uid, body, uidl=None, flags=(), date=None):
        self.uid = uid
        self.body = body
        self.uidl = uidl
        self.flags = set(flags)
        self.date = date


class Folder:
    def __init__(self, name):
        self.name = name
        self.validity = None
        self.uidnext = 1
        self.messages = {}
        self.noselect = False

    def add(self, body, uidl=None, flags=(), date=None):
        message = Message(self.uidnext, body, uidl, flags, date)
        self.messages[message.uid] = message
        self.uidnext += 1
        return message

    def status(self):
        """What STATUS says of it."""
        messages = self.messages.values()
        return {"MESSAGES": len(messages), "UIDNEXT": self.uidnext,
                "UNSEEN": sum("\\Seen" not in m.flags for m in messages),
                "DELETED": sum("\\Deleted" in m.flags for m in messages),
                "SIZE": sum(len(m.body) for m in messages)}


class Model:
    """`unlisted`: UIDLs that the maildrop lists no more, which here does not mean deleted."""

    def __init__(self, names):
        self.tree = {name: Folder(name) for name in names}
        self.keywords = set()
        self.subscriptions = set()
        self.unlisted = set()

    def copy(self):
        return copy.deepcopy(self)

    # ---- folders

    @property
    def folders(self):
        """Those that hold messages, by name."""
        return {name: f for name, f in self.tree.items() if not f.noselect}

    def below(self, name):
        return [other for other in self.tree if other.startswith(name + "/")]

    def create(self, name):
        levels = name.split("/")
        for n in range(1, len(levels)):
            self.tree.setdefault("/".join(levels[:n]), Folder("/".join(levels[:n])))
        self.tree[name] = Folder(name)

    def delete(self, name):
        """A name that others are below stays as a name (RFC 9051 section 6.3.5)."""
        if self.below(name):
            self.tree[name].noselect = True
            self.tree[name].messages = {}
        else:
            del self.tree[name]

    def rename(self, name, to):
        self.create(to)  # and what is above it
        if name == "INBOX":
            self.move(self.tree[name], list(self.tree[name].messages), self.tree[to])
            return
        for old in [name, *self.below(name)]:
            folder = self.tree.pop(old)
            folder.name = to + old[len(name):]
            self.tree[folder.name] = folder

    # ---- messages

    def keep(self, flags):
        """Of the flags those that the account can keep; new keywords take a place."""
        kept = set()
        for flag in sorted(flags):
            if flag[0] == "\\" or flag in self.keywords or len(self.keywords) < KEYWORDS_MAX:
                kept.add(flag)
                self.keywords |= {flag} if flag[0] != "\\" else set()
        return kept

    def append(self, name, body, flags, date):
        self.tree[name].add(body, flags=self.keep(flags), date=date)

    def store(self, name, uids, how, flags):
        kept = flags if how == "-" else self.keep(flags)
        for uid in uids:
            message = self.tree[name].messages[uid]
            message.flags = {"+": message.flags | kept, "-": message.flags - kept,
                             "": set(kept)}[how]
        return uids

    def duplicate(self, source, uids, target):
        """COPY; the new UIDs."""
        messages = [source.messages[uid] for uid in sorted(uids)]
        return [target.add(m.body, m.uidl, m.flags, m.date).uid for m in messages]

    def move(self, source, uids, target):
        made = self.duplicate(source, uids, target)
        for uid in uids:
            del source.messages[uid]
        return made

    def expunge(self, folder, uids=None):
        folder.messages = {uid: m for uid, m in folder.messages.items()
                           if "\\Deleted" not in m.flags or (uids is not None and uid not in uids)}

    # ---- the maildrop

    def upstream(self):
        """Body by UIDL of the maildrop's messages that some folder still has."""
        return {m.uidl: m.body for f in self.tree.values() for m in f.messages.values() if m.uidl}

    def listed(self):
        """Of these, those that the maildrop must have, and nothing else."""
        return {uidl: body for uidl, body in self.upstream().items() if uidl not in self.unlisted}

    def vanish(self, uidls):
        """What the upstream has no more is in no folder."""
        for folder in self.tree.values():
            folder.messages = {uid: m for uid, m in folder.messages.items() if m.uidl not in uidls}

    # ---- all of it

    def view(self):
        """As Session.view() finds it."""
        return {name: {uid: (frozenset(m.flags), m.body, m.date) for uid, m in f.messages.items()}
                for name, f in self.folders.items()}
