"""TLS: what a handshake, a small answer, a large file and an idle connection cost.

All servers have the same key (P-256) and speak 1.2 and 1.3 with OpenSSL, so the arithmetic is the same for all.
"""

import subprocess
from pathlib import Path

from lib.idle import Idle
from lib.loads import Wrk
from lib.model import Case, Expect


def _certificate(docroot: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", str(docroot / "tls.key"), "-out", str(docroot / "tls.crt"), "-days", "30",
         "-subj", "/CN=localhost"],
        check=True, capture_output=True,
    )


CONFIG = {
    "httpd": {
        "modules": "ssl",
        "main": "SSLEngine On\nSSLProtocol TLSv1.2 +TLSv1.3\n"
                'SSLCertificateFile "@docroot@/tls.crt"\nSSLCertificateKeyFile "@docroot@/tls.key"\n',
    },
    "nginx": {
        "listen": "listen 127.0.0.1:@port@ ssl;",
        "server": "ssl_certificate @docroot@/tls.crt; ssl_certificate_key @docroot@/tls.key; "
                  "ssl_protocols TLSv1.2 TLSv1.3;",
    },
}
ONLY = frozenset({"httpd", "nginx"})


def _case(name: str, title: str, driver: object, order: int, file: str = "1k.txt", **more: object) -> Case:
    return Case(
        name=name, title=title, driver=driver, path="/" + file, expect=Expect(file=file), scheme="https",
        prepare=_certificate, config=CONFIG, only=ONLY, order=order, **more,
    )


CASES = [
    _case("tls-1k", "1 KB file over TLS", Wrk(), 70),
    _case("tls-10m", "10 MB file over TLS", Wrk(), 71, "10m.txt", connections=4),
    _case("tls-handshake", "a TLS handshake for each request", Wrk(), 72, headers={"Connection": "close"}),
    _case("tls-idle", "1,000 idle TLS connections", Idle(), 73, connections=1000),
]
