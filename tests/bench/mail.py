"""The mailboxes of the benchmark: the same octets in each run."""

import base64
import os
import random

_WORDS = ("the mail that came today about roof and river with some more of what people write when "
          "they have time for it or none at all please find attached regards").split()


def _lines(pick, octets):
    made, size = [], 0
    while size < octets:
        line = " ".join(pick.choices(_WORDS, k=pick.randint(1, 14))).encode()
        made.append(line)
        size += len(line) + 1
    return b"\n".join(made) + b"\n"


def _head(number, pick):
    hops = b"".join(b"Received: from mx%d.example.net (mx%d.example.net [192.0.2.%d])\n"
                    b"\tby mail.example.com with ESMTPS id %x\n"
                    b"\tfor <ann@example.com>; Fri, 20 Nov 2026 10:%02d:00 +0000\n"
                    % (hop, hop, hop, pick.getrandbits(64), number % 60) for hop in range(1, 4))
    return (hops + b"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=s1;\n\tb="
            + base64.b64encode(pick.randbytes(200)) + b"\n"
            b"From: Bob Baker <bob@example.net>\nTo: Ann <ann@example.com>\n"
            b"Subject: message %d\nDate: Fri, 20 Nov 2026 10:00:00 +0000\n"
            b"Message-ID: <%d.%x@example.net>\nMIME-Version: 1.0\n"
            % (number, number, pick.getrandbits(64)))


def realistic(number):
    """Text of some kilobytes; every seventh message has an attachment of up to 120 KB."""
    pick = random.Random(number)
    text = _lines(pick, int(pick.lognormvariate(7.6, 0.8)))
    if number % 7:
        return _head(number, pick) + b"Content-Type: text/plain; charset=utf-8\n\n" + text
    data = base64.encodebytes(pick.randbytes(pick.randint(5_000, 90_000)))
    return (_head(number, pick) + b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n'
            b"Content-Type: text/plain\n\n" + text + b"\n--b\nContent-Type: application/pdf\n"
            b"Content-Transfer-Encoding: base64\n\n" + data + b"\n--b--\n")


def small(number):
    """For mailboxes that are only listed."""
    return (b"From: bob@example.net\nTo: ann@example.com\nSubject: message %d\n"
            b"Message-ID: <%d@example.net>\n\nHello.\n" % (number, number))


def listed(count):
    """So many of these, each a thousand of them one and the same."""
    for number in range(0, count, 1000):
        yield from [small(number)] * min(1000, count - number)


def large(octets):
    """One message of so many octets on the line."""
    line = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEF\n"
    return small(0) + line * (octets // (len(line) + 1))


def fill(maildir, messages):
    """Puts the messages into a maildir as Dovecot itself names them, with their sizes (Maildir++:
    S= as stored, W= with CRLF), so that no server must read them all to list them. One that follows
    itself is the same file under another name: many small files take long to make and to remove."""
    for folder in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(maildir, folder), exist_ok=True)
    last, written = None, None
    for number, message in enumerate(messages, 1):
        name = (f"{1_700_000_000 + number}.M{number:06d}P1.bench,S={len(message)},"
                f"W={len(message) + message.count(10)}:2,S")
        path = os.path.join(maildir, "cur", name)
        if message is last:
            os.link(written, path)
            continue
        last, written = message, path
        with open(path, "wb") as f:
            f.write(message)
