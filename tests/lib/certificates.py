"""A certificate authority for a test, made with the openssl command."""

import os
import subprocess


def _openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"openssl {args[0]}: {done.stderr}")


class Certificate:
    """PEM files of one certificate and its key."""

    def __init__(self, directory, name):
        self.cert = os.path.join(directory, name + ".pem")
        self.key = os.path.join(directory, name + ".key")


class Authority:
    """A CA in its own directory; `cert` is the file to trust."""

    def __init__(self, directory, name="test CA"):
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)
        self.directory = directory
        own = Certificate(directory, "ca")
        self.cert, self.key = own.cert, own.key
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-subj", f"/CN={name}", "-days", "30",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 "-keyout", self.key, "-out", self.cert)

    def issue(self, name, hosts=("DNS:localhost", "IP:127.0.0.1"), expired=False,
              usage="serverAuth"):
        """A certificate valid for `hosts`, or one that ended years ago; of a server, or with
        "clientAuth" of a client. Without hosts it has its common name only."""
        made = Certificate(self.directory, name)
        request = os.path.join(self.directory, name + ".csr")
        extensions = os.path.join(self.directory, name + ".ext")
        with open(extensions, "w", encoding="ascii") as f:
            names = f"subjectAltName={','.join(hosts)}\n" if hosts else ""
            f.write(f"{names}extendedKeyUsage={usage}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", f"/CN={name}", "-keyout", made.key, "-out", request)
        if expired:
            self._sign_expired(request, extensions, made)
        else:
            _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                     "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", made.cert)
        os.chmod(made.key, 0o644)  # read by servers that run as another user
        return made

    def _sign_expired(self, request, extensions, made):
        """`openssl x509` cannot set dates in OpenSSL 3.0; `openssl ca` can."""
        base = os.path.join(self.directory, "expired")
        os.makedirs(base, exist_ok=True)
        for name, content in (("index.txt", ""), ("serial", "1000\n")):
            with open(os.path.join(base, name), "w", encoding="ascii") as f:
                f.write(content)
        config = os.path.join(base, "ca.cnf")
        with open(config, "w", encoding="ascii") as f:
            f.write(f"[ca]\ndefault_ca=own\n[own]\ndatabase={base}/index.txt\n"
                    f"serial={base}/serial\nnew_certs_dir={base}\ndefault_md=sha256\n"
                    "policy=any\nunique_subject=no\n[any]\ncommonName=supplied\n")
        _openssl("ca", "-batch", "-notext", "-config", config, "-in", request,
                 "-cert", self.cert, "-keyfile", self.key, "-extfile", extensions,
                 "-startdate", "20200101000000Z", "-enddate", "20210101000000Z",
                 "-out", made.cert)
