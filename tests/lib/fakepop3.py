"""A maildrop behind POP3, in this process: a test delivers and takes away messages as it likes, and
sees at any time what is there.

One session at a time has the maildrop (RFC 1939 section 4), on the messages that were there when it
logged in; deletions happen at QUIT, all or none.

A test may interfere with a session at four moments of each command: when it was asked ("asked"),
when it was carried out but not answered ("done"), when half of the answer was said ("half"), when it
was answered ("told").
"""

import base64
import contextlib
import re
import socket
import socketserver
import threading

from tests.lib import secrecy
from tests.lib.process import free_port

_CAPABILITIES = ("USER", "UIDL", "TOP", "PIPELINING")


class Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    wbufsize = 65536

    def handle(self):
        self.drop = self.server.owner
        self.user = None
        self.messages = None
        self.marked = set()
        with contextlib.suppress(OSError):
            try:
                self.drop.sockets.add(self.connection)
                self.greet()
                self.serve()
            finally:
                self.drop.sockets.discard(self.connection)
                if self.messages is not None:
                    self.drop.lock.release()

    def finish(self):
        with contextlib.suppress(OSError):  # the client is gone
            super().finish()

    def send(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def greet(self):
        self.send(b"+OK ready\r\n")

    def serve(self):
        while line := self.rfile.readline():
            verb, _, rest = line.strip().decode("latin-1").partition(" ")
            if self.is_cut(verb, "asked"):
                return
            answer = self.answer(verb.upper(), rest)
            if self.is_cut(verb, "done"):
                return
            if self.is_cut(verb, "half", answer[:len(answer) // 2]):
                return
            self.send(answer)
            if self.is_cut(verb, "told") or verb.upper() == "QUIT":
                return

    def is_cut(self, verb, moment, last_words=b""):
        """Whether the test ends the connection here."""
        if not self.drop.meddle or not self.drop.meddle(verb.upper(), moment):
            return False
        self.wfile.write(last_words)
        return True

    def answer(self, verb, rest):
        run = getattr(self, "do_" + verb.lower(), None)
        return run(rest) if run else b"-ERR unknown\r\n"

    def do_capa(self, _):
        words = [word for word in self.drop.capabilities if word != "UIDL" or self.drop.has_uidl]
        return b"+OK\r\n" + "".join(f"{word}\r\n" for word in words).encode() + b".\r\n"

    def do_user(self, name):
        self.user = name
        return b"+OK\r\n"

    def do_pass(self, password):
        if self.drop.users.get(self.user) != password:
            return b"-ERR [AUTH] no\r\n"
        if not self.drop.lock.acquire(timeout=self.drop.patience):
            return b"-ERR [IN-USE] locked\r\n"
        self.messages = self.drop.listing()
        return b"+OK\r\n"

    def ask(self, challenge=b""):
        """What the client says to a challenge, decoded."""
        self.wfile.write(b"+ " + base64.b64encode(challenge) + b"\r\n")
        self.wfile.flush()
        return base64.b64decode(self.rfile.readline()).decode()

    def do_auth(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism == "PLAIN":
            text = base64.b64decode(initial).decode() if initial else self.ask()
            _, self.user, password = text.split("\0")
        else:
            self.user, password = self.ask(b"Username:"), self.ask(b"Password:")
        return self.do_pass(password)

    def do_stat(self, _):
        sizes = [self.size(message) for n, message in enumerate(self.messages, 1)
                 if n not in self.marked]
        return b"+OK %d %d\r\n" % (len(sizes), sum(sizes))

    def size(self, message):
        return self.drop.size(*message)

    def listed(self, text, of):
        if text:
            message = self.message(text)
            return b"+OK %d %s\r\n" % (int(text), of(message)) if message else b"-ERR none\r\n"
        return b"+OK\r\n" + b"".join(
            b"%d %s\r\n" % (n, of(message)) for n, message in enumerate(self.messages, 1)
            if n not in self.marked) + b".\r\n"

    def message(self, text):
        number = int(text)
        if 0 < number <= len(self.messages) and number not in self.marked:
            return self.messages[number - 1]
        return None

    def do_list(self, text):
        return self.listed(text, lambda message: b"%d" % self.size(message))

    def do_uidl(self, text):
        if not self.drop.has_uidl:
            return b"-ERR unknown command\r\n"
        return self.listed(text, lambda message: message[0].encode())

    def do_top(self, text):
        number, lines = text.split()
        message = self.message(number)
        if not message:
            return b"-ERR none\r\n"
        header, _, body = message[1].partition(b"\r\n\r\n")
        return self.text(header + b"\r\n\r\n"
                         + b"".join(body.splitlines(keepends=True)[:int(lines)]))

    def do_retr(self, text):
        message = self.message(text)
        if not message:
            return b"-ERR none\r\n"
        self.drop.retrieved.append(message[0])
        if not self.drop.pieces:
            return self.text(message[1])
        for piece in self.drop.pieces(self.text(message[1])):
            self.send(piece)
        return b""

    @staticmethod
    def text(data):
        end = b"\r\n" if data and not data.endswith(b"\n") else b""
        return b"+OK\r\n" + re.sub(rb"^\.", b"..", data, flags=re.M) + end + b".\r\n"

    def do_dele(self, text):
        if not self.message(text):
            return b"-ERR none\r\n"
        self.marked.add(int(text))
        return b"+OK\r\n"

    def do_noop(self, _):
        return b"+OK\r\n"

    def do_rset(self, _):
        self.marked.clear()
        return b"+OK\r\n"

    def do_quit(self, _):
        if self.messages is not None:
            self.drop.delete([self.messages[n - 1][0] for n in self.marked])
            self.messages = None
            self.drop.lock.release()
        return b"+OK\r\n"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


class FakePop3:
    """`users`: login to password; they all have the same maildrop. `capabilities`: what CAPA tells.
    AUTH PLAIN and AUTH LOGIN are known where it tells of SASL. `session`: what serves one connection.

    has_uidl:   whether it knows that command
    meddle:     called with the verb and the moment, on the session's thread; the connection ends
                there when it gives True
    size:       what LIST says of a message, by its UIDL and octets
    pieces:     None, or what makes of RETR's answer the pieces to be sent; an OSError in it cuts the connection
    retrieved:  the UIDLs that RETR was sent for
    patience:   seconds that a login waits for the session before it to end: whoever had that may be
                gone, and its thread not know it yet
    """

    def __init__(self, users, capabilities=_CAPABILITIES, session=Session, host="127.0.0.1",
                 has_uidl=True):
        self.users = users
        secrecy.keep_all(self.users.values())
        self.capabilities = capabilities
        self.session = session
        self.host = host
        self.has_uidl = has_uidl
        self.meddle = None
        self.sockets = set()
        self.lock = threading.Lock()
        self.size = lambda uidl, data: len(data)
        self.pieces = None
        self.retrieved = []
        self.patience = 2
        self._change = threading.Lock()
        self._messages = {}
        self._count = 0
        self._thread = None
        self.port = free_port(host)
        self._listen()

    def _listen(self):
        self._server = _Server((self.host, self.port), self.session)
        self._server.owner = self

    def start(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        daemon=True)
        self._thread.start()
        return self

    def stop(self):
        if not self._thread:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._thread = None

    def go_down(self):
        """Nobody is there any more: sessions are cut, and new ones refused."""
        self.stop()
        for connection in list(self.sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def come_up(self):
        self._listen()
        self.start()

    def deliver(self, data):
        """Adds a message, whose lines end with CRLF; gives its UIDL."""
        with self._change:
            self._count += 1
            uidl = f"m{self._count:07}"
            self._messages[uidl] = data
        return uidl

    def delete(self, uidls):
        """Takes messages away, by a session or behind the sessions' backs."""
        with self._change:
            for uidl in uidls:
                self._messages.pop(uidl, None)

    def replace(self, uidl, data):
        """Another message by the name of one that is there, or was: then behind the others."""
        with self._change:
            self._messages[uidl] = data

    def reorder(self):
        """The first becomes the last."""
        with self._change:
            self._messages = dict(reversed(self._messages.items()))

    def listing(self):
        with self._change:
            return list(self._messages.items())

    def bodies(self):
        """What is there, in no order."""
        return sorted(data for _, data in self.listing())
