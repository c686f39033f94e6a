"""Messages whose structure is hard to tell: malformed, ambiguous, nested, or only unusual."""

import functools
import random

from tests.lib.corpus import Case

_TOP = b"From: a@example.com\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


def _mixed(body, boundary=b"b", kind=b"mixed"):
    return _typed(b"multipart/" + kind + b"; boundary=" + boundary, body)


def _typed(value, body=b"body\r\n"):
    return _TOP + b"Content-Type: " + value + b"\r\n\r\n" + body


def _delimiters():
    yield "preamble-and-epilogue", _mixed(b"pre\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n\r\n")
    yield "delimiter-at-once", _mixed(b"--b\r\n--b\r\n--b--\r\n")
    yield "header-cut-by-delimiter", _mixed(
        b"--b\r\nContent-Type: text/html\r\n--b\r\n\r\nx\r\n--b--")
    yield "header-cut-by-end", _mixed(b"--b\r\nContent-Type: text/html")
    yield "header-cut-by-outer", _mixed(
        b'--b\r\nContent-Type: multipart/mixed; boundary="c"\r\n\r\n--c\r\nX: y\r\n--b--\r\n')
    yield "message-header-cut", _mixed(
        b"--b\r\nContent-Type: message/rfc822\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: in\r\n--b--\r\n")
    yield "message-without-header", _mixed(b"--b\r\nContent-Type: message/rfc822\r\n\r\n--b--\r\n")
    yield "message-with-empty-line", _mixed(
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n\r\nbody\r\n--b--\r\n")
    yield "closing-only", _mixed(b"--b--\r\nafter\r\n")
    yield "open-at-delimiter", _mixed(b"--b\r\n\r\none\r\n--b")
    yield "open-after-delimiter", _mixed(b"--b\r\n\r\none\r\n--b\r\n")
    yield "delimiter-with-tail", _mixed(
        b"--bxyz\r\n\r\none\r\n--b trailing\r\n\r\ntwo\r\n--b--no\r\n")
    yield "delimiter-with-blanks", _mixed(b"--b \t\r\n\r\none\r\n--b-- \t\r\n")
    yield "part-after-closing", _mixed(b"--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n")
    yield "indented-delimiter", _mixed(b"--b\r\n\r\none\r\n --b\r\n\r\ntwo\r\n--b--\r\n")
    yield "empty-parts", _mixed(b"--b\r\n\r\n\r\n--b\r\n\r\n--b\r\n\r\n\r\n\r\n--b--")
    yield "dashes", _mixed(b"--\r\n---b\r\n- -b\r\n--b\r\n\r\n--\r\n-\r\n--b--")
    yield "cr-before-delimiter", _mixed(b"--b\r\n\r\none\r\r\n--b\r\n\r\ntwo\r--b\r\n--b--")
    yield "lf-before-delimiter", _mixed(
        b"--b\n\none\n--b\n\ntwo\n\n--b--\n").replace(b"\r\n", b"\n")
    yield "delimiter-in-header", (
        _TOP + b"Content-Type: multipart/mixed;\r\n boundary=b\r\n--b\r\n\r\nx")
    yield "nested-epilogue", _mixed(
        b'--b\r\nContent-Type: multipart/mixed; boundary="c"\r\n\r\n--c\r\n\r\nin\r\n--c--\r\n'
        b"epilogue\r\n--b\r\n\r\nlast\r\n--b--\r\n")
    yield "nested-no-epilogue", _mixed(
        b'--b\r\nContent-Type: multipart/mixed; boundary="c"\r\n\r\n--c\r\n\r\nin\r\n--c--\r\n'
        b"--b--\r\n")
    yield "nested-unclosed", _mixed(
        b'--b\r\nContent-Type: multipart/mixed; boundary="c"\r\n\r\n--c\r\n\r\nin\r\n--b\r\n\r\n'
        b"out\r\n--c\r\n\r\nnot a part\r\n--b--\r\n")
    yield "nested-empty", _mixed(
        b'--b\r\nContent-Type: multipart/mixed; boundary="c"\r\n\r\n--b--\r\n')


def _boundaries():
    yield "same-boundary-nested", _mixed(
        b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nin\r\n--b--\r\n"
        b"--b\r\n\r\nout\r\n--b--\r\n")
    for name, inner in (("longer", b"bb"), ("dashed", b"b--"), ("numbered", b"b-1")):
        yield f"prefix-boundary-{name}", _mixed(
            b'--b\r\nContent-Type: multipart/mixed; boundary="' + inner + b'"\r\n\r\n--' + inner
            + b"\r\n\r\nin\r\n--" + inner + b"--\r\n--b\r\n\r\nout\r\n--b--\r\n")
    yield "prefix-boundary-shorter", _mixed(
        b"--bb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nin\r\n--b--\r\n"
        b"--bb\r\n\r\nout\r\n--bb--\r\n", b"bb")
    yield "boundary-empty", _mixed(b"--\r\n\r\none\r\n--x\r\n\r\ntwo\r\n----\r\n", b'""')
    yield "boundary-missing", _typed(b"multipart/mixed", b"--b\r\n\r\none\r\n--b--\r\n")
    yield "boundary-twice", _typed(b"multipart/mixed; boundary=b; boundary=c",
                                   b"--c\r\n\r\nc\r\n--b\r\n\r\nb\r\n--b--")
    yield "boundary-case", _mixed(b"--B\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", b"b")
    yield "boundary-blank-at-end", _mixed(b"--b \r\n\r\none\r\n--b --\r\n", b'"b "')
    yield "boundary-folded", _mixed(b"--ab\r\n\r\none\r\n--ab--\r\n", b'"a\r\n b"')
    yield "boundary-specials", _mixed(b"--=_(x):?\r\n\r\none\r\n--=_(x):?--\r\n", b'"=_(x):?"')
    yield "boundary-unquoted-equals", _mixed(b"--=_x\r\n\r\none\r\n--=_x--\r\n", b"=_x")
    yield "boundary-pieces", _typed(b"multipart/mixed; boundary*0=a; boundary*1=b",
                                    b"--ab\r\n\r\none\r\n--ab--\r\n")
    yield "boundary-encoded", _typed(b"multipart/mixed; boundary*=us-ascii''ab",
                                     b"--ab\r\n\r\none\r\n--ab--\r\n")
    for n in (69, 70, 71, 79, 80, 81, 82, 300, 70_000):
        mark = b"m" * n
        yield f"boundary-of-{n}", _mixed(
            b"--" + mark + b"\r\n\r\none\r\n--" + mark[:-1] + b"\r\n\r\ntwo\r\n--" + mark
            + b"--\r\n", mark)


def _types():
    values = (
        b"text", b"text/", b"/plain", b"text/plain", b"TEXT/HTML", b"text / plain", b"text/plain;",
        b"text/plain; charset", b"text/plain; charset=", b"text/plain; charset=;x=y",
        b'text/plain; charset="utf-8"; format=flowed', b'text/plain; name="a\\"b"',
        b'text/plain; name="unclosed', b"text/plain; name=a b c", b"text/plain name=x",
        b"text/plain (comment); charset=x (more)", b"text(c)/(d)plain", b"text/plain/x",
        b"text plain",
        b"", b" ", b";", b"; charset=x", b"(only a comment)", b"(unclosed", b'"text/plain"',
        b"application/octet-stream; name==?utf-8?B?R3LDvA==?=", b"text/x-\xe4; p=\xfc",
        b'image/png; name="\xc3\xa4.png"', b"text/html; charset=x; charset=y",
        b"message/rfc822; x=y",
        b"message/partial; id=x; number=1", b"message/delivery-status", b"multipart/", b"multipart",
        b"multipart/alternative; boundary", b"textual/plain", b"text/plain;;;a=b;;c=d;",
        b"text/plain; a=b, c=d", b"text/plain; =x; y", b"text/plain;\r\n\tcharset=x;\r\n name=y",
        b"text/plain; name*=utf-8''%e2%82%ac", b"text/plain; name*0=a; name*1=b; name*2=c",
        b"text/plain; name*1=b; name*0=a", b"text/plain; name*0=a; name*2=c",
        b"text/plain; name*0*=utf-8''%41; name*1=%; name*2*=%42",
        b"text/plain; name*0=x; name*1*=y",
        b"text/plain; name*x=1; na*me=2; *=3", b"text/plain; a*0=1; b*0=2; A*1=3; c=4",
        b"text/plain; x=\0y", b'text/plain; x="a\0b"', b"text/plain; x=\"a\r\n b\"",
        b"text/plain; x=" + b"y" * 5000, b"x" * 2000 + b"/y", b"a/b; " + b"p=q; " * 300,
        b"text/plain; a=\"b\\\\c\\d\"", b"multipart/mixed; boundary=\"unclosed",
        b"text/plain; name='single'", b"text/plain; name=<x>", b"text/plain; name=\"\"")
    for number, value in enumerate(values):
        yield f"type-{number}", _typed(value)
    yield "type-twice", _typed(b"text/html\r\nContent-Type: image/png")
    yield "type-without-version", b"Content-Type: text/html\r\n\r\nbody\r\n"
    yield "content-without-type", (b"Content-Transfer-Encoding: base64\r\nContent-ID: <x>\r\n"
                                   b"Content-Disposition: inline\r\n\r\nbody\r\n")
    yield "version-without-type", (b"Mime-version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
                                   b"Content-ID: <x>\r\n\r\nbody\r\n")
    yield "blank-before-colon", _TOP + b"Content-Type : text/html\r\nSubject\t: t\r\n\r\nbody\r\n"
    yield "type-after-no-colon", _TOP + b"nonsense\r\nContent-Type: text/html\r\n\r\nbody\r\n"


def _fields():
    contents = (
        b"Content-Transfer-Encoding: x y", b"Content-Transfer-Encoding: (c) 8bit (d)",
        b"Content-Transfer-Encoding: a b\r\nContent-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding:", b"Content-Transfer-Encoding: quoted-printable;",
        b"Content-Disposition: attachment; filename=x", b"Content-Disposition: attachment",
        b"Content-Disposition: inline\r\nContent-Disposition: attachment; filename=x",
        b"Content-Disposition: a; b=c\r\nContent-Disposition: d; e=f", b"Content-Disposition:",
        b"Content-Disposition: ; filename=x", b'Content-Disposition: "attachment"; filename=x',
        b"Content-Disposition: attachment; filename*0*=utf-8''a; filename*1=b%",
        b"Content-Disposition: attachment filename=x", b"Content-Disposition: (unclosed",
        b"Content-Language: de, en", b"Content-Language: de en", b"Content-Language: ,de",
        b"Content-Language: de,", b"Content-Language: (c) de (d) , en-GB", b"Content-Language:",
        b"Content-Language: ;\r\nContent-Language: fr", b"Content-Location: http://x/\r\n y",
        b"Content-Location:", b"Content-ID: <a@b>\r\nContent-ID: <c@d>", b"Content-ID:",
        b"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==", b"Content-Description: a\r\n\tb   c",
        b"Content-Description: \xc3\xa4", b"Content-Description: \xe4 \"x\\",
        b"Content-Description: a\0b",
        b"Content-Description:   leading and trailing   ")
    for number, content in enumerate(contents):
        yield f"content-{number}", _TOP + content + b"\r\n\r\nbody\r\n"
        yield f"content-of-part-{number}", _mixed(b"--b\r\n" + content + b"\r\n\r\nx\r\n--b--\r\n")


def _addresses():
    values = (
        b"a@example.com", b"<a@example.com>", b"Ann <a@example.com>", b'"Ann B." <a@example.com>',
        b"Ann B. <a@example.com>", b"a@example.com (Ann)", b"a@example.com (Ann (nested) \\) x)",
        b"a",
        b"Ann B", b"<a>", b"<>", b"<@>", b"@", b"@example.com", b"a@", b"a@,b@c", b"<a@b", b"a@b>",
        b"Ann <a@b> x", b"Ann <a@b> <c@d>", b"a b@c", b"a@b c@d", b"a@b,,c@d", b",", b",,,", b"",
        b" ",
        b"a@b,", b", a@b", b"a@b;c@d", b"undisclosed-recipients:;", b"Group: a@b, c@d;",
        b"Group: a@b",
        b"Group: a@b, c@d; e@f", b"Group:;, x@y", b"A: B: c@d;;", b"Group: <a@b>, x;", b":;",
        b"a:b",
        b"\"Quoted Group\": a@b;", b"Group: ,;", b"Group: a@b,;", b"Group: a@b; , x@y", b"Group:",
        b"<@r1,@r2:a@b>", b"<@r1:a@b>", b"<@r1 a@b>", b"<@r1>", b"<@r1:>", b"<@:a@b>",
        b"<@r1,,@r2:a@b>",
        b"<a@[127.0.0.1]>", b"a@[1 2]", b"a@[1", b"a@[[1]", b"a@[1\\]2]", b"a.b.c@d.e.f", b"a..b@c",
        b".a@b", b"a.@b", b"a@b..c", b"a@b.", b"a@.b", b"a . b @ c . d", b'"a b"@c', b'"a"."b"@c',
        b'"a',
        b'"a" "b" <c@d>', b'"a\\"b\\\\c" <d@e>', b'"a" b <c@d>', b'""@x', b'"" <a@b>', b'"a b"',
        b'"a"',
        b"=?utf-8?Q?=C3=A4?= <a@b>", b"\xc3\xa4 <a@b>", b"\xe4@b", b"\"\xe4\" <a@\xfc>", b"a\0b@c",
        b'"a\0b" <c@d>', b"a@b\0c", b"(only)", b"(open", b"(c) a@b", b"a(c)@b", b"a@(c)b",
        b"a@b (c", b"<(c)a@b>",
        b"<a@b(c)>", b"Ann (c) B <a@b>", b"a@b (x) (y)", b"a@b ()", b"a, b, c", b"x y, z",
        b"a <b@c",
        b"a@b\r\n\t(folded\r\n name)", b"Ann\r\n B <a@b>,\r\n\tc@d", b'"a\r\n b" <c@d>',
        b"[x] <a@b>",
        b"x[y] <a@b>", b"a\\b@c", b"\\", b"<a b@c>", b"<a@b c>", b"<a@b,c@d>", b"a@b@c",
        b"mailto:a@b",
        b"Ann@Work <a@b>", b"Ann, B <a@b>", b"'Ann' <a@b>", b"Ann<a@b>", b"<<a@b>>", b"a@b\x01",
        b"\x01",
        b"a@b. ", b"a. <b@c>", b". <a@b>", b"x..y <a@b>", b"<\"a b\"@c>", b"<a@b>,", b"<a@b>, (c",
        b"a@b,(c")
    for number, value in enumerate(values):
        yield f"address-{number}", b"From: " + value + b"\r\nTo:" + value + b"\r\n\r\nbody\r\n"
    yield "addresses-repeated", (b"To: a@b\r\nTo: c@d\r\nFrom: x@y\r\nFrom:\r\nSender:\r\n"
                                 b"Reply-To: ,\r\nCc: e@f\r\nBcc: g@h\r\nCC: i@j\r\n\r\n")
    many = b",\r\n ".join(b"u%d@example.com" % n for n in range(5000))
    yield "addresses-many", b"To: " + many + b"\r\n\r\n"


def _envelope():
    yield "envelope-repeated", (b"Subject: one\r\nSubject: two\r\nDate: one\r\nDate: two\r\n"
                                b"Message-ID: <1>\r\nMessage-ID: <2>\r\nIn-Reply-To: <3>\r\n\r\n")
    yield "envelope-empty", b"Subject:\r\nDate:\r\nMessage-ID: \r\nIn-Reply-To:  \r\nFrom:\r\n\r\n"
    yield "envelope-folded", (
        b"Subject: a\r\n\tb\r\n  c\r\nDate: x\r\n y\r\nMessage-ID:\r\n <a@b>\r\n"
        b"In-Reply-To: <a>\r\n\t<b>\r\n \r\n\r\n")
    yield "envelope-8bit", b"Subject: \xe4\xc3\xa4\r\nDate: \xff\r\nMessage-ID: <\xc3\xa4>\r\n\r\n"
    yield "envelope-quotes", b'Subject: "a" \\ "b"\r\nMessage-ID: "\\"\r\nDate: """""""""""\r\n\r\n'
    yield "envelope-nul", b"Subject: a\0b\r\nMessage-ID: a\0b\r\nFrom: \0\r\n\r\n"
    yield "envelope-blanks", b"Subject:  a  b\t \r\nDate:   x  y  \r\nSUBJECT :  z\r\n\r\n"
    yield "envelope-cr", b"Subject: a\rb\r\r\nDate: a\rb\r\r\nMessage-ID: x\r\r\n y\r\n\r\n"
    yield "envelope-first-folded", b" Subject: x\r\nSubject: y\r\n\r\nbody\r\n"


def _messages():
    inner = b"Subject: inner\r\nFrom: i@example.com\r\n"
    yield "message", _typed(b"message/rfc822", inner + b"\r\nbody\r\n")
    yield "message-of-multipart", _typed(
        b"message/rfc822",
        inner + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c\r\n"
        b"\r\n2\r\n--c--\r\n")
    yield "message-in-part", _mixed(
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner
        + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c--\r\n\r\n"
        b"--b\r\n\r\nx\r\n--b--")
    yield "message-chain", (_TOP + b"Content-Type: message/rfc822\r\n\r\n") * 5 + inner + b"\r\nx"
    yield "message-encoded", _typed(b"message/rfc822\r\nContent-Transfer-Encoding: base64",
                                    b"U3ViamVjdDogeA==")
    yield "message-global", _typed(b"message/global", inner + b"\r\nbody\r\n")
    yield "message-empty", _typed(b"message/rfc822", b"")
    yield "message-not-mime", _mixed(
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nContent-ID: <x>\r\n\r\nx\r\n--b--\r\n")
    yield "digest", _mixed(
        b"--b\r\n\r\n" + inner + b"\r\n1\r\n--b\r\nContent-Type: text/plain\r\n\r\n2\r\n"
        b"--b\r\nX: y\r\n\r\n" + inner + b"\r\n--b--\r\n", kind=b"digest")
    yield "digest-cut", _mixed(
        b"--b\r\n--b\r\n\r\n--b\r\n\r\nSubject: x\r\n--b--\r\n", kind=b"Digest")
    yield "report", _mixed(
        b"--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Action: failed\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + inner
        + b"--b--\r\n", kind=b"report; report-type=delivery-status")


def _nested(depth, kind):
    text = b"Content-Type: text/plain\r\n\r\ncore\r\n"
    for level in range(depth):
        if kind == "message" or (kind == "both" and level % 2):
            text = b"Content-Type: message/rfc822\r\n\r\n" + text
        else:
            mark = b"m%d." % level
            text = (b"Content-Type: multipart/mixed; boundary=" + mark + b"\r\n\r\n--" + mark
                    + b"\r\n" + text + b"\r\n--" + mark + b"--\r\n")
    return b"MIME-Version: 1.0\r\n" + text


def _limits():
    for kind in ("multipart", "message", "both"):
        for depth in (20, 97, 98, 99, 100, 101, 150, 1000):
            yield f"nested-{kind}-{depth}", _nested(depth, kind)
    for parts in (9_997, 9_998, 9_999, 10_000, 10_001, 12_000):
        yield f"parts-{parts}", _mixed(b"--b\r\n\r\nx\r\n" * parts + b"--b--\r\nepilogue\r\n")


def _random():
    """Pieces of multiparts in any order."""
    pieces = (b"--b\r\n", b"--c\r\n", b"--b--\r\n", b"--c--\r\n", b"\r\n", b"\r\n\r\n", b"text\r\n",
              b"Content-Type: multipart/mixed; boundary=c\r\n",
              b"Content-Type: multipart/digest; boundary=b\r\n",
              b"Content-Type: message/rfc822\r\n", b"Content-Type: message/rfc822\r\n\r\n",
              b"Subject: x\r\n",
              b"From: a@b\r\n", b"--bc\r\n",
              b"Content-Type: multipart/mixed; boundary=bc\r\n\r\n", b"\r", b"\n",
              b" folded\r\n", b"--", b"Content-Type: text/html\r\n\r\n", b"MIME-Version: 1.0\r\n",
              b"no end")
    for seed in range(200):
        pick = random.Random(seed)
        chosen = [pick.choice(pieces) for _ in range(pick.randint(5, 60))]
        yield f"pieces-{seed}", _mixed(b"".join(chosen))


@functools.cache
def cases():
    """All cases, in a fixed order."""
    groups = (_delimiters, _boundaries, _types, _fields, _addresses, _envelope, _messages, _limits,
              _random)
    return [Case(name, stored) for group in groups for name, stored in group()]
