"""What befalls the random test's account from outside: other POP3 clients, outages of the maildrop,
connections that are cut, a full disk, and the end of mailferry at any moment."""

import collections
import glob
import json
import resource
import signal
import threading
import time

from tests.lib.mailferry import run
from tests.lib.pop3 import Pop3, Refused
from tests.lib.process import wait_until
from tests.lib.random_looks import RandomLooks
from tests.lib.scene import PASSWORD, USER

# Where a deletion upstream is interrupted: the verb, and the moment of it (fakepop3.py); and where a
# message that is fetched.
IN_DELETION = (("PASS", "told"), ("LIST", "half"), ("UIDL", "told"), ("DELE", "asked"),
               ("DELE", "done"), ("DELE", "told"), ("QUIT", "asked"), ("QUIT", "done"),
               ("QUIT", "told"))
IN_FETCH = (("RETR", "asked"), ("RETR", "half"), ("RETR", "told"))


class RandomTrouble(RandomLooks):
    def begin(self, seed):
        self.hits = collections.Counter()  # what was tried, and whether it came to it
        super().begin(seed)

    # ---- the maildrop, as others change it ----------------------------------------------------

    def deliver(self):
        inbox = self.model.tree["INBOX"]
        bodies = [self.body() for _ in range(self.pick.randrange(1, 6))]
        if self.pick.random() < 0.3:
            bodies.append(bodies[0])  # twice the very same message
        for body in bodies:
            inbox.add(body, self.drop.deliver(body))
        self.trace.append(f"delivered {len(bodies)}")

    def to_vanish(self):
        """Messages that may vanish: few enough to be believed at once; not known by their octets
        alone, which others have too; where they stay here, only what was read."""
        there = self.model.listed()
        if len(there) < 10:
            return []
        if not self.has_uidl:
            copies = collections.Counter(self.drop.bodies())
            there = {uidl: body for uidl, body in there.items() if copies[body] == 1}
        if self.stays or self.archive:
            there = {uidl: body for uidl, body in there.items() if uidl in self.readable}
        return self.pick.sample(sorted(there), min(len(there), 2))

    def vanish(self, take_away):
        uidls = self.to_vanish()
        self.trace.append(f"vanished: {uidls}")
        take_away(uidls)
        if self.stays or self.archive:
            self.model.unlisted |= set(uidls)
        else:
            self.model.vanish(set(uidls))

    def by_client(self, uidls):
        """As another POP3 client deletes."""
        with self.other_client() as client:
            numbers = {uidl: number for number, uidl in enumerate(
                (uidl for uidl, _ in self.drop.listing()), 1)}
            client.dele(*(numbers[uidl] for uidl in uidls))
            client.quit()

    def other_client(self):
        """A POP3 client that has the maildrop, once mailferry lets go of it."""
        def logged_in():
            client = Pop3(self.drop.port)
            try:
                return client.login(USER, PASSWORD)
            except Refused:
                client.close()
        return wait_until(logged_in, "the maildrop to be let go of")

    def come_back(self):
        """What was not listed for a while is listed again."""
        there = self.model.upstream()
        back = [uidl for uidl in sorted(self.model.unlisted) if self.pick.random() < 0.3]
        for uidl in back:
            self.model.unlisted.discard(uidl)
            if uidl in there:  # else it would be deleted, which is tried by unit tests
                self.drop.replace(uidl, there[uidl])

    def change_upstream(self):
        if self.pick.random() < 0.5:  # first: what is delivered now was not seen yet, and has no UID
            self.vanish(self.pick.choice((self.drop.delete, self.by_client)))
        if self.pick.random() < 0.3:
            self.come_back()
        self.deliver()

    def live_change(self, _):
        self.change_upstream()
        self.await_news()

    # ---- a deletion that is interrupted -------------------------------------------------------

    def doomed(self):
        """A session, in a folder with messages that are to be deleted upstream, and that Change."""
        references = collections.Counter(
            m.uidl for f in self.model.folders.values() for m in f.messages.values())
        last = {uidl for uidl in self.model.listed() if references[uidl] == 1}
        names = [name for name, folder in self.model.folders.items()
                 if any(m.uidl in last for m in folder.messages.values())]
        if not names:
            self.deliver()
            self.await_news()
            return self.doomed()
        session = self.pick.choice(self.sessions)
        session.select(self.pick.choice(names))
        self.check(session)
        messages = self.model.folders[session.folder].messages
        uids = [uid for uid, m in messages.items() if m.uidl in last]
        uids = sorted(self.pick.sample(uids, min(len(uids), 3)))
        self.give(session, self.store_of(session, uids, "+", {"\\Deleted"}))
        change = self.expunge(session)
        while not change or not change.command.startswith("EXPUNGE"):
            change = self.expunge(session)
        return session, change

    def meddle(self, how, moments, act):
        """At the moment that was tried least so far `act` is done, once."""
        wanted = min(moments, key=lambda moment: self.hits[(how, *moment)])
        met = threading.Event()

        def at(verb, moment):
            if (verb, moment) != wanted or met.is_set():
                return False
            met.set()
            self.hits[(how, verb, moment)] += 1
            return act()
        self.trace.append(f"{how} at {wanted}")
        self.drop.meddle = at

    def kill_in_deletion(self):
        """kill -9 while a deletion is carried out; the Change that is to be finished."""
        session, change = self.doomed()
        process = self.gate.process
        delay = self.pick.random() * 0.003

        def kill():
            time.sleep(delay)  # any moment will do: there is nothing to await
            process.signal(signal.SIGKILL)
            return False
        self.meddle("killed", IN_DELETION, kill)
        session.send(change.command)
        try:
            session.finish()
        except (ConnectionError, TimeoutError):
            pass
        self.drop.meddle = None
        return change

    def cut(self, _):
        """The connection to the maildrop ends while a deletion is carried out."""
        session, change = self.doomed()
        self.meddle("cut", IN_DELETION, lambda: True)
        self.give(session, change)
        self.drop.meddle = None

    def cut_fetch(self, _):
        """The connection to the maildrop ends while a message is fetched: it is fetched again."""
        self.deliver()
        self.await_news()
        session = self.pick.choice(self.sessions)
        session.select("INBOX")
        self.meddle("cut", IN_FETCH, lambda: True)
        bodies = session.bodies()
        for uid, message in self.model.folders["INBOX"].messages.items():
            if not self.has_lost(message, bodies[uid][0]):
                self.assertEqual(message.body, bodies[uid][0])
        self.drop.meddle = None

    def silence(self, _):
        """The maildrop carries something out and never answers."""
        session, change = self.doomed()
        go_on = threading.Event()
        self.meddle("silent", IN_DELETION, lambda: go_on.wait(30) or True)
        self.give(session, change)
        self.drop.meddle = None
        go_on.set()

    # ---- outages ------------------------------------------------------------------------------

    def outage(self, _):
        """The maildrop is locked or away while something is expunged: it is there for all until it
        was deleted."""
        session, change = self.doomed()
        locked = self.pick.random() < 0.5
        self.hits[("locked" if locked else "down",)] += 1
        self.trace.append(f"{'locked' if locked else 'down'}: {change.command}")
        client = self.other_client() if locked else None
        if not locked:
            self.drop.go_down()
        session.send(change.command)
        answer = session.finish()
        self.assertEqual("OK", answer.status, answer.text)
        there = self.model.listed()
        self.check_still_there(session, change, there)
        if client:
            client.quit()
            client.close()
        else:
            self.drop.come_up()
        change.apply(self.model)
        self.await_news()
        wait_until(lambda: self.is_expunged(session), "what was expunged to be gone")

    def check_still_there(self, session, change, there):
        """A message is told to be gone only when it is; one of its copies, when all are expunged."""
        after = self.model.copy()
        change.apply(after)
        waiting = set(there) - set(after.upstream())
        self.ok(session, "CHECK")
        session.learn()
        messages = self.model.folders[session.folder].messages
        self.assertEqual(waiting, {messages[uid].uidl for uid in session.uids} & waiting)
        self.assertEqual(sorted(after.folders[session.folder].messages),
                         [uid for uid in session.uids if messages[uid].uidl not in waiting])

    def full_disk(self, _):
        """What cannot be written is not done, and is said so."""
        session = self.ready(self.sessions[0])
        if session.read_only:
            return
        change = self.append(session)
        if not change:
            return
        self.hits[("disk full",)] += 1
        self.trace.append("disk full")
        limits = resource.prlimit(self.gate.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.gate.process.pid, resource.RLIMIT_FSIZE, (16, limits[1]))
        try:
            answer = session.command(change.command, change.literal)
        finally:
            resource.prlimit(self.gate.process.pid, resource.RLIMIT_FSIZE, limits)
        self.assertEqual("NO", answer.status, answer.text)
        self.model = self.compare(self.model)

    # ---- the end of mailferry -----------------------------------------------------------------

    def interrupt(self):
        """kill -9 in the middle of a command; the Change that it was."""
        session = self.ready(self.pick.choice(self.sessions))
        change = self.change(session)
        if not change or (change.writes and session.read_only):
            return None
        self.trace.append(f"interrupted: {change.command}")
        session.send(change.command, change.literal)
        time.sleep(self.pick.random() * 0.004)  # any moment will do: there is nothing to await
        return change

    def restart(self):
        how, = self.pick.choices(("interrupted", "in a deletion", "upstream", "SIGTERM"),
                                 (30, 45, 15, 10))
        self.hits[("restart", how)] += 1
        change = None
        if how == "interrupted":
            change = self.interrupt()
        elif how == "in a deletion":
            change = self.kill_in_deletion()
        if how == "SIGTERM":
            self.gate.stop()
        else:
            self.gate.kill()
        self.disconnect()
        if how == "upstream":
            self.change_upstream()
        self.gate.start()
        self.connect_all()
        if how == "upstream":
            self.await_news()
        self.account_for(change)
        self.check_all()

    def account_for(self, change):
        """An interrupted command was done or not; one that is done in steps is given once more."""
        models = [self.model]
        if change:
            after = self.model.copy()
            change.apply(after)
            models = [after] if change.again else [self.model, after]
        if change and change.again:
            self.finish(change)
        self.model = self.compare(*models)

    def finish(self, change):
        session = self.connect()
        session.select(change.folder)
        answer = session.command(change.again)
        self.assertIn(answer.status, ("OK", "NO"), answer.text)
        after = self.model.copy()
        change.apply(after)

        def is_done():
            session.command("NOOP")
            session.learn()
            return session.uids == sorted(after.folders[change.folder].messages)
        wait_until(is_done, "an interrupted command to be done")
        session.close()

    def check_disk(self):
        """The state is whole when nobody writes it: records without a gap behind a snapshot, if there
        is one; and what is read from it anew is what there was."""
        self.gate.stop()
        self.disconnect()
        modseq = 0
        for path in sorted(glob.glob(f"{self.gate.state_dir}/accounts/*/snapshot-*.json")):
            with open(path, encoding="utf-8") as f:
                modseq = json.load(f)["modseq"]
        journal, = glob.glob(f"{self.gate.state_dir}/accounts/*/journal-*.jsonl")
        with open(journal, encoding="utf-8") as f:
            records = [json.loads(line) for line in f][1:]  # the first line is a heading
        self.assertEqual(list(range(modseq + 1, modseq + 1 + len(records))),
                         [record["modseq"] for record in records])
        verified = run("state", "verify", "--state-dir", self.gate.state_dir)
        self.assertEqual(0, verified.returncode, verified.stdout + verified.stderr)
        self.gate.start()
        self.connect_all()
        self.check_all()
