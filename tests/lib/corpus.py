"""About a hundred messages that something, somewhere, has once got wrong.

Each case has the octets as they lie in the store and, derived from them by the few rules below, the
octets that a POP3 client must receive. The rules (`received`) are written here a second time, on
purpose: a test that used the gateway's own would prove nothing.
"""

import base64
import functools
import random
import re


class Case:
    """`stored` lies in the store. `wide`: more than a megabyte, for tests that can do without."""

    def __init__(self, name, stored):
        self.name = name
        self.stored = stored

    @property
    def wide(self):
        return len(self.stored) > 1_000_000

    @functools.cached_property
    def received(self):
        return received(self.stored)

    def top(self, lines):
        """What TOP n `lines` must give: the header, its empty line, and so many lines of body."""
        header, separator, body = self.received.partition(b"\r\n\r\n")
        if self.received.startswith(b"\r\n"):
            header, separator, body = b"", b"\r\n", self.received[2:]
        return header + separator + b"".join(_crlf_lines(body)[:lines])

    def __repr__(self):
        return f"<{self.name}>"


def _crlf_lines(data):
    lines = data.split(b"\r\n")
    return [line + b"\r\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def received(stored):
    """Every line ends with CRLF, the last one too (a lone CR at the very end is half of one). A header
    has its empty line (some clients hang without), so an empty message is one empty line. NUL, which
    some clients choke on, is 0x80, as Dovecot sends it. All else is as stored."""
    data = re.sub(rb"\r?\n", b"\r\n", stored).replace(b"\0", b"\x80")
    if data.endswith(b"\r"):
        data += b"\n"
    elif data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    if b"\r\n\r\n" not in data and not data.startswith(b"\r\n"):
        data += b"\r\n"
    return data


def _mail(subject, body, extra=b"", end=b"\r\n"):
    header = (b"From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>\r\n"
              b"Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nSubject: " + subject + b"\r\n" + extra)
    return header + b"\r\n" + body + end


def _multipart(depth):
    """multipart/mixed inside multipart/mixed, `depth` times."""
    inner = b"Content-Type: text/plain\r\n\r\nthe core\r\n"
    for level in range(depth):
        mark = b"b%d" % level
        inner = (b'Content-Type: multipart/mixed; boundary="' + mark + b'"\r\n\r\n--' + mark
                 + b"\r\n" + inner + b"\r\n--" + mark + b"--\r\n")
    return b"MIME-Version: 1.0\r\n" + inner


def _attachment(size, seed):
    data = base64.encodebytes(random.Random(seed).randbytes(size)).replace(b"\n", b"\r\n")
    return _mail(b"an attachment of %d octets" % size,
                 b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee attachment.\r\n--x\r\n"
                 b'Content-Type: application/pdf; name="r.pdf"\r\n'
                 b"Content-Transfer-Encoding: base64\r\n\r\n" + data + b"--x--",
                 b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n')


def _line_ends():
    yield "no-final-crlf", _mail(b"no end", b"last line", end=b"")
    yield "no-final-crlf-after-dot", _mail(b"no end", b"text\r\n.", end=b"")
    yield "ends-with-cr", _mail(b"cr", b"text\r", end=b"")
    yield "ends-with-two-empty-lines", _mail(b"empty lines", b"text\r\n\r\n")
    yield "bare-lf", _mail(b"bare lf", b"one\ntwo\n\nfour").replace(b"\r\n", b"\n")
    yield "mixed-line-ends", _mail(b"mixed", b"one\ntwo\r\nthree\nfour\r\n\nsix")
    yield "bare-cr", _mail(b"bare cr", b"one\rtwo\rthree\r\nfour")
    yield "cr-cr-lf", _mail(b"cr cr lf", b"one\r\r\ntwo\r\r\n\r\r\nfour")
    yield "cr-at-line-start", _mail(b"cr first", b"\rone\r\n\r\rtwo")
    yield "only-line-ends", _mail(b"only line ends", b"\r\n" * 100)
    yield "lf-cr", _mail(b"lf cr", b"one\n\rtwo")


def _shape():
    yield "empty", b""
    yield "one-empty-line", b"\r\n"
    yield "two-empty-lines", b"\r\n\r\n"
    yield "one-octet", b"x"
    yield "one-line-no-end", b"Subject: x"
    yield "header-only", b"Subject: header only\r\nFrom: a@example.com\r\n"
    yield "header-only-empty-line", b"Subject: header only\r\nFrom: a@example.com\r\n\r\n"
    yield "header-only-no-end", b"Subject: header only\r\nFrom: a@example.com"
    yield "body-only", b"\r\nA body without a header.\r\n"
    yield "no-colon-in-header", b"this is no header\r\n\r\nbody\r\n"
    yield "mbox-from-line", b"From ann@example.com Fri Nov 20 10:00:00 2026\r\n" + _mail(b"m", b"b")
    yield "from-in-body", _mail(b"From", b"From the start\r\n>From there\r\nFrom ")
    yield "blank-line-with-space", _mail(b"space", b" \r\n\t\r\nend")
    yield "space-line-in-header", b"Subject: x\r\n \r\nFrom: a@example.com\r\n\r\nbody\r\n"
    yield "trailing-spaces", _mail(b"trailing   ", b"text   \r\n\t\r\nend\t")
    yield "folded-header", _mail(b"a very\r\n\tlong\r\n  subject", b"body")


def _dots():
    yield "lone-dot", _mail(b"dot", b".")
    yield "lone-dots", _mail(b"dots", b".\r\n.\r\n.\r\n..\r\n...")
    yield "dot-first", b".Subject: dot\r\n.\r\n\r\n.body\r\n"
    yield "dot-lf", _mail(b"dot lf", b"one\n.\ntwo\n.")
    yield "dot-cr", _mail(b"dot cr", b".\rone\r\n.\r.\r\n")
    yield "end-mark-inside", _mail(b"end mark", b"before\r\n.\r\n+OK fake\r\n.\r\nafter")
    yield "dots-everywhere", _mail(b"dots", b"\r\n".join(b"." * n for n in range(200)))
    yield "dot-at-64k", _mail(b"edge", b"x" * 65_000 + b"\r\n" + b".\r\n" * 2_000)
    yield "all-dots", _mail(b"all dots", b"." * 100_000)
    yield "dot-no-end", _mail(b"dot no end", b"..", end=b"")


def _octets():
    yield "nul", _mail(b"nul", b"a\0b\r\n\0\r\n\0\0end")
    yield "nul-in-header", _mail(b"nu\0l", b"body")
    yield "all-octets", _mail(b"all", bytes(b for b in range(256) if b not in (10, 13)))
    yield "8bit", _mail(b"8 bit", "Grüße, Привет, 你好".encode())
    yield "latin1", _mail("Gr\xfc\xdfe".encode("latin-1"), "Gr\xfc\xdfe".encode("latin-1"))
    yield "utf8-header", _mail("Grüße 📬".encode(), b"body", "X-Näme: Zoë\r\n".encode())
    yield "invalid-utf8", _mail(b"\xff\xfe\xc0\x80", b"\xed\xa0\x80\xf8")
    yield "encoded-words", _mail(b"=?UTF-8?B?R3LDvMOfZQ==?= =?iso-8859-1?q?Gr=FC=DFe?=", b"body")
    yield "telnet-octets", _mail(b"iac", b"\xff\xf4\xff\xfd\x06")
    yield "escape", _mail(b"\x1b[31mred", b"\x1b]0;title\x07\x08\x7f")
    yield "protocol-text", _mail(b"* BYE", b"* BYE\r\na1 OK done\r\n)\r\n{5}\r\n-ERR\r\n+OK")
    yield "closing-parenthesis", _mail(b")", b")\r\n)\r\n")
    yield "literal-mark", _mail(b"{10}", b"{10}\r\n{10+}\r\n~{3}\r\nend {4}", end=b"")


def _size():
    yield "long-line", _mail(b"long line", b"y" * 10_000)
    yield "line-998", _mail(b"998", b"z" * 998 + b"\r\n" + b"z" * 999)
    yield "line-of-10-mb", _mail(b"10 MB", b"w" * 10_000_000)
    yield "header-of-1-mb", _mail(b"1 MB", b"body", b"X-Long: " + b"v" * 1_048_576 + b"\r\n")
    yield "many-headers", _mail(b"many", b"body",
                                b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(20_000)))
    yield "many-lines", _mail(b"many lines", b"\r\n".join(b"%d" % n for n in range(50_000)))
    yield "many-folds", _mail(b"folds" + b"\r\n more" * 5_000, b"body")
    for edge in (4_096, 8_192, 16_384, 65_536):
        for less in (-1, 0, 1):
            base = len(_mail(b"edge", b""))
            yield f"size-{edge}{less:+d}", _mail(b"edge", b"e" * (edge + less - base))


def _mime():
    yield "alternative", _mail(b"alternative", b"--a\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
                               b"--a\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--a--",
                               b"Content-Type: multipart/alternative; boundary=a\r\n")
    yield "message-in-message", _mail(b"forward", _mail(b"inner", b"inner body"),
                                      b"Content-Type: message/rfc822\r\n")
    yield "no-closing-boundary", _mail(b"open", b"--a\r\n\r\none\r\n--a\r\n\r\ntwo",
                                       b"Content-Type: multipart/mixed; boundary=a\r\n")
    yield "boundary-without-parts", _mail(b"none", b"nothing here",
                                          b"Content-Type: multipart/mixed; boundary=a\r\n")
    yield "quoted-printable", _mail(b"qp", b"=\r\nsoft=20\r\nGr=C3=BC=C3=9Fe",
                                    b"Content-Transfer-Encoding: quoted-printable\r\n")
    yield "binary", _mail(b"binary", bytes(range(1, 256)) * 20,
                          b"Content-Transfer-Encoding: binary\r\n")
    yield "depth-10", _multipart(10)
    yield "depth-100", _multipart(100)
    yield "thousand-parts", _mail(b"parts", b"".join(b"--p\r\n\r\n%d\r\n" % n for n in range(1000))
                                  + b"--p--", b"Content-Type: multipart/mixed; boundary=p\r\n")
    for seed, size in enumerate((100, 3_000, 60_000, 900_000)):
        yield f"attachment-{size}", _attachment(size, seed)


def _random():
    """Random runs of the octets that matter to line ends, dots and framing."""
    for seed in range(16):
        pick = random.Random(seed)
        body = b"".join(pick.choice((b".", b"\r", b"\n", b"\r\n", b"a", b"..", b"\r\n.", b"\r\n.\r"))
                        for _ in range(3_000))
        # The header's end is fixed, so that each store parses the same header.
        yield f"random-{seed}", _mail(b"random", b"start\r\n" + body)


@functools.cache
def cases():
    """All cases, in a fixed order."""
    return [Case(name, stored)
            for group in (_line_ends, _shape, _dots, _octets, _size, _mime, _random)
            for name, stored in group()]


def plain_mail(number, lines=5):
    """An unremarkable message, for tests about something else."""
    text = b"\r\n".join(b"line %d of message %d" % (n, number) for n in range(lines))
    return _mail(b"message %d" % number, text, b"Message-ID: <%d@example.com>\r\n" % number)
