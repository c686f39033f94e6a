"""Child processes of a test: they end with the test, whatever ends the test.

A child is in its own process group, gets SIGTERM from the kernel when our process dies, has its
output in a file, and is stopped by its process id.
"""

import contextlib
import ctypes
import itertools
import os
import pwd
import random
import re
import signal
import socket
import subprocess
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# Under a sanitizer and with the machine's cores shared, all is slower; a condition that comes true
# ends the wait at once, so a generous limit costs nothing.
PATIENCE = 30.0

_LOWEST_PORT, _HIGHEST_PORT = 12000, 32000
_claims = []
_random = random.SystemRandom()  # tests draw from random by their own seeds


def wait_until(condition, what, timeout=PATIENCE):
    """Polls `condition` until it gives something true, which is returned."""
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:.0f} s in vain: {what}")
        time.sleep(0.01)


def _claimed(port):
    """Claims `port` among all our test processes, until this one ends: whoever holds the abstract
    socket of that name has the port. The kernel gives the name back, whatever ends the process."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0mailferry-test-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def _ports():
    """Those that the kernel gives to no connection, where it leaves enough of them."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        first = int(f.read().split()[0])
    enough = first > _LOWEST_PORT + 1000
    return range(_LOWEST_PORT, min(first, _HIGHEST_PORT) if enough else _HIGHEST_PORT)


def _nobody_listens(port, host):
    with contextlib.suppress(OSError), socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, port))
        return True
    return False


def free_port(host="127.0.0.1", preferred=None):
    """A TCP port nobody listens on, `preferred` when that is free, for a server that is started
    later. No other test gets it meanwhile, nor does the kernel for a connection: it is below those
    that the kernel gives out."""
    ports = _ports()
    drawn = (_random.choice(ports) for _ in range(1000))
    for port in itertools.chain([preferred] if preferred else [], drawn):
        if _nobody_listens(port, host) and _claimed(port):
            return port
    raise AssertionError(f"no free port on {host}")


def listening(port, host="127.0.0.1"):
    """True once something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def greets(port, host="127.0.0.1"):
    """True once the server there has said something: its parts are all up."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5) as s:
        return bool(s.recv(1))
    return False


def service_user():
    """(uid, gid, user) for servers that must not run as root: our own, or nobody's."""
    name = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    entry = pwd.getpwnam(name)
    return entry.pw_uid, entry.pw_gid, name


def own_tree(path):
    """Gives files that we made to service_user()."""
    if os.geteuid() != 0:
        return
    uid, gid, _ = service_user()
    os.chown(path, uid, gid)
    for base, directories, files in os.walk(path):
        for name in directories + files:
            # A server at work takes its lock files away meanwhile.
            with contextlib.suppress(FileNotFoundError):
                os.chown(os.path.join(base, name), uid, gid)


def _lives_in(group):
    """Whether some process of the process group has not ended: one that nobody has waited for yet
    is none any more."""
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="ascii",
                                                errors="replace") as f:
            state, _, of_group = f.read().rpartition(")")[2].split()[:3]
            if entry.isdigit() and int(of_group) == group and state not in "ZX":
                return True
    return False


def _child_setup():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A program running in the foreground under us, with stdout and stderr together in `log`."""

    def __init__(self, argv, log, **popen):
        self.argv = argv
        self.log = log
        with open(log, "ab") as out:
            self._began = out.seek(0, os.SEEK_END)  # earlier ones may have written there
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=_child_setup, **popen)

    @property
    def pid(self):
        return self.child.pid

    def output(self):
        with open(self.log, "rb") as f:
            f.seek(self._began)
            return f.read().decode("utf-8", "replace")

    def wait_said(self, wanted, times=1):
        """Waits until `wanted`, a text or a compiled expression, stands in its output `times`
        times. A log line may come after what it tells of."""
        if isinstance(wanted, str):
            wanted = re.compile(re.escape(wanted))
        try:
            wait_until(lambda: len(wanted.findall(self.output())) >= times, wanted.pattern)
        except AssertionError as e:
            raise AssertionError(f"{e}; it said:\n{self.output()[-4000:]}") from None

    def wait_listening(self, *ports, ready=listening):
        """Waits until it accepts connections. When it does not, it is ended, and what it said is
        raised."""
        try:
            for port in ports:
                wait_until(lambda: ready(port) or self.child.poll() is not None,
                           f"{self.argv[0]} to listen on {port}")
        except BaseException as e:
            self.stop(group=True)
            if isinstance(e, AssertionError):
                raise AssertionError(f"{e}; it said:\n{self.output()}") from None
            raise
        if self.child.poll() is not None:
            raise AssertionError(f"{' '.join(self.argv)} ended with {self.child.returncode}:\n"
                                 f"{self.output()}")

    def signal(self, number):
        if self.child.poll() is None:
            self.child.send_signal(number)

    def wait(self, timeout=PATIENCE):
        """Its exit status, once it has ended."""
        return self.child.wait(timeout)

    def stop(self, timeout=PATIENCE, group=False):
        """Asks it (or its whole process group) to end, waits until it has (all of them have), and
        gives its exit status; kills the group when it does not."""
        if group and self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGTERM)
        self.signal(signal.SIGTERM)
        try:
            status = self.child.wait(timeout)
            if group:
                wait_until(lambda: not _lives_in(self.child.pid), "its children to end", timeout)
            return status
        except (subprocess.TimeoutExpired, AssertionError):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            raise AssertionError(f"{self.argv[0]} did not end {timeout:.0f} s after SIGTERM:\n"
                                 f"{self.output()}") from None
