"""A maildrop behind POP3, in this process: a test delivers and takes away messages as it likes, and
sees at any time what is there.

One session at a time has the maildrop (RFC 1939 section 4), on the messages that were there when it
logged in; deletions happen at QUIT, all or none.

A test may interfere with a session at four moments of each command: when it was asked ("asked"),
when it was carried out but not answered ("done"), when half of the answer was said ("half"), when it
was answered ("told").
"""

import contextlib
import re
import socket
import socketserver
import threading

_CAPABILITIES = b"USER\r\nTOP\r\nPIPELINING\r\n"


class _Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    wbufsize = 65536

    def handle(self):
        self.drop = self.server.owner
        self.messages = None
        self.marked = set()
        with contextlib.suppress(OSError):
            try:
                self.drop.sockets.add(self.connection)
                self.wfile.write(b"+OK ready\r\n")
                self.wfile.flush()
                self.serve()
            finally:
                self.drop.sockets.discard(self.connection)
                if self.messages is not None:
                    self.drop.lock.release()

    def finish(self):
        with contextlib.suppress(OSError):  # the client is gone
            super().finish()

    def serve(self):
        for line in self.rfile:
            verb, _, rest = line.strip().decode("latin-1").partition(" ")
            if self.is_cut(verb, "asked"):
                return
            run = getattr(self, "do_" + verb.lower(), None)
            answer = run(rest) if run else b"-ERR unknown\r\n"
            if self.is_cut(verb, "done"):
                return
            if self.is_cut(verb, "half", answer[:len(answer) // 2]):
                return
            self.wfile.write(answer)
            self.wfile.flush()
            if self.is_cut(verb, "told") or verb.upper() == "QUIT":
                return

    def is_cut(self, verb, moment, last_words=b""):
        """Whether the test ends the connection here."""
        if not self.drop.meddle or not self.drop.meddle(verb.upper(), moment):
            return False
        self.wfile.write(last_words)
        return True

    def do_capa(self, _):
        return b"+OK\r\n" + _CAPABILITIES + (b"UIDL\r\n" if self.drop.has_uidl else b"") + b".\r\n"

    def do_user(self, name):
        self.user = name
        return b"+OK\r\n"

    def do_pass(self, password):
        if self.drop.users.get(self.user) != password:
            return b"-ERR [AUTH] no\r\n"
        if not self.drop.lock.acquire(blocking=False):
            return b"-ERR [IN-USE] locked\r\n"
        self.messages = self.drop.listing()
        return b"+OK\r\n"

    def do_stat(self, _):
        sizes = [len(data) for _, data in self.messages]
        return b"+OK %d %d\r\n" % (len(sizes), sum(sizes))

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
        return self.listed(text, lambda message: b"%d" % len(message[1]))

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
        return self.text(message[1]) if message else b"-ERR none\r\n"

    @staticmethod
    def text(data):
        return b"+OK\r\n" + re.sub(rb"^\.", b"..", data, flags=re.M) + b".\r\n"

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


class FakePop3:
    """`users`: login to password; they all have the same maildrop.

    has_uidl: whether it knows that command
    meddle:   called with the verb and the moment, on the session's thread; the connection ends there
              when it gives True
    """

    def __init__(self, users, has_uidl=True):
        self.users = users
        self.has_uidl = has_uidl
        self.meddle = None
        self.sockets = set()
        self.lock = threading.Lock()
        self._change = threading.Lock()
        self._messages = {}
        self._count = 0
        self._thread = None
        self.port = 0
        self._listen()

    def _listen(self):
        self._server = _Server(("127.0.0.1", self.port), _Session)
        self._server.owner = self
        self.port = self._server.server_address[1]

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

    def list_again(self, uidl, data):
        """A message that was away is listed again, behind the others."""
        with self._change:
            self._messages[uidl] = data

    def listing(self):
        with self._change:
            return list(self._messages.items())

    def bodies(self):
        """What is there, in no order."""
        return sorted(data for _, data in self.listing())
