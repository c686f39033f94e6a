"""The servers that are measured, and how much of the machine they take."""

import contextlib
import glob
import os
import shutil
import subprocess
import time

from tests.lib.dovecot import Dovecot
from tests.lib.mailferry import Mailferry

PASSWORD = "wonderland"

# So many processes as there are sessions; the rest is as Debian has it.
_MANY = """
default_process_limit = 2000
default_client_limit = 8000
service imap {
  process_limit = 4000
}
service pop3 {
  process_limit = 4000
}
"""

# Dovecot as a gateway: its own POP3, whose mail is at another server by IMAP.
_IMAPC = """
mail_location = imapc:{directory}/imapc/%u
imapc_host = 127.0.0.1
imapc_port = {port}
imapc_user = %u
imapc_password = {password}
imapc_features = rfc822.size fetch-headers
"""


def upstream(directory, users, tls=None):
    """The Dovecot whose mail it is: IMAP for the gateways, POP3 for the client straight to it."""
    return Dovecot(directory, {user: PASSWORD for user in users}, tls=tls, pop3=True, extra=_MANY)


class Straight:
    """The upstream's own POP3, at `port`: what the others are compared with."""

    name = "straight"

    def __init__(self, process, port):
        self.process = process
        self.port = port

    def forget(self, user):
        """It has nothing of its own to forget."""

    def restart(self):
        """It has a process for each session."""


class Gateway:
    """mailferry in front of the IMAP server at `port`."""

    name = "mailferry"

    def __init__(self, directory, port, tls=None, cafile=None, warm=True):
        scheme, query = ("imaps", f"?ca={cafile}") if tls else ("imap", "?tls=off")
        self._made = Mailferry(
            directory, f"{scheme}://127.0.0.1:{port}{query}", tls=tls,
            listener="pop3s" if tls else "pop3", pop3=None if warm else {"warm_seconds": 0},
            config={"log": {"level": "info"}, "limits": {"connections_per_address": 20000}})
        self._made.start()

    process = property(lambda self: self._made.process)
    port = property(lambda self: self._made.port)

    def forget(self, user):
        """Its sync state: of all users, for a round is of one."""
        for entry in os.scandir(os.path.join(self._made.state_dir, "accounts")):
            shutil.rmtree(entry.path)

    def restart(self):
        self._made.restart()

    def stop(self):
        self._made.stop()


class Imapc:
    """Dovecot as a gateway in front of the IMAP server at `port`."""

    name = "dovecot"

    def __init__(self, directory, port, users):
        self._made = Dovecot(directory, {user: PASSWORD for user in users}, pop3=True,
                             extra=_MANY + _IMAPC.format(directory=directory, port=port,
                                                         password=PASSWORD))
        os.makedirs(os.path.join(directory, "imapc"))
        self._made.own(os.path.join(directory, "imapc"))
        self._made.start()

    process = property(lambda self: self._made.process)
    port = property(lambda self: self._made.pop3_port)

    def forget(self, user):
        shutil.rmtree(os.path.join(self._made.directory, "imapc", user), ignore_errors=True)

    def restart(self):
        self._made.restart()

    def stop(self):
        self._made.stop()


class SlowLine:
    """A line to `target` that takes `milliseconds` each way; its near end is `port`."""

    def __init__(self, program, target, milliseconds):
        self._process = subprocess.Popen([program, str(target), str(milliseconds)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())

    def stop(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _group(process):
    """Ids of the processes that began with `process`."""
    for path in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(path))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == process.pid:
                yield pid


def memory(process):
    """Octets that the process and its children have in memory; what is shared counts in parts."""
    total = 0
    for pid in _group(process):
        with contextlib.suppress(OSError), \
                open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total * 1024


def processor(process):
    """Seconds of processor time that the threads of this one process have had."""
    total = 0
    for path in glob.glob(f"/proc/{process.pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


class Peak:
    """The most memory that a process has had since this was made."""

    def __init__(self, process):
        self._status = f"/proc/{process.pid}/status"
        with open(f"/proc/{process.pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")
        self._before = self._read("VmRSS")

    def growth(self):
        return self._read("VmHWM") - self._before

    def _read(self, name):
        with open(self._status, encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(name + ":"))


def settle(read, patience=5.0):
    """What `read` gives when it has not changed by a hundredth for half a second."""
    end = time.monotonic() + patience
    last = read()
    while time.monotonic() < end:
        time.sleep(0.5)
        now = read()
        if abs(now - last) <= 0.01 * max(now, 1):
            return now
        last = now
    return last
