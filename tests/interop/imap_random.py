"""Random IMAP commands from several sessions against a model, while messages come and go upstream,
the maildrop is locked, silent or away, and mailferry is killed (-9) in between, also in the middle of
a command and at each step of a deletion.

Anything answered OK must be there afterwards, a UID must mean the same message for ever, every
session must be told what the others did, nothing is told to be gone that the maildrop still has, and
in the end the maildrop holds what some folder still has.

RANDOM_SEED replays a run, RANDOM_COMMANDS says how many commands all tests together have.
"""

import os

from tests.lib.random_trouble import RandomTrouble

COMMANDS = 4000
KILL_EVERY = 100
TROUBLE_EVERY = 1000  # of the kinds after which mailferry waits some seconds before it tries again


class Random(RandomTrouble):
    def step(self):
        session = self.pick.choice(self.sessions)
        act, = self.pick.choices(
            (self.run_change, self.select, self.noop, self.fetch, self.search, self.status,
             self.names, self.close, self.append_cut, self.store_unchanged, self.changed_since,
             self.idle, self.race, self.live_change),
            (60, 6, 4, 14, 9, 6, 2, 2, 0.5, 2, 2, 3, 5, 1.5))
        act(session)

    def trouble(self):
        self.pick.choice((self.cut, self.cut_fetch, self.outage, self.silence,
                          self.full_disk))(None)

    def play(self, share):
        seed = self.seed()
        commands = int(int(os.environ.get("RANDOM_COMMANDS") or COMMANDS) * share)
        print(f"RANDOM_SEED={seed}: {commands} commands", flush=True)
        self.begin(f"{seed} {self.id()}")
        try:
            for number in range(1, commands + 1):
                self.step()
                if number % KILL_EVERY == 0:
                    self.restart()
                if number % TROUBLE_EVERY == TROUBLE_EVERY // 3:
                    self.trouble()
            self.check_all()
            self.check_disk()
        except BaseException:
            self.tell()
            raise
        finally:
            print("\n".join(f"{n:6} {' '.join(what)}" for what, n in sorted(self.hits.items())),
                  flush=True)

    def test_commands(self):
        self.play(0.55)

    def test_unlisted_stays(self):
        self.stays = True
        self.play(0.15)

    def test_archive(self):
        self.archive = True
        self.play(0.15)

    def test_without_uidl(self):
        self.has_uidl = False
        self.play(0.15)
