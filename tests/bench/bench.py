"""The servers of the benchmark and their mail, for as long as it runs."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import time

from tests.bench import mail, servers
from tests.bench.held import ImapSessions, Pop3Sessions
from tests.bench.nginx import Nginx
from tests.bench.pop3_cases import BIG, FEW, FEW_READER, LISTS, READER
from tests.lib.certificates import Authority

DELAY_MS = 20
LARGE = 100_000_000
REST = 12  # seconds; mailferry looks after its memory every 10
POLLERS = [f"poll{n}" for n in range(500)]


def _stores(needed):
    """{user: messages} of what the cases read."""
    made = {f"list-{count.replace(',', '')}":
            {user: mail.listed(int(count.replace(",", "")))}
            for count, user in LISTS.items()}
    made["retr"] = {READER: map(mail.realistic, range(2_000)),
                    FEW_READER: map(mail.realistic, range(FEW))}
    made["large"] = {BIG: (mail.large(LARGE) for _ in range(1))}
    made["poll"] = {user: mail.listed(3) for user in POLLERS}
    return {user: messages for name in needed
            for user, messages in made["poll" if name == "idle" else name].items()}


# What a store takes on the disk; of those that are listed each message has its name.
_ROOM = {"retr": 100e6, "large": 105e6, "poll": 20e6, "idle": 20e6}
_FOR_EACH = 500
_FOR_GATEWAYS = 1e9  # bodies of a gateway, and the whole message that imapc keeps


def _room(stores):
    """Octets of the disk that cases with these stores need."""
    return _FOR_GATEWAYS + sum(_ROOM.get(name) or _FOR_EACH * int(name.removeprefix("list-"))
                               for name in stores)


def _stores_of(cases):
    """The names of the stores that the cases read."""
    return {name for case in cases
            for name in ([case.store] if isinstance(case.store, str) else case.store) if name}


class Bench:
    """What a case asks for is stopped behind it."""

    def __init__(self, directory, programs, with_dovecot):
        self.directory = directory
        self.programs = programs
        self.with_dovecot = with_dovecot
        self._servers = contextlib.ExitStack()
        self._of_case = contextlib.ExitStack()
        self.authority = Authority(os.path.join(directory, "ca"))
        self.certificate = self.authority.issue("server")
        self.users = [*LISTS.values(), READER, FEW_READER, BIG, *POLLERS]
        self.upstream = servers.upstream(os.path.join(directory, "upstream"), self.users,
                                         tls=self.certificate)

    def start(self, cases):
        """Makes the mail that the cases read, where there is room for it."""
        stores = _stores_of(cases)
        self._look_for_room(_room(stores))
        for user, messages in _stores(stores).items():
            mail.fill(self.upstream.maildir(user), messages)
        self.upstream.own(os.path.join(self.upstream.directory, "mail"))
        self._servers.callback(self.upstream.stop)
        self.upstream.start()

    def _look_for_room(self, needed):
        free = shutil.disk_usage(self.directory).free
        if free < needed:
            raise SystemExit(
                f"{os.path.dirname(self.directory)} has {free / 1e9:.1f} GB of room, these cases "
                f"need {needed / 1e9:.1f}: name another by TMPDIR, or take fewer (--case)")

    def stop_case(self):
        """All but the upstream, whichever of them fails at it."""
        self._of_case.close()

    def stop(self):
        with self._servers, self._of_case:
            pass

    def add(self, made):
        self._of_case.callback(made.stop)
        return made

    # ---- the ways, in front of the upstream or of another `port`

    def _path(self, name):
        """A directory that no case before has had."""
        number = len(os.listdir(self.directory))
        return os.path.join(self.directory, f"{number}-{re.sub(r'[^a-z0-9]+', '-', name.lower())}")

    def straight(self, tls=False, port=None, protocol="pop3"):
        own = self.port_of(protocol, tls)
        return servers.Straight(self.upstream.process, port or own, tls)

    def gateway(self, name, port=None, tls=False, warm=True, protocol="pop3", imap=None,
                counted=False):
        return self.add(servers.Gateway(
            self._path(name), port or self._other_port(protocol, tls),
            tls=self.certificate if tls else None, cafile=self.authority.cert, warm=warm,
            protocol=protocol, imap=imap, counted=counted))

    def dovecot(self, name, port=None, tls=False, protocol="pop3"):
        return self.add(servers.DovecotGateway(
            self._path(name),
            port or self._other_port(protocol, tls and protocol == "pop3"), self.users,
            tls=self.certificate if tls else None, protocol=protocol))

    def imapc(self, name, port=None, tls=False):
        return self.dovecot(name, port, tls)

    def nginx(self, name):
        return self.add(Nginx(self._path(name), self.upstream.pop3_port))

    def light(self, messages, octets, tls=False, protocol="imap"):
        return self.add(servers.Light(self.programs["light"], messages, octets, protocol=protocol,
                                      tls=self.certificate if tls else None))

    def line(self, target):
        return self.add(servers.SlowLine(self.programs["delay"], target, DELAY_MS))

    def port_of(self, protocol, tls=False):
        """The upstream's own."""
        if protocol == "pop3":
            return self.upstream.pop3s_port if tls else self.upstream.pop3_port
        return self.upstream.tls_port if tls else self.upstream.port

    def _other_port(self, protocol, tls):
        return self.port_of("imap" if protocol == "pop3" else "pop3", tls)

    # ---- the generator

    def load(self, script, way, user, **options):
        try:
            done = subprocess.run(self._command(script, way, user, options), capture_output=True,
                                  text=True, check=False, timeout=servers.PATIENCE)
        except subprocess.TimeoutExpired as e:
            raise servers.Failed(f"{script} took more than {servers.PATIENCE} s") from e
        if done.returncode:
            raise servers.Failed(done.stderr.strip())
        return json.loads(done.stdout)

    @staticmethod
    def _rested(ways):
        """The memory of processes that have had the time to give back what they do not need."""
        if ways[0].name == "mailferry":
            time.sleep(REST)
        return servers.settle(lambda: sum(servers.memory(way.process) for way in ways))

    def hold(self, way, user, wake=False, **options):
        """Octets of memory for each session that is held; with `wake`, also how long it takes until
        each has said a command and is answered. Of several gateways each has its part of them."""
        ways = getattr(way, "parts", [way])
        options = {**options, "sessions": options["sessions"] // len(ways)}
        before = self._rested(ways)
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(self._holder(one, user, options)) for one in ways]
            found = [one.begun() for one in held][0]
            grown = self._rested(ways) - before
            if wake:
                found["answered_seconds"] = max(one.woken() for one in held)
        return {**found, "octets_per_session": grown / options["sessions"] / len(ways)}

    def _holder(self, way, user, options):
        if getattr(way, "protocol", "pop3") == "imap":
            return ImapSessions(way.port, user, servers.PASSWORD, **options)
        return Pop3Sessions(self._command("hold", way, user, {"users": 1, **options}))

    def _command(self, script, way, user, options):
        if way.tls:
            options = {**options, "tls": 1}
        return [self.programs["load"], script, str(way.port), user, servers.PASSWORD,
                *(f"{key}={value}" for key, value in options.items())]
