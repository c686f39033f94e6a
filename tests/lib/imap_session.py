"""A raw IMAP client that keeps what it was told of the selected folder, so that it can be held against
what there should be (imap_model.py)."""

import collections
import datetime
import re
import socket

_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


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
        self.read_only = False
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

    def idle(self):
        """Begins to wait for news: news() reads them, until done()."""
        self.send("IDLE")
        while not self.news().startswith("+"):
            continue

    def news(self):
        text, _ = self.read()
        if self.folder:
            self.take(text)
        return text

    def done(self):
        self.said.append("C: DONE")
        self.socket.sendall(b"DONE\r\n")
        return self.finish()

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

    def select(self, name, verb="SELECT"):
        """Selects, learns every UID and the flags; the UIDVALIDITY and the UIDNEXT."""
        self.folder, self.uids, self.flags = name, [], {}
        self.read_only = verb == "EXAMINE"
        answer = self.command(f'{verb} "{name}"')
        if answer.status != "OK":
            raise AssertionError(f"{verb} {name}: {answer.text}")
        said = "\n".join(text for text, _ in answer.untagged)
        self.learn()
        return tuple(int(re.search(rf"\[{code} (\d+)\]", said).group(1))
                     for code in ("UIDVALIDITY", "UIDNEXT"))

    def learn(self):
        """Asks for UIDs that it was not told yet; more may come with the answer. Of messages that
        went meanwhile it is told by CHECK: no EXPUNGE comes with a FETCH by number."""
        while None in self.uids:
            first = self.uids.index(None) + 1
            answer = self.command(f"FETCH {first}:* (UID FLAGS)")
            if "[EXPUNGEISSUED]" in answer.text:
                self.command("CHECK")
            elif answer.status != "OK" or None in self.uids[:first]:
                raise AssertionError(f"FETCH of UIDs: {answer.status} {answer.text} {self.uids}")

    def bodies(self):
        """UID to octets and INTERNALDATE of the selected folder's messages; octets that cannot be
        had any more are None."""
        found = {uid: [None, None] for uid in self.uids}
        if not found:
            return found
        answer = self.command("UID FETCH 1:* (UID INTERNALDATE BODY.PEEK[])")
        for text, literals in answer.untagged:
            message = re.match(r"\* \d+ FETCH \(.*\bUID (\d+).*INTERNALDATE \"([^\"]+)\"", text)
            if message and int(message.group(1)) in found:
                found[int(message.group(1))] = [literals[0] if literals else None,
                                                moment(message.group(2))]
        return found

    def names(self, command='LIST "" "*"'):
        """The names that a LIST gives, each with its attributes."""
        return dict(name_of(text) for text, _ in self.command(command).untagged
                    if text.startswith("* LIST"))

    def folders(self):
        """The names of all folders that hold messages."""
        return {name for name, attributes in self.names().items() if "\\Noselect" not in attributes}

    def view(self):
        """All folders, as Model.view() has them."""
        found = {}
        for name in sorted(self.folders()):
            self.select(name)
            bodies = self.bodies()
            found[name] = {uid: (self.flags[uid], *bodies[uid]) for uid in self.uids}
        return found


def name_of(text):
    """The name and the attributes in a LIST response."""
    found = re.match(r'\* LIST \(([^)]*)\) "/" "?([^"]*?)"?$', text)
    return found.group(2), set(found.group(1).split())


def status_of(text):
    """The name in a STATUS response, and its numbers."""
    found = re.match(r'\* STATUS "?(.*?)"? \(([^)]*)\)$', text)
    return found.group(1), {key: int(n) for key, n in re.findall(r"(\w+) (\d+)", found.group(2))}


def moment(text):
    """An INTERNALDATE as seconds."""
    return datetime.datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()


def numbers_of(text):
    """The numbers of a set without "*"."""
    ranges = [tuple(map(int, part.split(":"))) for part in text.split(",")]
    return [n for part in ranges for n in range(part[0], part[-1] + 1)]
