"""The servers that are measured, and how much of the machine they take."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import threading
import time

from tests.lib.dovecot import Dovecot
from tests.lib.mailferry import Mailferry

PASSWORD = "wonderland"
PATIENCE = 300  # seconds, of whatever is waited for: nothing takes so long that does not stall


class Failed(Exception):
    """What was to be measured could not be; says why."""


# So many processes as there are sessions, and memory for large messages (imapc takes a whole one);
# the rest is as Debian has it.
_MANY = """
default_process_limit = 2000
default_client_limit = 8000
default_vsz_limit = 1G
service imap {
  process_limit = 4000
}
service pop3 {
  process_limit = 4000
}
"""

# Dovecot as a gateway: its own POP3, whose mail is at another server by IMAP; and the reverse.
_IMAPC = """
mail_location = imapc:{directory}/store/%u
imapc_host = 127.0.0.1
imapc_port = {port}
imapc_user = %u
imapc_password = {password}
imapc_features = rfc822.size fetch-headers
{tls}
"""
_POP3C = """
mail_location = pop3c:{directory}/store/%u
pop3c_host = 127.0.0.1
pop3c_port = {port}
pop3c_user = %u
pop3c_password = {password}
"""
_IMAPC_TLS = "imapc_ssl = imaps\nimapc_ssl_verify = no"

# All clients come from one address.
OPEN_LIMITS = {"connections_per_address": 20000, "unauthenticated_per_address": 20000}
_OPEN = {"log": {"level": "info"}, "limits": OPEN_LIMITS}


def upstream(directory, users, tls=None):
    """The Dovecot whose mail it is: IMAP for the gateways, POP3 for the client straight to it."""
    return Dovecot(directory, {user: PASSWORD for user in users}, tls=tls, pop3=True, extra=_MANY)


class Straight:
    """The upstream itself, at `port`: what the others are compared with. It has nothing of its own
    to forget, and a process for each session."""

    name = "straight"

    def __init__(self, process, port, tls=False):
        self.process, self.port, self.tls = process, port, tls

    def forget(self, user):
        pass

    def restart(self):
        pass


class Gateway:
    """mailferry, with a listener for one protocol in front of the server at `port`, which speaks
    the other. `tls`: a certificate for both sides, which `cafile` vouches for. `imap`: the route's
    choices for IMAP clients, instead of no poll but the first. `counted`: valgrind runs it, and
    counts its instructions."""

    name = "mailferry"

    def __init__(self, directory, port, tls=None, cafile=None, warm=True, protocol="pop3",
                 imap=None, counted=False):
        self.tls = tls is not None
        self.protocol = protocol
        self._in_memory = protocol == "imap"
        other = "imap" if protocol == "pop3" else "pop3"
        query = f"?ca={cafile}" if tls else "?tls=off"
        self._counts = os.path.join(directory, "counts")
        callgrind = ("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={self._counts}")
        self._made = Mailferry(
            directory, f"{other}{'s' if tls else ''}://127.0.0.1:{port}{query}", tls=tls,
            listener=f"{protocol}{'s' if tls else ''}", config=_OPEN,
            pop3=None if warm else {"warm_seconds": 0},
            route={"imap": imap or {"poll_seconds": 3600}} if protocol == "imap" else None,
            under=callgrind if counted else ())
        self._made.start()

    process = property(lambda self: self._made.process)
    port = property(lambda self: self._made.port)

    def forget(self, user):
        """Its sync state: of all users, for a round is of one. Of an IMAP client's account it also
        has some in memory, which goes with the process."""
        if self._in_memory:
            self._made.stop()
        shutil.rmtree(os.path.join(self._made.state_dir, "accounts"), ignore_errors=True)
        if self._in_memory:
            self._made.start()

    def restart(self):
        self._made.restart()

    def stop(self):
        self._made.stop()

    def count(self):
        """From now on, its instructions."""
        self._callgrind("--zero")

    def counted(self):
        """How many there were since count()."""
        self._callgrind("--dump")
        [part] = glob.glob(f"{self._counts}.*")
        with open(part, encoding="ascii", errors="replace") as f:
            counted = next(int(line.split()[1]) for line in f if line.startswith("summary:"))
        os.remove(part)
        return counted

    def _callgrind(self, what):
        subprocess.run(["callgrind_control", what, str(self.process.pid)], check=True,
                       capture_output=True, timeout=PATIENCE)


class Gateways:
    """Several mailferrys that are measured as one, each with an equal part of the sessions."""

    name = "mailferry"

    def __init__(self, parts):
        self.parts = parts
        self.tls = parts[0].tls

    process = property(lambda self: self.parts[0].process)
    port = property(lambda self: self.parts[0].port)

    def restart(self):
        for part in self.parts:
            part.restart()


class DovecotGateway:
    """Dovecot as a gateway in front of the server at `port`: with `tls` as mailferry is, but that
    pop3c is connected in the clear, for over TLS it stalls."""

    name = "dovecot"

    def __init__(self, directory, port, users, tls=None, protocol="pop3"):
        self.tls = tls is not None
        text = _IMAPC if protocol == "pop3" else _POP3C
        self._made = Dovecot(directory, {user: PASSWORD for user in users}, tls=tls, pop3=True,
                             extra=_MANY + text.format(directory=directory, port=port,
                                                       password=PASSWORD,
                                                       tls=_IMAPC_TLS if tls else ""))
        self._store = os.path.join(directory, "store")
        os.makedirs(self._store)
        self._made.own(self._store)
        self._made.start()
        self.port = {"pop3": self._made.pop3s_port if tls else self._made.pop3_port,
                     "imap": self._made.tls_port if tls else self._made.port}[protocol]

    process = property(lambda self: self._made.process)

    def forget(self, user):
        shutil.rmtree(os.path.join(self._store, user), ignore_errors=True)

    def restart(self):
        self._made.restart()

    def stop(self):
        self._made.stop()


class Helper:
    """A program of tests/bench that says on which port it is, and ends when nobody holds it."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([program, *map(str, arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        with self.process:
            self.process.stdin.close()


class Light(Helper):
    """The light upstream: see tests/bench/light.c."""

    def __init__(self, program, messages, octets, tls=None, protocol="imap"):
        super().__init__(program, protocol, messages, octets, *([tls.cert, tls.key] if tls else []))

    def deliver(self):
        """One message more, which is there when this returns."""
        self.process.stdin.write("+")
        self.process.stdin.flush()
        self.process.stdout.readline()


class SlowLine(Helper):
    """A line to `target` that takes `milliseconds` each way; its near end is `port`.

    program, target, milliseconds: as `delay` has them, tests/bench/delay.c
    """


def _group(process):
    """Ids of the processes that began with `process`."""
    for path in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(path))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == process.pid:
                yield pid


def _children():
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as f:
            pid, _, rest = f.read().partition(" (")
            if int(rest.rpartition(")")[2].split()[1]) == os.getpid():
                yield int(pid)


def end_children():
    """Ends what was interrupted before anybody had it to stop: our children, each with the group
    that it leads."""
    for pid in _children():
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            leads = os.getpgid(pid) == pid
            (os.killpg if leads else os.kill)(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def memory(process):
    """Octets that the process and its children have in memory, but for the pages of files: how much
    of a library counts changes with who else on the machine has it loaded. What is shared among
    them counts in parts."""
    total = 0
    for pid in _group(process):
        with contextlib.suppress(OSError), \
                open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
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


class Growth:
    """By how much a process and its children have grown at most while this was open: `octets`. They
    are looked at again and again, which takes its time."""

    def __init__(self, process):
        self.octets, self._process = 0, process
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        while not self._closed.wait(0.02):
            self.octets = max(self.octets, memory(self._process) - self._before)

    def __enter__(self):
        self._before = memory(self._process)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closed.set()
        self._thread.join()


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


def at_rest(process):
    """Waits until what the process has begun is done, which has nobody to wait for it."""
    settle(lambda: processor(process), PATIENCE)
