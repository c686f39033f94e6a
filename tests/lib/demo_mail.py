"""The mailbox of `make run`: what somebody's mail might look like after some weeks."""

import base64
import random
import time
import zlib
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

_PEOPLE = ["Bob Baker <bob@example.net>", "Zoë Müller <zoe@example.org>",
           "山田太郎 <taro@example.jp>", "The Printer on Floor 2 <printer@example.com>",
           "Newsletter <news@example.org>", "Élodie Ångström <elodie@example.fr>"]
_SUBJECTS = ["Lunch on Thursday?", "Re: Lunch on Thursday?", "Grüße aus Köln", "会議の議事録",
             "Invoice 2026-0117", "Your parcel is on its way", "Minutes of the meeting",
             "Photos from the lake 📷", "Scan 0042", "Weekly digest", "Fwd: an old joke",
             "Passwort geändert", "Re: Re: the roof", "Ça va ?"]
_TEXTS = ["Hi Ann,\n\nare you free at noon? The place by the river again?\n\nBob\n",
          "Guten Tag,\n\nschöne Grüße – bis nächste Woche!\n\nZoë\n",
          "お疲れ様です。\n議事録をお送りします。\n",
          "Dear customer,\n\nyour parcel left the warehouse this morning.\n",
          "Dots, as every mail protocol meets them:\n.\n..\n.hidden\nand the end.\n",
          "> > I think the roof can wait.\n> It cannot.\nIt rained in again.\n"]


def _png(side, shade):
    """A small grey picture, made by hand."""
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    rows = (b"\0" + bytes([shade]) * side) * side
    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def _composed(number, when, pick):
    mail = EmailMessage()
    mail["From"] = _PEOPLE[number % len(_PEOPLE)]
    mail["To"] = "Ann <ann@example.com>"
    mail["Date"] = format_datetime(datetime.fromtimestamp(when, timezone.utc))
    mail["Message-ID"] = make_msgid(domain="example.com")
    mail["Subject"] = _SUBJECTS[number % len(_SUBJECTS)]
    text = _TEXTS[number % len(_TEXTS)]
    mail.set_content(text)
    if number % 3 == 0:
        html = text.replace("\n", "<br>\n")
        mail.add_alternative(f"<html><body><p>{html}</p></body></html>", subtype="html")
    if number % 5 == 0:
        mail.add_attachment(_png(200, 40 * (number % 6)), "image", "png",
                            filename=f"scan {number}.png")
    if number % 11 == 0:
        mail.add_attachment(pick.randbytes(150_000), "application", "pdf",
                            filename="Übersicht.pdf")
    return mail.as_bytes().replace(b"\n", b"\r\n")


def _odd():
    """What a composer would not write, and mailboxes have all the same."""
    head = b"From: old@example.com\r\nTo: ann@example.com\r\n"
    yield head + b"Subject: no line end at the end\r\n\r\nThe last line just stops"
    yield head + b"Subject: nor here\r\n\r\nafter a dot\r\n."
    yield head + "Subject: Grüße, unkodiert\r\n\r\n8 bits, no MIME: äöüß €\r\n".encode()
    yield head + b"Subject: line feeds only\n\nOne.\nTwo.\n"
    yield head + b"Subject: nothing below\r\n\r\n"
    yield head + b"Subject: =?utf-8?b?" + base64.b64encode("Früher".encode()) + b"?=\r\n\r\nHm.\r\n"
    yield head + b"Subject: a big one\r\n\r\n" + b"%s\r\n" % (b"0123456789" * 7) * 70_000
    yield (head + b"Subject: a very long subject,\r\n" + b" that goes on,\r\n" * 40
           + b" and ends\r\n\r\nShort.\r\n")


def messages():
    """[(octets, seconds since the epoch at which it came)], oldest first."""
    pick = random.Random(1939)
    mails = [(n, None) for n in range(36)] + [(None, odd) for odd in _odd()]
    pick.shuffle(mails)
    now = int(time.time())
    made = []
    for index, (number, octets) in enumerate(mails):
        when = now - (len(mails) - index) * 12 * 3600
        made.append((octets if number is None else _composed(number, when, pick), when))
    return made
