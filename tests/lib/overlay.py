"""Runs a server that is not installed, but unpacked by tools/upstreams, as though it were.

Debian's IMAP servers exclude each other, so one of them (Dovecot) is installed and the others are
unpacked, each into a directory. In a mount namespace of its own, a server sees its files laid over
/usr and /etc, and a directory of the test as /run. Nothing outside changes.

As root the server then becomes nobody; without root, a user namespace permits the mounts, and a
second one inside gives the server our own user id again. Where the kernel permits neither,
Unavailable says so and the tests are skipped.
"""

import os
import subprocess

from tests.lib.process import Process, service_user
from tests.lib.scene import PASSWORD, USER

_FETCHED = os.path.join(os.path.dirname(__file__), "..", "..", "build-upstreams")

_MOUNT = """
set -e
for d in usr etc; do
    mount -t overlay overlay -o "ro,lowerdir=$FILES/$d:/$d" "/$d"
done
mount --bind "$RUN" /run
exec "$@"
"""


class Unavailable(Exception):
    """The server cannot be run on this machine; the text says why."""


class Overlaid:
    """For a TestCase (a Scene) before such a server. `kind`: its class; `user`: whom it knows."""

    kind = None
    user = USER

    def setUp(self):
        super().setUp()
        self.server = self.kind(self.path(self.kind.name), {self.user: PASSWORD})
        self.addCleanup(self.server.stop)
        try:
            self.server.start()
        except Unavailable as e:
            self.skipTest(str(e))


def _command(name, run, argv):
    files = os.path.realpath(os.path.join(_FETCHED, name))
    if not os.path.exists(os.path.join(files, ".complete")):
        raise Unavailable(f"{name} was not fetched: tools/upstreams build-upstreams")
    uid, gid, _ = service_user()
    if os.geteuid() == 0:
        outer = ["unshare", "--mount"]
        inner = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
                 "--pdeathsig", "TERM"]
    else:
        outer = ["unshare", "--mount", "--map-root-user"]
        inner = ["unshare", "--user", f"--map-user={uid}", f"--map-group={gid}"]
    environment = {"FILES": files, "RUN": run, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return [*outer, "sh", "-c", _MOUNT, "sh", *inner, *argv], environment


def start(name, run, argv, log, environment=None):
    """A Process of `argv` with the files of server `name` and the directory `run` as /run."""
    probe, own = _command(name, run, ["true"])
    done = subprocess.run(probe, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"no mount namespace with an overlay here: {done.stderr.strip()}")
    command, own = _command(name, run, argv)
    return Process(command, log, env={**own, **(environment or {})})
