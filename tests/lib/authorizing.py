"""`mailferry authorize`, and who sits before it: at a terminal, or at a pipe."""

import os
import pty
import re
import signal
import subprocess
import threading

from tests.lib import secrecy
from tests.lib.mailferry import binary, environment
from tests.lib.process import PATIENCE, wait_until


class Authorizing:
    """Runs mailferry with a pipe as its standard input; standard output and error come together in
    `text`."""

    def __init__(self, *args):
        self._child = subprocess.Popen(
            [binary(), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=self._environment())
        self._octets = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _environment(self):
        return environment()

    def _read(self):
        while piece := os.read(self._child.stdout.fileno(), 4096):
            self._octets += piece

    @property
    def text(self):
        return self._octets.decode("utf-8", "replace")

    def shown(self, pattern):
        """What the pattern's group is in that which is shown, once it is."""
        return wait_until(lambda: re.search(pattern, self.text) or self._ended(pattern),
                          f"{pattern} in:\n{self.text}").group(1)

    def _ended(self, pattern):
        if self._child.poll() is not None and not self._reader.is_alive():
            raise AssertionError(f"it ended without {pattern}:\n{self.text}")

    def say(self, line):
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()

    def interrupt(self):
        self._child.send_signal(signal.SIGINT)

    def end(self):
        """Its exit status."""
        status = self._child.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.close()
        self._look()
        return status

    def _look(self):
        """A device's password is shown once, to the person for whom it was made."""
        secrecy.check_text("what is shown", self.text)
        secrecy.keep_all(re.findall(r"\b[a-z0-9]{5}(?:-[a-z0-9]{5}){3}\b", self.text),
                         "a device's password")

    def close(self):
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._child.stdin.close()
        self._child.stdout.close()


class AtATerminal(Authorizing):
    """The same at a pseudo-terminal."""

    def __init__(self, *args):
        self._octets = b""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.execve(binary(), [binary(), *args], {**environment(), "LC_ALL": "C.UTF-8"})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        try:
            while piece := os.read(self._fd, 4096):
                self._octets += piece
        except OSError:  # so Linux says that the other side has gone
            pass

    def _ended(self, pattern):
        if not self._reader.is_alive():
            raise AssertionError(f"it ended without {pattern}:\n{self.text}")

    def say(self, line):
        os.write(self._fd, line.encode() + b"\n")

    def interrupt(self):
        os.write(self._fd, b"\x03")

    def end(self):
        self._reader.join(PATIENCE)
        _, status = os.waitpid(self._pid, 0)
        os.close(self._fd)
        self._pid = None
        self._look()
        return os.waitstatus_to_exitcode(status)

    def close(self):
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            self.end()
