"""Nothing secret stands in anything that mailferry writes (CASES A6): what a test uses as a secret is
kept here, by the servers and clients that it is given to, and at the end of each test all is looked
through that its mailferries have written: logs, state, vaults, what they say of their health.

A finding names the file and the line, and what kind of secret it is, but not the secret.
"""

import base64
import json
import mmap
import os
import urllib.parse

# Shorter ones, as tests use them where only their form matters, stand in a log by chance.
_LEAST = 8

_kept = {}  # octets to what they are
_watched = set()


class Found(AssertionError):
    """A secret stands where it can be read."""


def keep(secret, what="a password"):
    """`secret`, a str or bytes, must not be found at the end of the test."""
    octets = secret.encode() if isinstance(secret, str) else secret
    if len(octets) >= _LEAST:
        _kept[octets] = what


def keep_all(secrets, what="a password"):
    for secret in secrets:
        keep(secret, what)


def watch(path):
    """A file that mailferry writes, or a directory of them."""
    _watched.add(path)


def check_text(name, text):
    """Raises Found when there is a secret in what mailferry has said: to a person, to a program."""
    found = list(_found_in(name, text.encode("utf-8", "replace")))
    if found:
        raise Found("\n".join(found))


def end():
    """The test is over: looks at all that was watched, and forgets the test."""
    found = [line for path in _files() for line in _found_in_file(path)]
    _kept.clear()
    _watched.clear()
    if found:
        raise Found("\n".join(found[:20]))


def _files():
    for path in sorted(_watched):
        if os.path.isfile(path):
            yield path
        for base, _, names in os.walk(path):
            yield from (os.path.join(base, name) for name in sorted(names))


def _found_in_file(path):
    if os.path.isfile(path) and os.path.getsize(path):
        with open(path, "rb") as f, \
                mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as octets:
            yield from _found_in(path, octets)


def _found_in(name, octets):
    for secret, what in list(_kept.items()):  # a server of the test may learn one meanwhile
        for form, how in _forms(secret).items():
            at = octets.find(form)
            if at >= 0:
                line = octets[:at].count(b"\n") + 1
                yield f"{name}:{line}: {what} stands there, {how}"
                break


def _forms(secret):
    """How a secret may be written, and in words."""
    text = secret.decode("utf-8", "surrogateescape")
    forms = {secret: "as it is"}
    forms.setdefault(text.replace("\\", "\\\\").replace('"', '\\"')
                     .encode("utf-8", "surrogateescape"), "quoted")
    forms.setdefault(json.dumps(text)[1:-1].encode(), "as JSON has it")
    forms.setdefault(urllib.parse.quote(secret, safe="").encode(), "as a URL has it")
    for alphabet in (b"+/", b"-_"):
        for before in range(3):
            forms.setdefault(_base64(secret, before, alphabet), "in base64")
    return forms


def _base64(secret, before, alphabet):
    """What base64 makes of it behind so many other octets, and before others: a SASL response."""
    whole = base64.b64encode(bytes(before) + secret, alphabet)
    return whole[(before * 4 + 2) // 3:(before + len(secret)) * 4 // 3]
