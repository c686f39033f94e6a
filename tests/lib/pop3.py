"""A POP3 client that shows every octet. (poplib refuses lines over 2,048 octets and hides how a
reply was cut, so it is only a client to test with, not the measure.)
"""

import socket
import ssl

from tests.lib import secrecy


class Refused(AssertionError):
    """A reply that began with -ERR; its text is the message."""


class Closed(AssertionError):
    """The connection ended inside a reply; `partial` is what had come of it."""

    def __init__(self, partial):
        super().__init__(f"connection closed after {partial[-80:]!r}")
        self.partial = partial


class Pop3:
    """One session. Methods raise Refused on -ERR, so that a test cannot overlook one."""

    def __init__(self, port, tls=None, timeout=30, host="127.0.0.1", receive_buffer=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect((host, port))
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""
        self.greeting = self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Drops the connection with RST, as a device does whose plug was pulled."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        """Reads some more into `buffer`; Closed at the end of the stream."""
        try:
            data = self.sock.recv(1 << 18)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def line(self):
        """The next line, without its CRLF. A lone LF does not end a line."""
        while b"\r\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def reply(self):
        line = self.line()
        if line.startswith(b"-ERR"):
            raise Refused(line.decode("utf-8", "replace"))
        if not line.startswith(b"+"):
            raise AssertionError(f"not a POP3 reply: {line!r}")
        return line.decode("utf-8", "replace")

    def command(self, text):
        self.send(text.encode("utf-8") + b"\r\n")
        return self.reply()

    def body(self):
        """A multi-line reply's octets with the dots taken out again, without the end mark."""
        data = bytearray(b"\r\n" + self.buffer)  # the status line's end may begin the end mark
        searched = 0
        while (end := data.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(data) - 4)
            self.buffer = b""
            try:
                self.fill()
            except Closed:
                raise Closed(bytes(data[2:])) from None
            data += self.buffer
        self.buffer = bytes(data[end + 5:])
        return bytes(data[:end + 2]).replace(b"\r\n.", b"\r\n")[2:]

    def multi(self, text):
        self.command(text)
        return self.body()

    def lines(self, text):
        return self.multi(text).decode("utf-8", "replace").splitlines()

    def login(self, user, password):
        secrecy.keep(password, "a password that a client gave")
        self.command(f"USER {user}")
        self.command(f"PASS {password}")
        return self

    def stls(self, context):
        self.command("STLS")
        if self.buffer:
            raise AssertionError(f"clear text behind STLS: {self.buffer!r}")
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")

    def stat(self):
        _, count, octets = self.command("STAT").split()[:3]
        return int(count), int(octets)

    def list(self):
        """Sizes by message number."""
        return {int(n): int(size) for n, size in (line.split()[:2] for line in self.lines("LIST"))}

    def uidl(self):
        """Unique ids by message number."""
        return {int(n): uid for n, uid in (line.split(" ", 1) for line in self.lines("UIDL"))}

    def retr(self, number):
        return self.multi(f"RETR {number}")

    def top(self, number, lines):
        return self.multi(f"TOP {number} {lines}")

    def dele(self, *numbers):
        for number in numbers:
            self.command(f"DELE {number}")

    def quit(self):
        """QUIT; the connection must end after its answer."""
        answer = self.command("QUIT")
        self.expect_end()
        return answer

    def expect_end(self):
        """The peer closes, and sends nothing more before that."""
        if self.buffer:
            raise AssertionError(f"unexpected: {self.buffer[:200]!r}")
        try:
            self.fill()
        except Closed:
            return
        raise AssertionError(f"still talking: {self.buffer[:200]!r}")


def trusting(ca):
    """A client's TLS context that trusts only `ca`."""
    return ssl.create_default_context(cafile=ca)
