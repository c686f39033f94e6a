"""How long it takes until a guess is refused, whoever it is about (CASES A4):

    MAILFERRY=build/mailferry VAULT_MAKE=build/tests/vault_make python3 -m tests.bench.timing [ROUNDS]

Prints the median and the quartiles of each, in ms; nothing is asserted of them. What must be the
same is the work, which tests/interop/guesses.py and tests/unit/test_gatekeeper.c look at.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from tests.lib.fakeimap import FakeImap
from tests.lib.imap_raw import RawImap
from tests.lib.mailferry import Mailferry
from tests.lib.pop3 import Pop3, Refused
from tests.lib.process import PATIENCE
from tests.lib.scripted_pop3 import ScriptedPop3

PASSWORD = "s3cret-Passw0rd"
HAS_VAULT = "one who has a vault"
WHO = {"a wrong password": "ann@example.com", HAS_VAULT: "devices@example.com",
       "nobody of that name": "nobody@example.com", "no route": "eve@elsewhere.example"}
USERS = {user: PASSWORD for user in list(WHO.values())[:2]}


def refuse_pop3(port, user):
    with Pop3(port) as client:
        client.command(f"USER {user}")
        began = time.monotonic()
        try:
            client.command("PASS wr0ng-guess")
        except Refused:
            return time.monotonic() - began
    raise AssertionError("the guess was right")


def refuse_imap(port, user):
    client = RawImap(port)
    try:
        began = time.monotonic()
        if client.command(f'LOGIN "{user}" wr0ng-guess').status == "NO":
            return time.monotonic() - began
    finally:
        client.close()
    raise AssertionError("the guess was right")


def measure(directory, server, scheme, listener, refuse, vault, rounds):
    """Seconds of each round, by who it was."""
    gateway = Mailferry(os.path.join(directory, listener + str(vault)),
                        f"{scheme}://127.0.0.1:{server.port}", listener=listener,
                        route={"match": "*@example.com"}, config={"log": {"level": "error"}, "limits": {"login_refusals": 0}})
    who = {name: user for name, user in WHO.items() if vault or name != HAS_VAULT}
    took = {name: [] for name in who}
    with gateway:
        if vault:
            subprocess.run([os.environ["VAULT_MAKE"], gateway.state_dir, WHO[HAS_VAULT],
                            "printer", "a-device's-0wn", "pop3 imap",
                            json.dumps({"password": PASSWORD})], check=True, timeout=PATIENCE)
        for _ in range(rounds):
            for name, user in who.items():
                took[name].append(refuse(gateway.port, user))
    return took


def show(title, took):
    print(f"\n{title}, ms to the refusal\n")
    print(f"{'':24}{'median':>9}{'quartiles':>20}")
    for name, seconds in took.items():
        low, middle, high = (1000 * q for q in statistics.quantiles(seconds, n=4))
        print(f"{name:24}{middle:9.1f}{low:10.1f} .. {high:.1f}")


def main(rounds=40):
    with tempfile.TemporaryDirectory() as directory:
        imap = FakeImap([], users=USERS)
        imap.start()
        pop3 = ScriptedPop3([], USERS).start()
        try:
            for vault in (False, True):
                title = "somebody has a vault" if vault else "nobody has a vault"
                for args in ((imap, "imap", "pop3", refuse_pop3), (pop3, "pop3", "imap", refuse_imap)):
                    show(f"{args[2].upper()} clients, {title}",
                         measure(directory, *args, vault, rounds))
        finally:
            imap.stop()
            pop3.stop()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
