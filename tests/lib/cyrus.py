"""A private Cyrus: IMAP, and POP3.

What one should know about it:
- It refuses to run as root; `cyrus_user` must name the user it runs as.
- It asks for passwords at the socket of saslauthd, which is answered here: four strings (login,
  password, service, realm), each behind its length in two octets; the reply is "OK" or "NO".
- Mailboxes are made at first login (autocreate), its store is its own: fill it by APPEND.
- It refuses what is no message to it: NUL octets (without BINARY), bare line feeds, an invalid or
  missing header. Those cases of the corpus cannot be stored at all.
- It knows nearly every extension: QRESYNC, ESEARCH, OBJECTID, COMPRESS=DEFLATE, MOVE.
- Errors go to syslog only.
"""

import contextlib
import os
import socket
import struct
import threading

from tests.lib import overlay, secrecy
from tests.lib.process import free_port, greets, own_tree, service_user


class Cyrus:
    name = "cyrus"

    def __init__(self, directory, users):
        self.directory = directory
        self.users = users
        secrecy.keep_all(self.users.values())
        self.port = free_port()
        self.pop3_port = free_port()
        self.process = None
        self._authority = None

    def start(self):
        for name in ("conf", "spool", "run", "sockets"):
            os.makedirs(os.path.join(self.directory, name), exist_ok=True)
        self._write("imapd.conf", _IMAPD)
        self._write("cyrus.conf", _MASTER)
        os.chmod(self.directory, 0o755)
        own_tree(self.directory)
        self._answer_passwords()
        self.process = overlay.start(
            self.name, os.path.join(self.directory, "run"),
            ["/usr/lib/cyrus/bin/master", "-D", "-C", self.directory + "/imapd.conf",
             "-M", self.directory + "/cyrus.conf", "-p", self.directory + "/master.pid"],
            os.path.join(self.directory, "cyrus.log"))
        self.process.wait_listening(self.port, self.pop3_port, ready=greets)
        return self

    def stop(self):
        if self.process:
            self.process.stop(group=True)
            self.process = None
        if self._authority:
            self._authority.close()
            self._authority = None

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as f:
            f.write(text.format(directory=self.directory, user=service_user()[2], port=self.port,
                                pop3_port=self.pop3_port))

    def _answer_passwords(self):
        path = os.path.join(self.directory, "sockets", "mux")
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
                    login, password, _, _ = (
                        stream.read(struct.unpack(">H", stream.read(2))[0]) for _ in range(4))
                    good = self.users.get(login.decode()) == password.decode()
                    answer = b"OK" if good else b"NO"
                    asker.sendall(struct.pack(">H", len(answer)) + answer)


_IMAPD = """\
configdirectory: {directory}/conf
defaultpartition: default
partition-default: {directory}/spool
cyrus_user: {user}
admins: admin
allowplaintext: yes
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {directory}/sockets/mux
sasl_mech_list: PLAIN LOGIN
unixhierarchysep: yes
altnamespace: no
virtdomains: off
autocreate_quota: 0
autocreate_users: anyone
lmtpsocket: {directory}/sockets/lmtp
idlesocket: {directory}/sockets/idle
notifysocket: {directory}/sockets/notify
"""

_MASTER = """\
START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {directory}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="/usr/lib/cyrus/bin/imapd -C {directory}/imapd.conf" listen="127.0.0.1:{port}" proto="tcp4" prefork=1 maxchild=50
  pop3 cmd="/usr/lib/cyrus/bin/pop3d -C {directory}/imapd.conf" listen="127.0.0.1:{pop3_port}" proto="tcp4" prefork=1 maxchild=50
}}
EVENTS {{
}}
"""
