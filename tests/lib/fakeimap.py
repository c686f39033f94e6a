"""An IMAP server whose every word a test can decide.

Left alone it is an honest, small IMAP4rev1 server over one account in memory. A test makes it
misbehave with hooks, and reads from `log` what was asked of it:

    fake = FakeImap([b"Subject: a\\r\\n\\r\\nbody\\r\\n"])
    fake.on("FETCH", lambda connection, command: connection.reset())
    with fake:
        ...
    assert fake.commands("FETCH") == []

A hook gets the connection and the command; what it returns decides: HANDLED (the hook has answered),
or None (the server goes on as if there were no hook). Hooks run on the connection's thread.
"""

import contextlib
import re
import socket
import ssl
import struct
import threading
import time

from tests.lib import secrecy
from tests.lib.process import free_port

HANDLED = object()

CAPABILITIES = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ UIDPLUS MOVE NAMESPACE ID UNSELECT " \
    "SPECIAL-USE"


class Gone(Exception):
    """The connection has ended, by either side."""


class Message:
    """`body` is bytes, or any object with len() and chunks(): see Generated. `size` is what
    RFC822.SIZE claims."""

    def __init__(self, body, uid, flags=(), size=None):
        self.body = body
        self.uid = uid
        self.flags = set(flags)
        self.size = len(body) if size is None else size


class Generated:
    """A large message that is never in memory: lines of text, to exactly `size` octets.

    gate(offset), if given, is called before each chunk is sent and may block.
    """

    _HEADER = b"Subject: generated\r\n\r\n"
    _LINE = b"0123456789abcdef" * 4 + b"\r\n"

    def __init__(self, size, gate=None, chunk=1 << 16):
        self.size = size
        self.gate = gate
        self.chunk = chunk

    def __len__(self):
        return self.size

    def octets(self, start, end):
        """What lies in [start, end)."""
        if end > self.size - 2:
            return self.octets(start, self.size - 2) + b"\r\n"[max(0, start - self.size + 2):] \
                if start < self.size - 2 else b"\r\n"[start - self.size + 2:end - self.size + 2]
        head = self._HEADER[start:end]
        start, end = (max(0, n - len(self._HEADER)) for n in (start, end))
        first = start // len(self._LINE)
        lines = self._LINE * (end // len(self._LINE) - first + 1)
        return head + lines[start - first * len(self._LINE):end - first * len(self._LINE)]

    def chunks(self, start=0, end=None):
        end = self.size if end is None else min(end, self.size)
        while start < end:
            if self.gate:
                self.gate(start)
            step = min(self.chunk, end - start)
            yield self.octets(start, start + step)
            start += step


class Command:
    """One command as it was received; `args` without the verb, `uid` when it began with UID."""

    def __init__(self, connection, tag, line):
        self.connection = connection
        self.tag = tag
        self.line = line  # literals in place, as they were sent
        words = line.split(b" ", 1)
        self.uid = words[0].upper() == b"UID" and len(words) > 1
        if self.uid:
            words = words[1].split(b" ", 1)
        self.name = words[0].upper().decode("latin-1")
        self.args = words[1].decode("latin-1") if len(words) > 1 else ""
        self.when = time.monotonic()

    def __repr__(self):
        return f"{'UID ' if self.uid else ''}{self.name} {self.args}"


class FakeImap:
    """
    messages:      bytes, Generated or Message, in INBOX; uids count from 1 unless given
    users:         password by login
    tls:           ssl.SSLContext (see tls_context); with `implicit_tls` from the first octet,
                   else by STARTTLS
    greeting:      the whole first line, without CRLF
    """

    def __init__(self, messages=(), users=None, capabilities=CAPABILITIES, tls=None,
                 implicit_tls=False, greeting="* OK fake ready", uidvalidity=1700000000,
                 login_capabilities=None, host="127.0.0.1"):
        self.users = users or {"ann": "secret"}
        secrecy.keep_all(self.users.values())
        self.capabilities = capabilities
        self.login_capabilities = login_capabilities or capabilities
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.greeting = greeting
        self.uidvalidity = uidvalidity
        self.host = host
        self.port = free_port(host)
        self.lock = threading.RLock()
        self.folders = {"INBOX": [], "Trash": []}
        self.next_uid = {"INBOX": 1, "Trash": 1}
        self.log = []
        self.received = []  # every octet of every connection, as it came
        self.octets_sent = 0
        self.connections = 0
        self.open_connections = 0
        self._hooks = {}
        self._listener = None
        self._sockets = set()
        for message in messages:
            self.add(message)

    # --- what tests do

    def add(self, message, folder="INBOX", flags=()):
        with self.lock:
            if not isinstance(message, Message):
                message = Message(message, self.next_uid[folder], flags)
            self.next_uid[folder] = max(self.next_uid[folder], message.uid) + 1
            self.folders[folder].append(message)
            return message

    def remove(self, uid, folder="INBOX"):
        """Another client expunges it. Connections learn of it as they ask."""
        with self.lock:
            self.folders[folder] = [m for m in self.folders[folder] if m.uid != uid]

    def uids(self, folder="INBOX"):
        with self.lock:
            return [m.uid for m in self.folders[folder]]

    def on(self, name, hook):
        """Calls hook(connection, command) for each command of that name. "*": for every one.
        "greeting": before the greeting, with None for the command."""
        self._hooks[name] = hook

    def off(self, *names):
        for name in names:
            self._hooks.pop(name, None)

    def commands(self, name=None):
        """The commands received so far, all or those of one name."""
        with self.lock:
            return [c for c in self.log if name in (None, c.name)]

    def all_received(self):
        with self.lock:
            return b"".join(self.received)

    def forget(self):
        """Begins a new log."""
        with self.lock:
            self.log.clear()
            self.received.clear()

    def drop_all(self):
        """Closes every connection."""
        with self.lock:
            for s in list(self._sockets):
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    # --- the server

    def start(self):
        self._listener = socket.create_server((self.host, self.port), backlog=256)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        """Nothing listens there any more, and every connection is closed."""
        with contextlib.suppress(OSError):  # stopped before
            # close() alone would leave the thread in accept(), and the port open.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.drop_all()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with self.lock:
            self.connections += 1
            self.open_connections += 1
            self._sockets.add(sock)
        connection = Connection(self, sock)
        try:
            connection.run()
        except (Gone, OSError, ValueError):
            pass
        finally:
            connection.close_quietly()
            with self.lock:
                self.open_connections -= 1
                self._sockets.discard(sock)

    def hook(self, connection, name, command):
        for key in (name, "*"):
            if key in self._hooks:
                answer = self._hooks[key](connection, command)
                if answer is not None:
                    return answer
        return None


class Connection:
    """One client of the fake. Hooks answer with send(), untagged(), ok(), close(), reset()."""

    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.user = None
        self.folder = None
        self.view = []  # the messages as this connection numbers them
        self.read_only = False
        self._in = b""
        self._out = []

    # --- for hooks

    def send(self, data):
        """At once, not gathered."""
        self.flush()
        self._send_now(data)

    def untagged(self, text):
        self._out.append(b"* " + text.encode("latin-1") + b"\r\n")

    def tagged(self, command, text):
        self._out.append(command.tag + b" " + text.encode("latin-1") + b"\r\n")

    def ok(self, command, text="OK done"):
        self.tagged(command, text)
        return HANDLED

    def close(self):
        """FIN, and nothing more is read."""
        self.flush()
        self.close_quietly()
        raise Gone

    def reset(self):
        """RST; what was sent and not read yet is lost."""
        self.flush()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone

    def stall(self):
        """Says nothing more until the client leaves."""
        self.flush()
        while self.sock.recv(65536):
            pass
        raise Gone

    # --- octets

    def close_quietly(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.sock.close()

    def flush(self):
        data = b"".join(self._out)
        self._out.clear()
        if data:
            self._send_now(data)

    def _send_now(self, data):
        self.sock.sendall(data)
        self.server.octets_sent += len(data)

    def _fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        with self.server.lock:
            self.server.received.append(data)
        self._in += data

    def read_line(self):
        while b"\n" not in self._in:
            self._fill()
        line, self._in = self._in.split(b"\n", 1)
        return line.rstrip(b"\r")

    def read_exactly(self, count):
        while len(self._in) < count:
            self._fill()
        data, self._in = self._in[:count], self._in[count:]
        return data

    def _read_command(self):
        """A line with its literals made quoted strings; synchronising ones are asked for."""
        if b"\n" not in self._in:
            self.flush()  # replies to what was pipelined leave together
        line = self.read_line()
        while literal := re.search(rb"\{(\d+)(\+?)\}$", line):
            if not literal[2]:
                self.send(b"+ go on\r\n")
            data = self.read_exactly(int(literal[1]))
            line = line[:literal.start()] + _quote(data) + self.read_line()
        return line

    # --- commands

    def run(self):
        if self.server.implicit_tls:
            self.start_tls()
        if self.server.hook(self, "greeting", None) is None:
            self.send(self.server.greeting.encode() + b"\r\n")
        while True:
            line = self._read_command()
            tag, _, rest = line.partition(b" ")
            command = Command(self, tag, rest)
            with self.server.lock:
                self.server.log.append(command)
            if self.server.hook(self, command.name, command) is not None:
                continue
            handler = getattr(self, "cmd_" + command.name.lower(), None)
            if handler is None:
                self.tagged(command, "BAD unknown command")
                continue
            try:
                handler(command)
            except (ValueError, KeyError, IndexError) as e:
                self.tagged(command, f"BAD cannot do this: {e!r}")

    def start_tls(self):
        with self.server.lock:
            self.server._sockets.discard(self.sock)
        try:
            self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        except ssl.SSLError as e:
            raise Gone from e
        with self.server.lock:
            self.server._sockets.add(self.sock)

    def capabilities(self):
        text = self.server.login_capabilities if self.user else self.server.capabilities
        can_tls = self.server.tls and not isinstance(self.sock, ssl.SSLSocket)
        return text + (" STARTTLS" if can_tls else "")

    def cmd_capability(self, command):
        self.untagged("CAPABILITY " + self.capabilities())
        self.ok(command)

    def cmd_noop(self, command):
        self._report_gone()
        self._report_new()
        self.ok(command)

    cmd_check = cmd_noop

    def cmd_logout(self, command):
        self.untagged("BYE see you")
        self.ok(command)
        self.close()

    def cmd_starttls(self, command):
        self.tagged(command, "OK begin")
        self.flush()
        self.start_tls()

    def cmd_login(self, command):
        login, password = arguments(command.args)
        self._authenticated(command, login, password)

    def cmd_authenticate(self, command):
        import base64
        words = command.args.split()
        if words[0].upper() != "PLAIN":
            self.tagged(command, "NO no such mechanism")
            return
        if len(words) > 1:
            text = words[1].encode()
        else:
            self.send(b"+ \r\n")
            text = self.read_line()
        if text == b"*":
            self.tagged(command, "BAD cancelled")
            return
        _, login, password = base64.b64decode(text).decode().split("\0")
        self._authenticated(command, login, password)

    def _authenticated(self, command, login, password):
        if self.server.users.get(login) != password:
            self.tagged(command, "NO [AUTHENTICATIONFAILED] Invalid credentials")
            return
        self.user = login
        self.tagged(command, f"OK [CAPABILITY {self.capabilities()}] Logged in")

    def cmd_id(self, command):
        self.untagged('ID ("name" "fake")')
        self.ok(command)

    def cmd_enable(self, command):
        self.untagged("ENABLED")
        self.ok(command)

    def cmd_namespace(self, command):
        self.untagged('NAMESPACE (("" "/")) NIL NIL')
        self.ok(command)

    def cmd_list(self, command):
        for name in sorted(self.server.folders):
            mark = r" \Trash" if name == "Trash" else ""
            self.untagged(fr'LIST (\HasNoChildren{mark}) "/" {name}')
        self.ok(command)

    def cmd_select(self, command, read_only=False):
        name = arguments(command.args)[0]
        name = "INBOX" if name.upper() == "INBOX" else name
        with self.server.lock:
            if name not in self.server.folders:
                self.folder, self.view = None, []
                self.tagged(command, "NO [NONEXISTENT] no such mailbox")
                return
            self.folder, self.read_only = name, read_only
            self.view = list(self.server.folders[name])
            next_uid = self.server.next_uid[name]
        self.untagged(r"FLAGS (\Answered \Flagged \Deleted \Seen \Draft)")
        self.untagged(r"OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft)] limited")
        self.untagged(f"{len(self.view)} EXISTS")
        self.untagged("0 RECENT")
        self.untagged(f"OK [UIDVALIDITY {self.server.uidvalidity}] valid")
        self.untagged(f"OK [UIDNEXT {next_uid}] next")
        self.tagged(command, f"OK [READ-{'ONLY' if read_only else 'WRITE'}] selected")

    def cmd_examine(self, command):
        self.cmd_select(command, read_only=True)

    def cmd_close(self, command):
        if not self.read_only:
            self._expunge(lambda m: r"\Deleted" in m.flags, report=False)
        self.folder, self.view = None, []
        self.ok(command)

    def cmd_unselect(self, command):
        self.folder, self.view = None, []
        self.ok(command)

    def cmd_status(self, command):
        name = arguments(command.args)[0]
        with self.server.lock:
            count = len(self.server.folders[name])
            self.untagged(f"STATUS {name} (MESSAGES {count} UIDNEXT {self.server.next_uid[name]} "
                          f"UIDVALIDITY {self.server.uidvalidity})")
        self.ok(command)

    def _report_gone(self):
        """What other clients have expunged."""
        for number in range(len(self.view), 0, -1):
            if not self._there(self.view[number - 1]):
                del self.view[number - 1]
                self.untagged(f"{number} EXPUNGE")

    def _report_new(self):
        with self.server.lock:
            if self.folder is None:
                return
            known = {m.uid for m in self.view}
            new = [m for m in self.server.folders[self.folder] if m.uid not in known]
        if new:
            self.view += new
            self.untagged(f"{len(self.view)} EXISTS")

    def _there(self, message):
        with self.server.lock:
            return any(m is message for m in self.server.folders[self.folder])

    def _chosen(self, command, sequence):
        """(number, message) of the view for a sequence set."""
        if command.uid:
            top = max((m.uid for m in self.view), default=0)
            wanted = sequence_set(sequence, top)
            return [(n, m) for n, m in enumerate(self.view, 1) if wanted(m.uid)]
        wanted = sequence_set(sequence, len(self.view))
        return [(n, m) for n, m in enumerate(self.view, 1) if wanted(n)]

    def cmd_fetch(self, command):
        sequence, _, items = command.args.partition(" ")
        wanted = fetch_items(items)
        if command.uid and ("UID", None, None) not in wanted:
            wanted.insert(0, ("UID", None, None))
        with self.server.lock:
            present = {id(m) for m in self.server.folders[self.folder]}
        for number, message in self._chosen(command, sequence):
            if id(message) in present:
                self._fetch_one(number, message, wanted)
        self.ok(command)

    def _fetch_one(self, number, message, wanted):
        self._out.append(b"* %d FETCH (" % number)
        for index, (name, section, partial) in enumerate(wanted):
            if index:
                self._out.append(b" ")
            self._fetch_item(message, name, section, partial)
        self._out.append(b")\r\n")
        if len(self._out) > 1000:
            self.flush()

    def _fetch_item(self, message, name, section, partial):
        simple = {"UID": lambda: str(message.uid), "RFC822.SIZE": lambda: str(message.size),
                  "FLAGS": lambda: "(" + " ".join(sorted(message.flags)) + ")",
                  "INTERNALDATE": lambda: '"20-Nov-2026 10:00:00 +0000"'}
        if name in simple:
            self._out.append(f"{name} {simple[name]()}".encode())
            return
        if name == "BODY" and not self.read_only:
            message.flags.add(r"\Seen")
        start, end = 0, None
        label = f"BODY[{section}]"
        if partial is not None:
            start, end = partial[0], partial[0] + partial[1]
            label += f"<{start}>"
        if isinstance(message.body, bytes):
            data = _section(message.body, section)[start:end]
            self._out.append(b"%s {%d}\r\n" % (label.encode(), len(data)) + data)
        else:
            self._stream(message.body, label, section, start, end)

    def _stream(self, body, label, section, start, end):
        """A generated body: its header is small, its text is sent as it is made."""
        header = body.octets(0, min(len(body), 4096)).index(b"\r\n\r\n") + 4
        base, limit = {"": (0, len(body)), "HEADER": (0, header), "TEXT": (header, len(body))}[section]
        start, end = base + start, min(limit, base + end) if end is not None else limit
        self._out.append(b"%s {%d}\r\n" % (label.encode(), max(0, end - start)))
        self.flush()
        for chunk in body.chunks(start, end):
            self._send_now(chunk)

    def cmd_store(self, command):
        sequence, how, flags = command.args.split(" ", 2)
        changed = set(flags.strip("()").split())
        for number, message in self._chosen(command, sequence):
            with self.server.lock:
                if how[0] == "+":
                    message.flags |= changed
                elif how[0] == "-":
                    message.flags -= changed
                else:
                    message.flags = set(changed)
            if "SILENT" not in how.upper():
                self._fetch_one(number, message, [("UID", None, None), ("FLAGS", None, None)])
        self.ok(command)

    def _expunge(self, which, report=True):
        with self.server.lock:
            gone = [m for m in self.server.folders[self.folder] if which(m)]
            self.server.folders[self.folder] = [
                m for m in self.server.folders[self.folder] if not which(m)]
        for number in range(len(self.view), 0, -1):
            if any(m is self.view[number - 1] for m in gone):
                del self.view[number - 1]
                if report:
                    self.untagged(f"{number} EXPUNGE")

    def cmd_expunge(self, command):
        if command.uid:
            if "UIDPLUS" not in self.capabilities():
                self.tagged(command, "BAD no UIDPLUS here")
                return
            wanted = sequence_set(command.args, 1 << 32)
            self._expunge(lambda m: r"\Deleted" in m.flags and wanted(m.uid))
        else:
            self._expunge(lambda m: r"\Deleted" in m.flags)
        self.ok(command)

    def cmd_copy(self, command):
        sequence, name = command.args.split(" ", 1)
        name = arguments(name)[0]
        if name not in self.server.folders:
            self.tagged(command, "NO [TRYCREATE] no such mailbox")
            return []
        chosen = [m for _, m in self._chosen(command, sequence) if self._there(m)]
        for message in chosen:
            self.server.add(message.body, name, message.flags)
        if command.name == "COPY":
            self.ok(command)
        return chosen

    def cmd_move(self, command):
        if "MOVE" not in self.capabilities().split():
            self.tagged(command, "BAD no MOVE here")
            return
        moved = self.cmd_copy(command)
        self._expunge(lambda m: any(m is one for one in moved))
        if moved or command.args.split(" ", 1)[1].strip('"') in self.server.folders:
            self.ok(command)

    def cmd_create(self, command):
        name = arguments(command.args)[0]
        with self.server.lock:
            self.server.folders.setdefault(name, [])
            self.server.next_uid.setdefault(name, 1)
        self.ok(command)

    def cmd_subscribe(self, command):
        self.ok(command)

    def cmd_search(self, command):
        keys = command.args.upper().split()
        if keys[:1] == ["RETURN"]:
            raise ValueError("no ESEARCH")
        with self.server.lock:
            present = {id(m) for m in self.server.folders[self.folder]}
        chosen = [(n, m) for n, m in enumerate(self.view, 1) if id(m) in present]
        while keys:
            key = keys.pop(0)
            if key == "UID":
                wanted = sequence_set(keys.pop(0), max((m.uid for m in self.view), default=0))
                chosen = [(n, m) for n, m in chosen if wanted(m.uid)]
            elif key in ("SEEN", "UNSEEN", "DELETED", "UNDELETED"):
                flag = "\\" + key.removeprefix("UN").capitalize()
                chosen = [(n, m) for n, m in chosen
                          if (flag in m.flags) != key.startswith("UN")]
            elif re.fullmatch(r"[\d:,*]+", key):
                wanted = sequence_set(key, len(self.view))
                chosen = [(n, m) for n, m in chosen if wanted(n)]
            elif key != "ALL":
                raise ValueError(key)
        self.untagged(" ".join(["SEARCH"] + [str(m.uid if command.uid else n) for n, m in chosen]))
        self.ok(command)


def tls_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    return context


def _quote(data):
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def arguments(text):
    """The strings of a command: atoms, and quoted strings without their quotes."""
    return [re.sub(r"\\(.)", r"\1", quoted) if atom == "" else atom
            for quoted, atom in re.findall(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', text)]


def sequence_set(text, star):
    """A predicate for "1,3:5,7:*"."""
    ranges = []
    for part in text.split(","):
        ends = [star if end == "*" else int(end) for end in part.split(":")]
        ranges.append((min(ends), max(ends)))
    if len(ranges) > 20:
        members = {n for low, high in ranges for n in range(low, min(high, star) + 1)}
        return members.__contains__
    return lambda n: any(low <= n <= high for low, high in ranges)


_MACROS = {"FAST": "FLAGS INTERNALDATE RFC822.SIZE"}
_ITEM = re.compile(r"(UID|FLAGS|RFC822\.SIZE|INTERNALDATE)(?=[\s)]|$)"
                   r"|BODY(\.PEEK)?\[(|HEADER|TEXT)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE)


def fetch_items(text):
    """[(name, section, partial)]; ValueError for what this server does not know."""
    text = _MACROS.get(text.upper(), text)
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    items = []
    while text:
        found = _ITEM.match(text)
        if not found:
            raise ValueError(text)
        partial = (int(found[4]), int(found[5])) if found[4] else None
        if found[1]:
            items.append((found[1].upper(), None, None))
        else:
            items.append(("BODY.PEEK" if found[2] else "BODY", found[3].upper(), partial))
        text = text[found.end():].lstrip()
    return items


def _section(body, section):
    header, mark, text = body.partition(b"\r\n\r\n")
    return {"": body, "HEADER": header + mark, "TEXT": text}[section]
