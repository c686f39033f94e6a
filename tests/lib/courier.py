"""A private Courier over maildirs: IMAP, and POP3.

What one should know about it:
- couriertcpd accepts, imaplogin asks for the password, imapd serves; all configured by environment
  variables, whose defaults are in /etc/courier/imapd.
- Passwords are asked for at authdaemond's socket, which is answered here: a line TCPREMOTEIP=...,
  "AUTH n", then n octets: service, "login", login and password, a line each. The reply is the
  account's attributes and a line ".", or "FAIL". With USERNAME= it would look the user up in the
  machine's passwd; with UID= and GID= it does not.
- Its name space is "INBOX." throughout, with "." between the levels.
- It announces no UIDNEXT at SELECT, and neither LITERAL+ nor SASL-IR, MOVE or CONDSTORE.
- It numbers messages in the order in which it finds the files, and converts line ends to CRLF.
"""

import contextlib
import os
import socket
import threading

from tests.lib import overlay, secrecy
from tests.lib.process import free_port, greets, own_tree, service_user
from tests.lib.stores import Maildir

_CAPABILITIES = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES " \
    "SORT QUOTA IDLE"


class Courier:
    name = "courier"

    def __init__(self, directory, users):
        self.directory = directory
        self.users = users
        secrecy.keep_all(self.users.values())
        self.port = free_port()
        self.pop3_port = free_port()
        self.processes = []
        self._authority = None

    def store(self, login):
        return Maildir(os.path.join(self.directory, "mail", login, "Maildir"))

    def start(self):
        for login in self.users:
            self.store(login)
        sockets = os.path.join(self.directory, "run", "courier", "authdaemon")
        os.makedirs(sockets, exist_ok=True)
        os.chmod(self.directory, 0o755)
        own_tree(self.directory)
        self._answer_passwords(os.path.join(sockets, "socket"))
        self._serve("imap", self.port, ["/usr/lib/courier/courier/imaplogin", "/usr/bin/imapd"], {
            "IMAP_CAPABILITY": _CAPABILITIES, "IMAP_KEYWORDS": "1", "IMAP_ACL": "1",
            "IMAP_STARTTLS": "NO", "IMAP_IDLE_TIMEOUT": "60", "IMAP_EMPTYTRASH": "",
            "IMAP_MOVE_EXPUNGE_TO_TRASH": "0", "PROXY_HOSTNAME": "", "DEFDOMAIN": ""})
        self._serve("pop3", self.pop3_port, ["/usr/lib/courier/courier/courierpop3login",
                                             "/usr/lib/courier/courier/courierpop3d"],
                    {"POP3AUTH": "PLAIN LOGIN", "DEFDOMAIN": ""})
        return self

    def _serve(self, name, port, programs, environment):
        process = overlay.start(
            self.name, os.path.join(self.directory, "run"),
            ["couriertcpd", "-address=127.0.0.1", "-maxprocs=60", "-maxperip=60",
             "-nodnslookup", "-noidentlookup", str(port), *programs, "Maildir"],
            os.path.join(self.directory, name + ".log"), environment)
        self.processes.append(process)
        process.wait_listening(port, ready=greets)

    def stop(self):
        while self.processes:
            self.processes.pop().stop(group=True)
        if self._authority:
            self._authority.close()
            self._authority = None

    def _answer_passwords(self, path):
        self._authority = socket.socket(socket.AF_UNIX)
        self._authority.bind(path)
        os.chmod(path, 0o666)
        self._authority.listen()
        threading.Thread(target=self._serve_passwords, args=(self._authority,),
                         daemon=True).start()

    def _serve_passwords(self, listener):
        with contextlib.suppress(OSError):
            while True:
                asker, _ = listener.accept()
                with asker, asker.makefile("rb") as stream:
                    line = stream.readline()
                    while line and not line.startswith(b"AUTH "):
                        line = stream.readline()
                    question = stream.read(int(line.split()[1])).decode().splitlines()
                    asker.sendall(self._answer(*question[2:4]).encode())

    def _answer(self, login, password):
        if self.users.get(login) != password:
            return "FAIL\n"
        uid, gid, _ = service_user()
        home = os.path.join(self.directory, "mail", login)
        return (f"UID={uid}\nGID={gid}\nHOME={home}\nADDRESS={login}\n"
                f"MAILDIR={home}/Maildir\n.\n")
