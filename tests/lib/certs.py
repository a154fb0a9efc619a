"""Certificates for tests, made by the openssl program when they are wanted.

An Authority owns a directory and signs what is asked of it.  `shared()` is the one of this process, for tests that
need no more than a server with TLS.
"""
import atexit
import functools
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA = ["-newkey", "rsa:2048"]


def openssl(*arguments, text=None, check=True):
    """Runs the openssl program; what it printed."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=30)
    if check and done.returncode:
        raise RuntimeError(f"openssl {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout + done.stderr


class Authority:
    def __init__(self, directory, name="Test Authority"):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.dir.chmod(0o755)
        self.cert, self.key = self.dir / "ca.crt", self.dir / "ca.key"
        self.serial = 100
        openssl("req", "-x509", *CURVE, "-nodes", "-keyout", self.key, "-out", self.cert, "-days", "30",
                "-subj", f"/O=Pinion Tests/CN={name}")

    def issue(self, name, subject=None, names=("localhost",), days=20, rsa=False, extensions=(), phrase=None):
        """A certificate `name`.crt with its key `name`.key; the two paths."""
        cert, key, request = (self.dir / f"{name}.{end}" for end in ("crt", "key", "csr"))
        extra = self.dir / f"{name}.ext"
        alternatives = ",".join(n if ":" in n else f"DNS:{n}" for n in names)
        lines = ["basicConstraints=CA:FALSE", *extensions]
        if alternatives:
            lines.append("subjectAltName=" + alternatives)
        extra.write_text("\n".join(lines) + "\n")
        secret = ["-passout", f"pass:{phrase}"] if phrase else ["-nodes"]
        openssl("req", *(RSA if rsa else CURVE), *secret, "-keyout", key, "-out", request,
                "-subj", subject or f"/C=DE/O=Pinion Tests/CN={name}")
        self.serial += 1
        # `x509 -days` cannot be negative: an expired certificate was good for a day long ago
        ending = ["-days", days] if days > 0 else ["-days", "0"]
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-set_serial", self.serial,
                *ending, "-extfile", extra, "-out", cert)
        key.chmod(0o644)
        return cert, key

    def bundle(self, name):
        """Certificate and key in one file, as clients have them."""
        path = self.dir / f"{name}.pem"
        path.write_text((self.dir / f"{name}.crt").read_text() + (self.dir / f"{name}.key").read_text())
        return path

    def client(self, certificate=None, protocol=None, trust=True):
        """An SSLContext of a client: `certificate` names one that was issued, `protocol` is '1.2' or '1.3'."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if trust else ssl.CERT_NONE
        context.load_verify_locations(self.cert)
        if protocol:
            version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[protocol]
            context.minimum_version = context.maximum_version = version
        context.post_handshake_auth = True
        if certificate:
            context.load_cert_chain(self.dir / f"{certificate}.crt", self.dir / f"{certificate}.key")
        return context


@functools.cache
def shared():
    """An authority of this process with a server's certificate `server`, another for `other.test`, and two of clients."""
    directory = tempfile.mkdtemp(prefix="pinion-certs-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    authority = Authority(directory)
    authority.issue("server", names=("localhost", "*.example.test", "IP:127.0.0.1"))
    authority.issue("other", names=("other.test",))
    authority.issue("alice", subject="/C=DE/O=Pinion Tests/OU=Staff/OU=Night/CN=Alice/emailAddress=alice@example.test",
                    names=("email:alice@example.test", "alice.example.test"))
    authority.issue("bob", subject="/C=DE/ST=Bayern/L=Ulm/O=Others/CN=Bob B. Builder", names=())
    return authority
