"""Reads IMAP's parenthesized lists, as FETCH answers with them."""

import re

_ATOM = re.compile(rb"(?:BODY\[[^\]]*\]|[^\s()\"{])+")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S)
_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")


def parse(text):
    """The values in `text`, one after the other: a list for a list, bytes for a string or atom, an
    int for a number, None for NIL."""
    stack = [[]]
    at = 0
    while at < len(text):
        c = text[at:at + 1]
        if c.isspace():
            at += 1
        elif c == b"(":
            stack.append([])
            at += 1
        elif c == b")":
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        else:
            value, at = _value(text, at)
            stack[-1].append(value)
    if len(stack) != 1:
        raise ValueError(f"{len(stack) - 1} parentheses left open")
    return stack[0]


def _value(text, at):
    if match := _QUOTED.match(text, at):
        return re.sub(rb"\\(.)", rb"\1", match[1], flags=re.S), match.end()
    if match := _LITERAL.match(text, at):
        end = match.end() + int(match[1])
        return text[match.end():end], end
    match = _ATOM.match(text, at)
    if not match:
        raise ValueError(f"nothing to read at {at}: {text[at:at + 40]!r}")
    if match[0].isdigit():
        return int(match[0]), match.end()
    return (None if match[0].upper() == b"NIL" else match[0]), match.end()
