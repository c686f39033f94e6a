"""What the benchmark needs to be there: asked for before it begins, with what would bring it."""

import os
import shutil

from tests.bench.nginx import MODULE


def _program(name):
    """Debian has servers where an ordinary user's PATH does not look."""
    return shutil.which(name, path=f"/usr/sbin:/usr/local/sbin:{os.environ['PATH']}")


def dovecot():
    return _program("dovecot")


def _missing(built):
    """(what, what brings it)"""
    for name, package in (("dovecot", "dovecot-imapd dovecot-pop3d"), ("nginx", "nginx-light"),
                          ("openssl", "openssl"), ("valgrind", "valgrind")):
        if not _program(name):
            yield name, f"apt-get install {package}"
    if not os.path.exists(MODULE):
        yield "nginx's mail proxy", "apt-get install libnginx-mod-mail"
    for path in built:
        if not os.access(path, os.X_OK):
            yield path, "cmake --build build --target mailferry bench"


def check(built):
    """Ends the program with what to do, when something is missing: `built` are programs of ours."""
    missing = [f"{what} is missing: {how}" for what, how in _missing(built)]
    if missing:
        raise SystemExit("\n".join([*missing, "`make bench` installs and builds all of it."]))
