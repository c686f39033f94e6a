"""An IMAP client that says exactly what it is given, and shows every line that comes back."""

import re
import socket

from tests.lib.process import PATIENCE


class Answer:
    """`status`: OK, NO, BAD, or BYE and "" when the connection ended without a tagged response. `text`
    is behind it; `untagged` the other lines, literals in place, without CRLF."""

    def __init__(self, status, text, untagged):
        self.status = status
        self.text = text
        self.untagged = untagged

    def lines(self, pattern):
        return [line for line in self.untagged if re.search(pattern, line)]

    def __repr__(self):
        return "\n".join([*(line.decode("latin-1")[:200] for line in self.untagged),
                          f"{self.status} {self.text}"])


class RawImap:
    def __init__(self, port, tag="t"):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.stream = self.sock.makefile("rb")
        self.tag = tag
        self.count = 0
        self.greeting = self.line()

    def close(self):
        self.stream.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        """A response, whole; b"" at the end."""
        line = self.stream.readline()
        while match := re.search(rb"\{(\d+)\}\r\n$", line):
            line += self.stream.read(int(match[1])) + self.stream.readline()
        return line.removesuffix(b"\r\n")

    def command(self, text, *literals):
        """`text`: what stands behind the tag. Each of `literals` are the octets of a literal and the
        rest of the line: they follow at once a non-synchronizing one, else after its "+"."""
        self.count += 1
        tag = b"%b%d" % (self.tag.encode(), self.count)
        text = text.encode() if isinstance(text, str) else text
        literals = list(literals)
        while literals and text.endswith(b"+}"):
            text += b"\r\n" + literals.pop(0)
        self.send(tag + b" " + text + b"\r\n")
        return self.answer(tag, literals)

    def answer(self, tag, literals=()):
        untagged, literals = [], list(literals)
        while line := self.line():
            if line.startswith(tag + b" "):
                status, _, rest = line[len(tag) + 1:].partition(b" ")
                return Answer(status.decode(), rest.decode("utf-8", "replace"), untagged)
            if line.startswith(b"+") and literals:
                self.send(literals.pop(0) + b"\r\n")
            else:
                untagged.append(line)
        bye = any(line.startswith(b"* BYE") for line in untagged)
        return Answer("BYE" if bye else "", "", untagged)
