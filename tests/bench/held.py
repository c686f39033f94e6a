"""Sessions that are logged in and then wait: each kind is begun, woken by a command each, and ended."""

import asyncio
import json
import select
import subprocess
import time

from tests.bench import servers


class Pop3Sessions:
    """By the generator (tests/bench/load.c); `argv` is its command line."""

    def __init__(self, argv):
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _heard(self):
        """Its next line; waits for it no longer than `PATIENCE`."""
        ready, _, _ = select.select([self._process.stdout], [], [], servers.PATIENCE)
        line = ready and self._process.stdout.readline()
        if not line:
            self._process.kill()
            raise servers.Failed("the sessions could not be held")
        return json.loads(line)

    def begun(self):
        return self._heard()

    def woken(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._heard()["seconds"]


class ImapSessions:
    """Each of the user USER0, USER1, ..., with its INBOX selected, and IDLE said by every second
    one."""

    def __init__(self, port, user, password, sessions, window):
        self._port, self._user, self._password = port, user, password
        self._count = sessions
        self._window = window
        self._sessions = []
        self._runner = asyncio.Runner()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._runner.run(self._close())
        self._runner.close()

    def begun(self):
        began = time.monotonic()
        self._run(self._open())
        return {"seconds": time.monotonic() - began, "sessions": self._count}

    def woken(self):
        began = time.monotonic()
        self._run(self._wake())
        return time.monotonic() - began

    def _run(self, what):
        try:
            self._runner.run(asyncio.wait_for(what, servers.PATIENCE))
        except (OSError, EOFError, TimeoutError) as e:
            raise servers.Failed("the sessions could not be held") from e

    async def _open(self):
        window = asyncio.Semaphore(self._window)

        async def one(number):
            async with window:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self._sessions.append((number, reader, writer))
                await reader.readuntil(b"\r\n")
                await _ask(reader, writer, f"LOGIN {self._user}{number} {self._password}")
                await _ask(reader, writer, "SELECT INBOX")
                if number % 2:
                    writer.write(b"i IDLE\r\n")
                    await _answer(reader, b"+")

        await asyncio.gather(*map(one, range(self._count)))

    async def _wake(self):
        window = asyncio.Semaphore(self._window)

        async def one(number, reader, writer):
            async with window:
                if number % 2:
                    writer.write(b"DONE\r\n")
                    await _answer(reader, b"i OK")
                else:
                    await _ask(reader, writer, "NOOP")

        await asyncio.gather(*(one(*session) for session in self._sessions))

    async def _close(self):
        for _, _, writer in self._sessions:
            writer.close()


async def _ask(reader, writer, command):
    writer.write(f"a {command}\r\n".encode())
    await _answer(reader, b"a OK")


async def _answer(reader, wanted):
    """Reads what is told unasked, up to the line that begins with `wanted`."""
    while not (line := await reader.readuntil(b"\r\n")).startswith(wanted):
        if not line.startswith(b"*"):
            raise servers.Failed(f"the session was answered {line!r}")
