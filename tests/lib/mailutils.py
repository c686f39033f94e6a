"""A private GNU mailutils imap4d over maildirs.

What one should know about it:
- Users come from a file per domain, passwd with crypt()ed passwords; INBOX is then the maildir
  INBOX in the user's home, whatever `mailbox-pattern` says.
- It announces a long list of mechanisms that it cannot do (AUTH=GSSAPI, SAML20 ...).
- It has neither UIDPLUS nor MOVE, its name space is flat, a LIST gives NIL as the delimiter.
- It ends the OK of AUTHENTICATE with a lone line feed.
- It complains that it cannot set the mail group when it does not run as root; this is harmless.
"""

import os
import subprocess

from tests.lib import overlay, secrecy
from tests.lib.process import free_port, greets, own_tree, service_user
from tests.lib.stores import Maildir


class Mailutils:
    name = "mailutils"

    def __init__(self, directory, users):
        self.directory = directory
        self.users = users
        secrecy.keep_all(self.users.values())
        self.port = free_port()
        self.process = None

    def store(self, login):
        return Maildir(os.path.join(self.directory, "home", login, "INBOX"))

    def start(self):
        for name in ("run", "passwords"):
            os.makedirs(os.path.join(self.directory, name), exist_ok=True)
        for login in self.users:
            self.store(login)
        self._write_passwords()
        config = os.path.join(self.directory, "imap4d.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(_CONFIG.format(directory=self.directory, port=self.port))
        os.chmod(self.directory, 0o755)
        own_tree(self.directory)
        self.process = overlay.start(
            self.name, os.path.join(self.directory, "run"), ["imap4d", "--config-file=" + config],
            os.path.join(self.directory, "imap4d.log"))
        self.process.wait_listening(self.port, ready=greets)
        return self

    def stop(self):
        if self.process:
            self.process.stop(group=True)
            self.process = None

    def _write_passwords(self):
        uid, gid, _ = service_user()
        for login, password in self.users.items():
            user, _, domain = login.partition("@")
            done = subprocess.run(["openssl", "passwd", "-5", "-stdin"], input=password, text=True,
                                  capture_output=True, check=True)
            path = os.path.join(self.directory, "passwords", domain)
            with open(path, "a", encoding="utf-8") as f:
                f.write(f"{user}:{done.stdout.strip()}:{uid}:{gid}:{user}:"
                        f"{self.directory}/home/{login}:/bin/sh\n")


_CONFIG = """\
mode daemon;
foreground yes;
max-children 60;
login-disabled no;
pidfile {directory}/imap4d.pid;
auth {{
  authentication generic:virtdomain;
  authorization virtdomain;
}};
virtdomain {{
  passwd-dir {directory}/passwords;
}};
mailbox {{
  mailbox-type maildir;
}};
logging {{
  syslog no;
}};
tcp-wrappers {{
  enable no;
}};
server 127.0.0.1:{port} {{
}};
"""
