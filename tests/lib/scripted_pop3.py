"""A POP3 server whose every word a test can decide.

Left alone it is the honest server of fakepop3.py. A test takes abilities away, makes it misbehave
with hooks, and reads from `log` what was asked of it:

    fake = ScriptedPop3([b"Subject: a\\r\\n\\r\\nbody\\r\\n"], without={"TOP"})
    fake.on("RETR", lambda session, argument: session.close())

A hook gets the session and the command's argument; it gives the answer, as bytes (b"" when it has
answered itself), or None: then the server goes on as if there were no hook. Hooks run on the
session's thread. "greeting" is hooked like a command.
"""

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading

from tests.lib.fakepop3 import FakePop3, Session

TIMESTAMP = "<1896.697170952@pop.example.com>"


class Gone(OSError):
    """A hook has ended the connection."""


class ScriptedSession(Session):
    """One client. Hooks may send(), close(), reset(), stall() and start_tls()."""

    def handle(self):
        self.server.owner.begun(self)
        try:
            super().handle()
        finally:
            self.server.owner.ended(self)

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def greet(self):
        if self.drop.implicit_tls:
            self.start_tls()
        answer = self.drop.hooked(self, "greeting", "")
        self.send(self.drop.shape(self.greeting() if answer is None else answer))

    def answer(self, verb, rest):
        self.drop.note(f"{verb} {rest}".strip())
        answer = self.drop.hooked(self, verb, rest)
        if answer is None and verb in self.drop.without:
            answer = b"-ERR unknown command\r\n"
        return self.drop.shape(super().answer(verb, rest) if answer is None else answer)

    # --- for hooks

    def close(self):
        """FIN, and no close_notify before it where TLS is spoken."""
        self.request.shutdown(socket.SHUT_RDWR)
        raise Gone

    def reset(self):
        """RST; what was sent and not read yet is lost."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()
        raise Gone

    def stall(self):
        """Says nothing more until the client leaves."""
        while self.request.recv(65536):
            pass
        raise Gone

    def start_tls(self):
        """What came in the clear behind the command is forgotten."""
        try:
            self.request = self.drop.tls.wrap_socket(self.request, server_side=True)
        except ssl.SSLError as e:
            raise Gone from e
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb")

    def has_more(self):
        """The client has sent more than was read."""
        self.request.settimeout(0)
        more = self.rfile.peek(1)
        self.request.settimeout(None)
        return bool(more)

    def has_tls(self):
        return isinstance(self.request, ssl.SSLSocket)

    # --- commands

    def greeting(self):
        return b"+OK ready" + (b" " + TIMESTAMP.encode() if self.drop.apop else b"") + b"\r\n"

    def do_capa(self, _):
        names = list(self.drop.capabilities)
        if self.drop.tls and not self.has_tls():
            names.append("STLS")
        return "\r\n".join(["+OK", *names, ".\r\n"]).encode()

    def do_stls(self, _):
        if not self.drop.tls or self.has_tls():
            return b"-ERR no TLS here\r\n"
        self.send(b"+OK begin\r\n")
        self.start_tls()
        return b""

    def do_apop(self, text):
        user, _, digest = text.rpartition(" ")
        password = self.drop.users.get(user, "")
        good = hashlib.md5((TIMESTAMP + password).encode()).hexdigest()
        self.user = user
        return self.do_pass(password if digest == good else "")

    def do_auth(self, text):
        mechanism, _, initial = text.partition(" ")
        if mechanism.upper() == "PLAIN":
            response = base64.b64decode(initial).decode() if initial else self.asked(b"")
            _, self.user, password = response.split("\0")
        elif mechanism.upper() == "LOGIN":
            self.user, password = self.asked(b"Username:"), self.asked(b"Password:")
        else:
            return b"-ERR no such mechanism\r\n"
        return self.do_pass(password)

    def asked(self, challenge):
        self.send(b"+ " + base64.b64encode(challenge) + b"\r\n")
        line = self.rfile.readline()
        self.drop.note(line.strip().decode("latin-1"))
        return base64.b64decode(line).decode()

    def size(self, message):
        return self.drop.size_of(*message)

    def do_uidl(self, text):
        return self.listed(text, lambda message: self.drop.uidl_of(*message))


class ScriptedPop3(FakePop3):
    """
    messages:      octets, with CRLF
    capabilities:  lines of CAPA
    without:       commands that it does not know
    apop:          the greeting has a timestamp
    tls:           ssl.SSLContext; with `implicit_tls` from the first octet, else by STLS

    A test may replace `size_of` and `uidl_of` (what LIST, STAT and UIDL say of a message, given its name
    and octets) and `shape` (every reply passes through it).
    """

    def __init__(self, messages=(), users=None, capabilities=("USER", "UIDL", "TOP", "PIPELINING"),
                 without=(), apop=False, tls=None, implicit_tls=False, host="127.0.0.1"):
        super().__init__(users or {}, session=ScriptedSession, host=host)
        self.capabilities = list(capabilities)
        self.without = set(without)
        self.apop = apop
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.size_of = lambda name, data: len(data)
        self.uidl_of = lambda name, data: name.encode()
        self.shape = lambda reply: reply
        self.log = []
        self._hooks = {}
        self._sessions = set()
        self._noting = threading.Lock()
        for message in messages:
            self.deliver(message)

    def on(self, name, hook):
        self._hooks[name] = hook

    def off(self, *names):
        for name in names:
            self._hooks.pop(name, None)

    def hooked(self, session, name, argument):
        hook = self._hooks.get(name)
        return hook(session, argument) if hook else None

    def note(self, line):
        with self._noting:
            self.log.append(line)

    def begun(self, session):
        with self._noting:
            self._sessions.add(session)

    def ended(self, session):
        with self._noting:
            self._sessions.discard(session)

    def commands(self, verb=None):
        """The lines received so far, all or those of one command."""
        with self._noting:
            return [line for line in self.log if verb in (None, line.split(" ")[0])]

    def forget(self):
        """Begins a new log."""
        with self._noting:
            self.log.clear()

    def all_received(self):
        with self._noting:
            return "\n".join(self.log)

    def is_left(self):
        """No session is open."""
        with self._noting:
            return not self._sessions

    def drop_all(self):
        """Closes every connection."""
        with self._noting:
            for session in self._sessions:
                with contextlib.suppress(OSError):
                    session.request.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.drop_all()
        super().stop()
