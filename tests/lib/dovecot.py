"""A private Dovecot: IMAP, and POP3 where asked, on free loopback ports.

What one should know about it:
- It runs in the foreground (-F) as an ordinary user. As root it would refuse mail of uid 0 and
  want its own system users, so a test run as root starts it as nobody.
- Without root it can neither chroot nor change users: every service's `chroot` and `user` must be
  emptied, and the internal users be our own.
- It delays logins from an address with refused logins (anvil's penalty, up to 15 s). A gateway is
  one address, so this would slow every test down after the first wrong password: switched off.
- In a maildir, line ends may be LF or CRLF; over IMAP they are always CRLF. NUL octets arrive as
  0x80. RFC822.SIZE counts the CRLF form.
- It stores a size with the file name (S=, W=); without that it reads the file once.
"""

import grp
import os
import shutil

from tests.lib import secrecy
from tests.lib.process import Process, free_port, greets, own_tree, service_user


class Dovecot:
    """`users` maps a login to its password; each has the maildir `maildir(login)`.

    tls:    None for plain text only, else a certificates.Certificate: STARTTLS on `port`, TLS on
            `tls_port`.
    pop3:   also serve POP3 on `pop3_port`; with `tls`, STLS there and TLS on `pop3s_port`.
    extra:  more lines of dovecot.conf, at the end.
    """

    def __init__(self, directory, users, tls=None, pop3=False, extra=""):
        self.directory = directory
        self.users = users
        secrecy.keep_all(self.users.values())
        self.tls = tls
        self.pop3 = pop3
        self.extra = extra
        self.port = free_port()
        self.tls_port = free_port() if tls else None
        self.pop3_port = free_port() if pop3 else None
        self.pop3s_port = free_port() if pop3 and tls else None
        self.process = None
        self._user = service_user()
        for name in ("", "run", "state", "mail"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
            os.chmod(os.path.join(directory, name), 0o755)
            os.chown(os.path.join(directory, name), *self._user[:2])
        self.write_passwords()

    def maildir(self, login, folder=None):
        base = os.path.join(self.directory, "mail", login)
        return os.path.join(base, "." + folder) if folder else base

    def own(self, path):
        """Gives a file or tree that a test made to the user Dovecot runs as."""
        own_tree(path)

    def start(self):
        config = os.path.join(self.directory, "dovecot.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(self._config())
        options = {}
        if os.geteuid() == 0:
            options = {"user": self._user[0], "group": self._user[1], "extra_groups": []}
        program = shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
        self.process = Process([program, "-F", "-c", config],
                               os.path.join(self.directory, "dovecot.log"), **options)
        # It listens before its authentication is up, and greets after. Stopped in between, it
        # takes six seconds.
        self.process.wait_listening(*filter(None, (self.port, self.pop3_port)), ready=greets)
        return self

    def stop(self):
        if self.process:
            # All at once: the master alone waits one second, or six, for its logging process.
            self.process.stop(group=True)
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def write_passwords(self):
        path = os.path.join(self.directory, "passwd")
        with open(path, "w", encoding="utf-8") as f:
            for login, password in self.users.items():
                f.write(f"{login}:{{PLAIN}}{password}::::::\n")

    def _config(self):
        protocols = "imap pop3" if self.pop3 else "imap"
        return (_BASE.format(directory=self.directory, user=self._user[2], uid=self._user[0],
                             gid=self._user[1], protocols=protocols,
                             group=grp.getgrgid(self._user[1]).gr_name)
                + self._listeners() + self._tls() + self.extra + "\n")

    def _listeners(self):
        def listener(name, port):
            return f"  inet_listener {name} {{\n    address = 127.0.0.1\n    port = {port}\n  }}\n"
        return ("service imap-login {\n" + listener("imap", self.port)
                + listener("imaps", self.tls_port or 0)
                + "  chroot =\n  service_count = 0\n  client_limit = 1000\n}\n"
                + "service pop3-login {\n" + listener("pop3", self.pop3_port or 0)
                + listener("pop3s", self.pop3s_port or 0) + "  chroot =\n  service_count = 0\n}\n")

    def _tls(self):
        if not self.tls:
            return "ssl = no\n"
        return f"ssl = yes\nssl_cert = <{self.tls.cert}\nssl_key = <{self.tls.key}\n"


_BASE = """\
protocols = {protocols}
listen = 127.0.0.1
base_dir = {directory}/run
state_dir = {directory}/state
log_path = /dev/stderr
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{directory}/mail/%u
mail_max_userip_connections = 0
first_valid_uid = 1
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/mail/%u
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth-worker {{
  user =
}}
service stats {{
  chroot =
}}
"""
