"""What an IMAP account should hold: folders, their messages, their flags. And a raw IMAP client that
keeps what it was told, so that the two can be held against each other."""

import collections
import copy
import re
import socket

_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class Message:
    """A folder's reference to `body`; `uidl` names the maildrop's message, if it is one of those."""

    def __init__(self, uid, body, uidl=None, flags=()):
        self.uid = uid
        self.body = body
        self.uidl = uidl
        self.flags = set(flags)


class Folder:
    def __init__(self, name):
        self.name = name
        self.validity = None
        self.uidnext = 1
        self.messages = {}
        self.gone = False

    def add(self, body, uidl=None, flags=()):
        message = Message(self.uidnext, body, uidl, flags)
        self.messages[message.uid] = message
        self.uidnext += 1
        return message


class Model:
    def __init__(self, names):
        self.folders = {name: Folder(name) for name in names}

    def copy(self):
        return copy.deepcopy(self)

    def uidls(self):
        """The maildrop's messages that some folder still has."""
        return {m.uidl for f in self.folders.values() for m in f.messages.values() if m.uidl}

    def vanish(self, uidls):
        """What the upstream has no more is in no folder."""
        for folder in self.folders.values():
            folder.messages = {uid: m for uid, m in folder.messages.items() if m.uidl not in uidls}

    def create(self, name):
        self.folders[name] = Folder(name)

    def delete(self, name):
        self.folders.pop(name).gone = True

    def rename(self, name, to):
        if name == "INBOX":
            self.create(to)
            self.move(self.folders[name], list(self.folders[name].messages), self.folders[to])
            return
        folder = self.folders.pop(name)
        folder.name = to
        self.folders[to] = folder

    def duplicate(self, source, uids, target):
        """COPY; the new UIDs."""
        messages = [source.messages[uid] for uid in sorted(uids)]
        return [target.add(m.body, m.uidl, m.flags).uid for m in messages]

    def move(self, source, uids, target):
        made = self.duplicate(source, uids, target)
        for uid in uids:
            del source.messages[uid]
        return made

    def expunge(self, folder, uids=None):
        folder.messages = {uid: m for uid, m in folder.messages.items()
                           if "\\Deleted" not in m.flags or (uids is not None and uid not in uids)}

    def view(self):
        """All of it, as Session.view() finds it."""
        return {name: {uid: (frozenset(m.flags), m.body) for uid, m in f.messages.items()}
                for name, f in self.folders.items()}


class Answer:
    """A tagged answer: `status`, `text`, and the untagged responses before it, each as its text
    (literals cut out) and its literals."""

    def __init__(self, status, text, untagged):
        self.status = status
        self.text = text
        self.untagged = untagged

    def fetched(self):
        """The FETCH responses: (number, UID or None, flags or None, literal or None)."""
        for text, literals in self.untagged:
            found = re.match(r"\* (\d+) FETCH \((.*)\)$", text)
            if found:
                uid = re.search(r"\bUID (\d+)", text)
                flags = re.search(r"FLAGS \(([^)]*)\)", text)
                yield (int(found.group(1)), int(uid.group(1)) if uid else None,
                       frozenset(flags.group(1).split()) - {"\\Recent"} if flags else None,
                       literals[0] if literals else None)


class Session:
    """One connection. `uids` is what it was told of the selected folder, in the order of the
    message numbers (None: not yet known), `flags` what it was told of each message's flags."""

    def __init__(self, port, timeout):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.tags = 0
        self.folder = None
        self.uids = []
        self.flags = {}
        self.said = collections.deque(maxlen=40)  # to be shown when something is wrong
        self.read()

    def close(self):
        self.file.close()
        self.socket.close()

    def read(self):
        """One response: its text without its literals, and these."""
        text, literals = b"", []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("the connection ended")
            literal = _LITERAL.search(line)
            if not literal:
                text = (text + line).decode("latin-1").rstrip("\r\n")
                self.said.append("S: " + text)
                return text, literals
            literals.append(self.file.read(int(literal.group(1))))
            text += line[:literal.start()]

    def send(self, command, literal=None, wait=False):
        """Begins a command; `literal` ends it, after the server's leave if `wait`."""
        self.tags += 1
        line = f"a{self.tags} {command}".encode()
        self.said.append("C: " + line.decode())
        if literal is None:
            self.socket.sendall(line + b"\r\n")
        elif wait:
            self.socket.sendall(line + b" {%d}\r\n" % len(literal))
            text, _ = self.read()
            if not text.startswith("+"):
                raise AssertionError(f"no leave to send a literal: {text}")
            self.socket.sendall(literal + b"\r\n")
        else:
            self.socket.sendall(line + b" {%d+}\r\n" % len(literal) + literal + b"\r\n")

    def finish(self):
        """Reads to the command's end, and takes in what it is told of the selected folder."""
        untagged, tag = [], f"a{self.tags} "
        while True:
            text, literals = self.read()
            if text.startswith(tag):
                status, _, rest = text[len(tag):].partition(" ")
                return Answer(status, rest, untagged)
            untagged.append((text, literals))
            if self.folder:
                self.take(text)

    def command(self, command, literal=None, wait=False):
        self.send(command, literal, wait)
        return self.finish()

    def take(self, text):
        found = re.match(r"\* (\d+) (EXISTS|EXPUNGE|FETCH)", text)
        if not found:
            return
        number = int(found.group(1))
        if found.group(2) == "EXISTS":
            if number < len(self.uids):
                raise AssertionError(f"{text} after {len(self.uids)} messages")
            self.uids += [None] * (number - len(self.uids))
            return
        if not 0 < number <= len(self.uids):
            raise AssertionError(f"{text} of {len(self.uids)} messages")
        if found.group(2) == "EXPUNGE":
            self.flags.pop(self.uids.pop(number - 1), None)
        else:
            self.take_fetch(number, text)

    def take_fetch(self, number, text):
        uid = re.search(r"\bUID (\d+)", text)
        flags = re.search(r"FLAGS \(([^)]*)\)", text)
        if uid:
            known, told = self.uids[number - 1], int(uid.group(1))
            if known not in (None, told):
                raise AssertionError(f"{text}, but its UID was {known}")
            self.uids[number - 1] = told
        if flags and self.uids[number - 1] is not None:
            self.flags[self.uids[number - 1]] = frozenset(flags.group(1).split()) - {"\\Recent"}

    def select(self, name):
        """Selects, learns every UID and the flags; the UIDVALIDITY and the UIDNEXT."""
        self.folder, self.uids, self.flags = name, [], {}
        answer = self.command(f'SELECT "{name}"')
        if answer.status != "OK":
            raise AssertionError(f"SELECT {name}: {answer.text}")
        said = "\n".join(text for text, _ in answer.untagged)
        self.learn()
        return tuple(int(re.search(rf"\[{code} (\d+)\]", said).group(1))
                     for code in ("UIDVALIDITY", "UIDNEXT"))

    def learn(self):
        """Asks for UIDs that it was not told yet; more may come with the answer."""
        while None in self.uids:
            first = self.uids.index(None) + 1
            answer = self.command(f"FETCH {first}:* (UID FLAGS)")
            if answer.status != "OK" or None in self.uids[:first]:
                raise AssertionError(f"FETCH of UIDs: {answer.status} {answer.text} {self.uids}")

    def bodies(self):
        """UID to octets of the selected folder's messages."""
        if not self.uids:
            return {}
        answer = self.command("UID FETCH 1:* (UID BODY.PEEK[])")
        if answer.status != "OK":
            raise AssertionError(f"FETCH of bodies: {answer.text}")
        return {uid: body for _, uid, _, body in answer.fetched() if body is not None}

    def folders(self):
        """The names of all folders that hold messages."""
        answer = self.command('LIST "" "*"')
        return {re.search(r'"?([^"]*?)"?$', text.partition(' "/" ')[2]).group(1)
                for text, _ in answer.untagged
                if text.startswith("* LIST") and "\\Noselect" not in text}

    def view(self):
        """All folders, as Model.view() has them."""
        found = {}
        for name in sorted(self.folders()):
            self.select(name)
            bodies = self.bodies()
            found[name] = {uid: (self.flags[uid], bodies.get(uid)) for uid in self.uids}
        return found
