"""The program under test, named by the environment variable MAILFERRY (CTest sets it)."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess

from tests.lib import secrecy
from tests.lib.process import PATIENCE, Process, free_port

_REPORTS = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|Assertion .* failed)")


def binary():
    path = os.environ.get("MAILFERRY", os.path.join("build", "mailferry"))
    if not os.access(path, os.X_OK):
        raise AssertionError(f"no mailferry at {path}: set MAILFERRY")
    return os.path.abspath(path)


def sanitized():
    """True when the binary was built with AddressSanitizer: sizes and times mean nothing then."""
    with open(binary(), "rb") as f:
        return b"__asan_init" in f.read()


def environment():
    """Leaks and undefined behaviour must be seen, and must not be mistaken for a clean exit."""
    return {**os.environ,
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=98"}


def run(*args, timeout=PATIENCE):
    """Runs mailferry to its end: for commands that do end."""
    done = subprocess.run([binary(), *args], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, env=environment(), check=False)
    if _REPORTS.search(done.stderr):
        raise AssertionError(done.stderr)
    secrecy.check_text(" ".join(args[:2]), done.stdout + done.stderr)
    return done


class Mailferry:
    """mailferry in front of `upstream` (a URL), with a POP3 listener on `port`.

    listener:   URL scheme of the listener, "pop3" or "pop3s"
    tls:        a certificates.Certificate for the listener
    pop3:       the route's POP3 choices (configuration key routes[].pop3)
    route:      further keys of the route
    config:     further keys of the configuration, merged over what is made here. Sessions get two
                seconds to end by themselves at SIGTERM, so that a forgotten one costs no more.
    arguments:  if given, the whole of the command line behind `serve`, and no configuration
    under:      the command line of what runs it, as valgrind's
    """

    def __init__(self, directory, upstream=None, listener="pop3", tls=None, pop3=None, route=None,
                 config=None, arguments=None, port=None, workers=2, under=()):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.state_dir = os.path.join(directory, "state")
        self.log = os.path.join(directory, "mailferry.log")
        self.port = port or free_port()
        self.process = None
        secrecy.watch(self.log)
        secrecy.watch(self.state_dir)
        self._last_process = None
        self._arguments = arguments
        self._under = under
        self.config = {
            "listeners": [{"url": f"{listener}://127.0.0.1:{self.port}"}],
            "state": {"dir": self.state_dir},
            "log": {"format": "text", "level": "debug"},
            "workers": workers,
            "limits": {"drain_seconds": 2},
            "routes": [{"upstream": upstream, **(route or {})}],
        }
        if pop3:
            self.config["routes"][0]["pop3"] = pop3
        if tls:
            self.config["tls"] = {"certificate": tls.cert, "key": tls.key}
        for key, value in (config or {}).items():
            merge = isinstance(value, dict) and isinstance(self.config.get(key), dict)
            self.config[key] = {**self.config[key], **value} if merge else value

    @property
    def config_file(self):
        return os.path.join(self.directory, "mailferry.json")

    def write_config(self):
        with open(self.config_file, "w", encoding="utf-8") as f:
            json.dump(self.config, f, indent=2)

    def command_line(self):
        if self._arguments is not None:
            return [*self._under, binary(), "serve", *self._arguments]
        self.write_config()
        return [*self._under, binary(), "serve", "-c", self.config_file]

    def start(self):
        self.process = Process(self.command_line(), self.log, env=environment())
        self._last_process = self.process
        self.process.wait_listening(self.port)
        return self

    def stop(self):
        """SIGTERM; it must drain, exit 0, and have nothing to report."""
        if self.process is None:
            return
        health = self.health()
        process, self.process = self.process, None
        status = process.stop()
        secrecy.check_text("health", health)
        self.check_reports(process)
        if status != 0:
            raise AssertionError(f"mailferry exited with {status}:\n{process.output()[-4000:]}")

    def kill(self):
        """kill -9: no draining, no last write."""
        process, self.process = self.process, None
        process.signal(signal.SIGKILL)
        process.wait()
        self.check_reports(process)

    def restart(self):
        self.stop()
        return self.start()

    @staticmethod
    def check_reports(process):
        text = process.output()
        found = _REPORTS.search(text)
        if found:
            raise AssertionError("\n" + text[max(0, found.start() - 200):][:8000])

    def output(self):
        with contextlib.suppress(FileNotFoundError), \
                open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()
        return ""

    def wait_said(self, wanted, times=1):
        """Waits until its last process, running or not, has said `wanted`: see Process.wait_said."""
        self._last_process.wait_said(wanted, times)

    def health(self):
        """What it says of its health; "" when it does not answer any more."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(os.path.join(self.state_dir, "admin.sock"))
            return s.makefile("rb").read().decode("utf-8", "replace")
        return ""

    def rss(self):
        """Octets of memory resident now."""
        return self._status("VmRSS")

    def peak_rss(self):
        """The most octets that were ever resident."""
        return self._status("VmHWM")

    def reset_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")

    def _status(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
        raise AssertionError(f"no {name} of process {self.process.pid}")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process:
            # The test's own failure is what should be seen.
            with contextlib.suppress(AssertionError):
                self.stop()
