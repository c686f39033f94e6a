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
- SCRAM needs to know the passwords themselves: they are in Cyrus SASL's own database then, into which
  they are put by its library.
"""

import contextlib
import ctypes
import os
import socket
import struct
import threading

from tests.lib import overlay, secrecy
from tests.lib.process import free_port, greets, own_tree, service_user


class Cyrus:
    """tls:      None, else a certificates.Certificate: STARTTLS, STLS
    scram:    SCRAM too, with channel binding under TLS
    versions: of TLS, as it calls them
    """

    name = "cyrus"

    def __init__(self, directory, users, tls=None, scram=False, versions="tls1_2 tls1_3"):
        self.directory = directory
        self.users = users
        self.tls = tls
        self.scram = scram
        self.versions = versions
        secrecy.keep_all(self.users.values())
        self.port = free_port()
        self.pop3_port = free_port()
        self.process = None
        self._authority = None

    def start(self):
        for name in ("conf", "spool", "run", "sockets"):
            os.makedirs(os.path.join(self.directory, name), exist_ok=True)
        self._write("imapd.conf", _IMAPD + (_SCRAM if self.scram else _SASLAUTHD)
                    + (_TLS.format(tls=self.tls, versions=self.versions) if self.tls else ""))
        self._write("cyrus.conf", _MASTER)
        os.chmod(self.directory, 0o755)
        if self.scram:
            self._keep_passwords()
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

    def _keep_passwords(self):
        self._write("keep.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                    "sasldb_path: {directory}/sasldb\n")
        os.environ["SASL_CONF_PATH"] = self.directory
        library = ctypes.CDLL("libsasl2.so.2")
        connection = ctypes.c_void_p()
        done = [library.sasl_server_init(None, b"keep"),
                library.sasl_server_new(b"imap", b"localhost", None, None, None, None, 0,
                                        ctypes.byref(connection))]
        for login, password in self.users.items():
            done.append(library.sasl_setpass(connection, login.encode(), password.encode(),
                                             len(password.encode()), None, 0, 1))
        library.sasl_dispose(ctypes.byref(connection))
        library.sasl_done()
        if any(done):
            raise AssertionError(f"Cyrus SASL keeps no passwords: {done}")

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
unixhierarchysep: yes
altnamespace: no
virtdomains: off
autocreate_quota: 0
autocreate_users: anyone
lmtpsocket: {directory}/sockets/lmtp
idlesocket: {directory}/sockets/idle
notifysocket: {directory}/sockets/notify
"""

_SASLAUTHD = """\
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {directory}/sockets/mux
sasl_mech_list: PLAIN LOGIN
"""

_SCRAM = """\
servername: localhost
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {directory}/sasldb
sasl_mech_list: PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256
"""

_TLS = """\
tls_server_cert: {tls.cert}
tls_server_key: {tls.key}
tls_versions: {versions}
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
