"""Messages in many charsets and encodings, rightly and wrongly labelled, and what to search for."""

import base64
import functools
import quopri

from tests.lib.corpus import Case

# Words that stand in the messages below, and the charsets that have them.
_WORDS = {
    "latin": ("Gr\u00fc\u00dfe aus K\u00f6ln", ("utf-8", "iso-8859-1", "windows-1252", "iso-8859-15",
                                               "utf-16", "utf-16be", "utf-7")),
    "polish": ("Za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105", ("utf-8", "iso-8859-2",
                                                                   "windows-1250")),
    "russian": ("\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
                ("utf-8", "koi8-r", "koi8-u", "windows-1251", "iso-8859-5", "gb18030")),
    "greek": ("\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03bf\u03c2",
              ("utf-8", "iso-8859-7", "windows-1253")),
    "japanese": ("\u3053\u3093\u306b\u3061\u306f \u4e16\u754c", ("utf-8", "iso-2022-jp", "shift_jis",
                                                              "euc-jp", "gb18030")),
    "chinese": ("\u4f60\u597d \u4e16\u754c", ("utf-8", "gb18030", "gb2312", "gbk", "big5")),
    "korean": ("\uc548\ub155\ud558\uc138\uc694", ("utf-8", "euc-kr")),
    "hebrew": ("\u05e9\u05dc\u05d5\u05dd", ("utf-8", "iso-8859-8", "windows-1255")),
}
_TOP = b"From: a@example.com\r\nMIME-Version: 1.0\r\n"


def _body(octets, charset, transfer="8bit", kind=b"text/plain"):
    label = b"; charset=" + charset.encode() if charset else b""
    return (_TOP + b"Subject: s\r\nContent-Type: " + kind + label
            + b"\r\nContent-Transfer-Encoding: " + transfer.encode() + b"\r\n\r\n" + octets)


def _lines(octets, width):
    """In base64, in lines that cut characters."""
    text = base64.b64encode(octets)
    return b"".join(text[i:i + width] + b"\r\n" for i in range(0, len(text), width))


def _softly(octets):
    """Quoted-printable with a soft line break behind each octet."""
    return b"=\r\n".join(b"=%02X" % octet for octet in octets) + b"\r\n"


def _quoted(octets):
    return quopri.encodestring(octets).replace(b"\n", b"\r\n") + b"\r\n"


def _bodies():
    for name, (words, charsets) in _WORDS.items():
        for charset in charsets:
            octets = ("before " + words + " behind").encode(charset)
            yield f"body-{name}-{charset}-base64", _body(_lines(octets, 76), charset, "base64")
            yield f"body-{name}-{charset}-cut", _body(_lines(octets, 3), charset.upper(), "base64")
            yield f"body-{name}-{charset}-quoted", _body(_quoted(octets), charset,
                                                         "quoted-printable")
            yield f"body-{name}-{charset}-softly", _body(_softly(octets), charset,
                                                         "quoted-printable")
            if not charset.startswith("utf-16"):
                yield f"body-{name}-{charset}-plain", _body(octets + b"\r\n", charset)


def _labels():
    latin = "Gr\u00fc\u00dfe aus K\u00f6ln"
    for label in ("", "utf8", "x-unknown", "us-ascii", "iso-8859-1", '""', "unknown-8bit", "latin1",
                  "cp1252", "ansi_x3.4-1968", "//TRANSLIT", "utf-8//IGNORE", '"utf-8 "', "'utf-8'",
                  "iso8859-1", "ISO_8859-1", "win-1252", "8859_1", "cp-1252", "iso-8859-8-i",
                  "ks_c_5601-1987", "UNICODE-1-1-UTF-7", "binary", "default"):
        for encoding in ("utf-8", "iso-8859-1"):
            yield f"label-{label}-{encoding}", _body((latin + "\r\n").encode(encoding), label)
    yield "label-windows", _body("it\u2019s a quote\r\n".encode("windows-1252"), "iso-8859-1")
    yield "label-korean", _body("\uc548\ub155\r\n".encode("euc-kr"), "ks_c_5601-1987")
    yield "label-encoded", _body(latin.encode(), "").replace(
        b"text/plain", b"text/plain; charset*=us-ascii'en'utf-8")


def _transfers():
    for transfer in ("x-uuencode", "X-unknown", "7bit", "binary", "BASE64", "(c) base64",
                     "base64 (c)", "base64;", '"base64"', "8-bit"):
        yield f"transfer-{transfer}", _body(b"plain sesame\r\n", "", transfer)
        yield f"transfer-{transfer}-64", _body(_lines(b"encoded sesame", 76), "", transfer)
    yield "base64-noise", _body(b"cGxha!W4gc2Vz\r\nYW1l\r\n", "", "base64")
    yield "base64-padded-inside", _body(b"b3Blbg==\r\nIHNlc2FtZQ==\r\n", "", "base64")
    yield "base64-unpadded", _body(b"b3BlbiBzZXNhbWUx", "", "base64")
    yield "base64-then-text", _body(b"b3BlbiA=\r\n\r\n-- sesame\r\n", "", "base64")
    yield "quoted-broken", _body(b"sesame =XY =3 open\r\n=\r\nsesa=\r\nme=20\r\n=", "",
                                 "quoted-printable")
    yield "quoted-lower", _body(b"gr=c3=bc=c3=9fe\r\n", "utf-8", "quoted-printable")
    yield "quoted-blanks", _body(b"open=  \r\nsesame  \r\nnext\r\n", "", "quoted-printable")


def _kinds():
    for kind in ("text/html", "text/calendar", "text/x-unknown", "application/octet-stream",
                 "application/json", "image/svg+xml", "message/partial; id=x",
                 "message/delivery-status", "message/disposition-notification", "message/global",
                 "message/external-body; access-type=x", "message/x-unknown", "message/rfc822",
                 "message/news", "multipart/mixed", "multipart/x"):
        name = kind.partition(";")[0]
        yield f"kind-{name}", _body(b"Subject: sesame\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n", "",
                                    kind=kind.encode())
        yield f"kind-{name}-64", _body(_lines(b"Subject: sesame\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n", 76),
                                       "", "base64", kind.encode())
    yield "parts", (_TOP + b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
                    b"--b\r\nContent-Type: text/plain\r\n\r\nopen\r\n--b\r\n\r\nsesame\r\n--b\r\n"
                    b"Content-Type: image/png;\r\n name*=utf-8''Gr%C3%BC%C3%9Fe.png\r\n"
                    b"Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%BC;\r\n"
                    b" filename*1*=%C3%9Fe.png\r\nContent-Description: =?koi8-r?b?8NLJ18XU?=\r\n"
                    b"\r\nnever\r\n--b--\r\nepilogue\r\n")
    yield "inner", (_TOP + b"Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
                    b"\r\nTo: inside@example.com\r\nDate: Thu, 1 Jan 1998 00:00:00 +0000\r\n\r\n"
                    b"deep\r\n")


def _word(text, charset="utf-8", encoding="b"):
    octets = text if isinstance(text, bytes) else text.encode(charset)
    coded = (base64.b64encode(octets) if encoding in "bB"
             else b"".join(b"=%02X" % octet for octet in octets))
    return b"=?" + charset.encode() + b"?" + encoding.encode() + b"?" + coded + b"?="


def _field(value, name=b"Subject"):
    return b"From: a@example.com\r\n" + name + b":" + value + b"\r\n\r\nempty\r\n"


def _fields():
    for name, (words, charsets) in _WORDS.items():
        for charset in charsets:
            for encoding in "bQ":
                yield f"field-{name}-{charset}-{encoding}", _field(
                    b" " + _word(words, charset, encoding))
        yield f"field-{name}-raw", _field(b" " + words.encode())
    gruesse = "Gr\u00fc\u00dfe".encode()
    values = {
        "cut-b": b" =?utf-8?b?" + base64.b64encode(gruesse[:3]) + b"?=\r\n =?utf-8?b?"
                 + base64.b64encode(gruesse[3:]) + b"?=",
        "cut-q": b" =?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3?=\r\n\t=?utf-8?q?=9Fe?=",
        "cut-mixed": b" =?utf-8?q?Gr=C3?= =?utf-8?b?vA==?= =?utf-8?q?=C3=9Fe?=",
        "cut-jp": b" " + _word("\u3053\u3093".encode("iso-2022-jp"), "iso-2022-jp") + b"\r\n "
                  + _word("\u306b\u3061\u306f".encode("iso-2022-jp"), "ISO-2022-JP"),
        "adjacent": b" =?utf-8?q?Gr=C3=BC?==?utf-8?q?=C3=9Fe?=",
        "glued": b" x=?utf-8?q?Gr=C3=BC=C3=9Fe?=y",
        "between": b" =?utf-8?q?Gr=C3=BC?= and =?utf-8?q?=C3=9Fe?=",
        "underscore": b" =?utf-8?q?open_sesame?=",
        "blank-inside": b" =?utf-8?q?open sesame?=",
        "quoted": b' "=?utf-8?q?Gr=C3=BC=C3=9Fe?="',
        "comment": b" x (=?utf-8?q?Gr=C3=BC=C3=9Fe?=)",
        "language": b" =?utf-8*en?q?Gr=C3=BC=C3=9Fe?=",
        "unknown-charset": b" =?x-unknown?q?open_sesame?=",
        "unknown-8bit": b" =?x-unknown?q?Gr=FC=DFe?=",
        "unknown-encoding": b" =?utf-8?x?open_sesame?=",
        "unclosed": b" =?utf-8?q?open_sesame",
        "wrong-bytes": b" =?utf-8?q?Gr=FC=DFe?=",
        "lower-hex": b" =?UTF-8?q?gr=c3=bc=c3=9fe?=",
        "unpadded": b" =?utf-8?b?b3BlbiBzZXNhbWUx?= =?utf-8?b?b3BlbiBzZXNhbW?=",
        "empty-word": b" a =?utf-8?q??= b",
        "latin-raw": b" Gr\xfc\xdfe",
        "folded": b" open\r\n sesame",
        "folded-tab": b" open\r\n\tsesame",
        "folded-twice": b" open\r\n  \r\n   sesame",
        "folded-first": b"\r\n open sesame",
        "folded-word": b" =?utf-8?q?open?=\r\n =?utf-8?q?_sesame?=",
        "word-then-text": b" =?utf-8?q?open?=\r\n sesame",
        "blanks": b"   open  sesame   ",
        "empty": b"",
        "blank": b"  ",
        "utf7": b" =?utf-7?q?Gr+APwA3w-e?=",
        "nul": b" open\0sesame",
        "cr": b" open\rsesame",
        "tab": b" open\tsesame",
        "long": b" " + b"x" * 2000 + b" sesame",
    }
    for name, value in values.items():
        yield f"value-{name}", _field(value)


def _letters():
    """A letter in one form each."""
    for name, text in (("precomposed", "caf\u00e9"), ("decomposed", "cafe\u0301"), ("plain", "cafe"),
                       ("upper", "CAF\u00c9"), ("sharp-s", "Stra\u00dfe"), ("ss", "STRASSE"),
                       ("capital-sharp-s", "STRA\u1e9eE"), ("ligature", "e\ufb03cient"),
                       ("no-ligature", "EFFICIENT"), ("dotless", "\u0131stanbul"),
                       ("dotted", "\u0130stanbul"), ("istanbul", "Istanbul"),
                       ("sigma", "\u03bf\u03b4\u03cc\u03c2"), ("sigmas", "\u039f\u0394\u038c\u03a3"),
                       ("wide", "\uff37\uff49\uff44\uff45"), ("narrow", "wide"),
                       ("kelvin", "300 \u212a"), ("k", "300 k"), ("angstrom", "5 \u212b"),
                       ("a-ring", "5 \u00e5"), ("digraph", "\u01c6ep"), ("digraph-upper", "\u01c4EP"),
                       ("two-marks", "a\u0323\u0307"), ("two-marks-reversed", "a\u0307\u0323"),
                       ("circled", "\u2460 item"), ("one", "1 item"), ("superscript", "m\u00b2"),
                       ("hangul", "\ud55c"), ("jamo", "\u1112\u1161\u11ab"),
                       ("deseret", "\U00010400"), ("deseret-small", "\U00010428"),
                       ("emoji", "\U0001f600"), ("soft-hyphen", "co\u00adop"), ("joiner", "co\u200dop"),
                       ("nbsp", "open\u00a0sesame"), ("half-kana", "\uff76\uff9e"),
                       ("kana", "\u30ac")):
        yield f"letter-{name}", (_TOP + b"Subject: " + text.encode()
                                 + b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
                                 + text.encode() + b"\r\n")


def _names():
    for number, name in enumerate((b"X-Sesame", b"x-sesame", b"X-Sesame ", b"X-Sesame\t", b"X.Sesame",
                                   b"X-Ses\xc3\xa4me", b"X Sesame", b"Comments", b"Keywords", b"X-",
                                   b"1", b"X_%$", b"X-" + b"n" * 300)):
        yield f"name-{number}", _field(b" open", name)
        yield f"name-{number}-empty", _field(b"", name)
    yield "name-repeated", _field(b" one\r\nX-Sesame: two", b"X-Sesame")
    yield "name-none", b"From: a@example.com\r\n: open\r\n\r\n"
    yield "addresses", (b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\n"
                        b'To: "Bob (x)" <bob@example.com>,\r\n cee@example.com\r\n'
                        b"Cc: group: d@example.com;\r\nBcc: hidden@example.com\r\n\r\n")
    yield "addresses-repeated", b"To: one@example.com\r\nTo: two@example.com\r\n\r\n"


def _dates():
    values = (
        "Fri, 20 Nov 2026 10:00:00 +0000", "20 Nov 2026 23:59:59 -1200", "20 Nov 2026 00:00 +1400",
        "Fri, 20 Nov 26 10:00:00 GMT", "Fri, 20 Nov 126 10:00:00 GMT", "20 Nov 2026",
        "Fri, 20 Nov 2026 10:00:00 +0000 (UTC)", "(c) Fri, (d) 20 (e) Nov 2026 10:00:00 +0000",
        "Fri Nov 20 10:00:00 2026", "2026-11-20 10:00:00", "20-Nov-2026 10:00:00 +0000",
        "fri, 20 nov 2026 10:00:00 +0000", "Fri, 20 November 2026 10:00:00 +0000",
        "Fri,20 Nov 2026 10:00:00 +0000", "31 Feb 2026 10:00:00 +0000", "0 Nov 2026 10:00:00 +0000",
        "Fri, 20 Nov 2026 25:00:00 +0000", "Fri, 20 Nov 2026 10:00:00 EST", "",
        "Fri, 20 Nov 2026 10:00:00", "Sat, 21 Nov 2026 00:30:00 +0100", "1 Jan 1970 00:00:00 +0000",
        "1 Jan 1950 00:00:00 +0000", "1 Jan 50 00:00:00 +0000", "1 Jan 49 00:00:00 +0000", "nonsense",
        "Fri,\r\n 20 Nov\r\n 2026 10:00:00 +0000", "=?us-ascii?q?20_Nov_2026?= 10:00:00 +0000",
        "Fri, 020 Nov 2026 10:00:00 +0000", "Fri, 20 Nov 2026 10:00:60 +0000")
    for number, value in enumerate(values):
        yield f"date-{number}", _field(b" " + value.encode(), b"Date")
    yield "date-twice", _field(b" 1 Jan 2020 10:00:00 +0000\r\nDate: 20 Nov 2026 10:00:00 +0000",
                               b"Date")
    yield "date-none", b"From: a@example.com\r\n\r\n"


@functools.cache
def cases():
    """All cases, in a fixed order."""
    groups = (_bodies, _labels, _transfers, _kinds, _fields, _letters, _names, _dates)
    return [Case(name, stored) for group in groups for name, stored in group()]


def _texts():
    for words, charsets in _WORDS.values():
        for text in (words, words.upper(), words.split()[0], words.split()[-1][:-1]):
            for charset in ("UTF-8", *charsets[1:2]):
                yield charset, text
    for text in ("sesame", "open sesame", "opensesame", "Gr\u00fc\u00dfe", "gr\u00dc\u00dfE",
                 "Gr\u00fcsse", "b3Blbg", "=?utf-8?", "it\u2019s", "\uc548\ub155", "never", "preamble",
                 "epilogue", "Gr\u00fc\u00dfe.png", "deep", "inside@", "Subject: sesame", "name",
                 "a b", "open  sesame", "utf-8''", "open\tsesame", "xGr\u00fc\u00dfey", "inner",
                 "subject: open", "Subject: Gr\u00fc\u00dfe", "\ufffd", "?", "=XY", "e"):
        yield "UTF-8", text
    for _, letters in _letters_texts():
        yield "UTF-8", letters


def _letters_texts():
    for case in _letters():
        yield case[0], case[1].rpartition(b"\r\n\r\n")[2].strip().decode()


def searches():
    """Lists of pieces of a SEARCH command: str as it stands, bytes as a literal."""
    for charset, text in dict.fromkeys(_texts()):
        for key in ("SUBJECT", "BODY", "TEXT"):
            yield [f"CHARSET {charset} {key} ", text.encode(charset)]
    for name in (b"X-Sesame", b"X.Sesame", "X-Ses\u00e4me".encode(), b"X Sesame", b"X-", b"1", b"X_%$",
                 b"x" * 300, b"X-" + b"n" * 300, b"Comments", b"", b":", b"X-Sesame:", b"Received",
                 b"Content-Type", b"MIME-Version", b"date"):
        for text in (b"", b"open", b"one", b"two", b"20"):
            yield ["HEADER ", name, " ", text]
    for key in ("FROM", "TO", "CC", "BCC"):
        for text in ("", "J\u00fcrgen", "example.com", "bob", "Bob (x)", "cee@", "bob@example.com>,",
                     "one", "two", "group", "hidden", "<"):
            yield [f"CHARSET UTF-8 {key} ", text.encode()]
    for key in ("SENTBEFORE", "SENTON", "SENTSINCE"):
        for day in ("19-Nov-2026", "20-Nov-2026", "21-Nov-2026", "1-Jan-1970", "1-Jan-1950",
                    "2-Jan-1950", "1-Jan-2049", "1-Jan-1998", "2-Mar-2026", "28-Feb-2026"):
            yield [f"{key} {day}"]
