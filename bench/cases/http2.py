"""HTTP/2 over TLS: a small file, 32 requests at a time on each connection."""

from cases.tls import CONFIG, _certificate
from lib.loads import H2load
from lib.model import Case, Expect

H2 = {
    "httpd": {"modules": CONFIG["httpd"]["modules"] + " http2", "main": CONFIG["httpd"]["main"] + "Protocols h2 http/1.1\n"},
    "nginx": {**CONFIG["nginx"], "listen": "listen 127.0.0.1:@port@ ssl http2;"},
    "h2o": {"listen": "listen:\n  host: 127.0.0.1\n  port: @port@\n  ssl:\n    certificate-file: @docroot@/tls.crt\n"
                      "    key-file: @docroot@/tls.key\n    minimum-version: TLSv1.2\n"},
}

CASES = [
    Case(name="h2-1k", title="1 KB file over HTTP/2, 32 streams", driver=H2load(streams=32), path="/1k.txt",
         expect=Expect(file="1k.txt"), scheme="https", prepare=_certificate, config=H2, connections=8,
         only=frozenset({"httpd", "nginx", "h2o"}), order=75),
]
