"""The clients of bench/soak: threads that do what clients do, and note what should not have been answered so."""
import random
import socket
import threading
from collections import Counter

# What is asked, the status that is due, further fields, a body. Weights by repetition.
PLAIN = [("GET", f"/static/{n}.txt", {200}, "", b"") for n in range(64)]
KINDS = [
    ("GET", "/static/big.bin", {206}, "Range: bytes=1000-50000\r\n", b""),
    ("GET", "/static/big.bin", {206}, "Range: bytes=0-9,100-199,-5\r\n", b""),
    ("GET", "/static/9.txt", {416}, "Range: bytes=900000-\r\n", b""),
    ("GET", "/static/3.txt", {304}, "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\nIf-None-Match: *\r\n", b""),
    ("GET", "/static/3.txt", {412}, "If-Match: \"other\"\r\n", b""),
    ("HEAD", "/static/5.txt", {200}, "", b""),
    ("GET", "/deep/a/b/page.txt", {200}, "", b""),
    ("GET", "/private/index.html", {401}, "", b""),
    ("GET", "/private/index.html", {200}, "Authorization: {authorization}\r\n", b""),
    ("GET", "/old/7.txt", {200}, "", b""),
    ("GET", "/away/7.txt", {302}, "", b""),
    ("GET", "/listed/", {200}, "", b""),
    ("GET", "/listed", {301}, "", b""),
    ("GET", "/page.shtml", {200}, "", b""),
    ("GET", "/packed/page.html", {200}, "Accept-Encoding: gzip\r\n", b""),
    ("GET", "/choice", {200}, "Accept-Language: de\r\n", b""),
    ("GET", "/missing", {404}, "", b""),
    ("GET", "/static/%zz", {400}, "", b""),
    ("DELETE", "/static/1.txt", {405}, "", b""),
    ("OPTIONS", "/static/1.txt", {200}, "", b""),
]
PROGRAMS = [
    ("GET", "/said.cgi?a=b", {200}, "", b""),
    ("POST", "/said.cgi", {200}, "", b"x" * 5000),
    ("GET", "/failing.cgi", {500}, "", b""),
]
TIMEOUT_S = 20


class Ended(Exception):
    """The connection ended before an answer was whole."""

    def __init__(self, partial):
        super().__init__("the connection ended")
        self.partial = partial


class Client(threading.Thread):
    def __init__(self, traffic, seed):
        super().__init__(daemon=True)
        self.traffic, self.random = traffic, random.Random(seed)
        self.socket, self.reader, self.used = None, None, False

    def run(self):
        while not self.traffic.over.is_set():
            if self.traffic.paused.is_set():
                self._close()
                self.traffic.paused_clients.release()
                self.traffic.resume.wait()
                continue
            self._step()
        self._close()

    def _step(self):
        dice = self.random.random()
        try:
            if dice < 0.02:
                self._abort()
            elif dice < 0.04:
                self._ask(*self.random.choice(PROGRAMS))
            elif dice < 0.5:
                self._ask(*self.random.choice(PLAIN))
            else:
                self._ask(*self.random.choice(KINDS))
        except (OSError, Ended, ValueError) as error:
            raced = self.used and isinstance(error, (Ended, ConnectionError)) and not getattr(error, "partial", False)
            self.traffic.note("closed while idle" if raced else f"{type(error).__name__}: {error}", not raced)
            self._close()

    def _close(self):
        if self.socket:
            self.reader.close()
            self.socket.close()
        self.socket, self.used = None, False

    def _connect(self):
        if not self.socket:
            self.socket = socket.create_connection(("127.0.0.1", self.traffic.site.port), TIMEOUT_S)
            self.reader = self.socket.makefile("rb")
            self.used = False

    def _abort(self):
        """A download that is left in the middle, a head that never ends, or nothing at all."""
        self._close()
        self._connect()
        self.socket.sendall(self.random.choice([b"GET /static/big.bin HTTP/1.1\r\nHost: x\r\n\r\n",
                                                b"GET /said.cgi HTTP/1.1\r\nHost: x\r\n\r\n",
                                                b"GET /static/1.txt HTTP/1.1\r\nHos", b"\r\n"]))
        if self.random.random() < 0.5:
            self.socket.settimeout(0.05)
            try:
                self.socket.recv(1000)
            except TimeoutError:
                pass
        self._close()
        self.traffic.note("aborted", False)

    def _ask(self, method, target, due, fields, body):
        closing = self.random.random() < 0.1
        self._connect()
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n" + fields.format(authorization=self.traffic.site.authorization)
        head += f"Content-Length: {len(body)}\r\n" if body else ""
        self.socket.sendall((head + ("Connection: close\r\n" if closing else "") + "\r\n").encode() + body)
        status, stays = self._answer(method)
        self.used = True
        self.traffic.note(f"{method} {status}" if status in due else f"{method} {target} gave {status}", status not in due)
        if not stays:
            self._close()

    def _answer(self, method):
        line = self.reader.readline()
        if not line:
            raise Ended(False)
        status, fields = int(line.split()[1]), {}
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip().lower()
        if method != "HEAD" and status not in (204, 304):
            self._content(fields)
        return status, fields.get(b"connection") != b"close"

    def _read(self, n):
        data = self.reader.read(n)
        if len(data) < n:
            raise Ended(True)

    def _content(self, fields):
        if b"content-length" in fields:
            self._read(int(fields[b"content-length"]))
        elif fields.get(b"transfer-encoding") == b"chunked":
            while n := int(self.reader.readline().split(b";")[0] or b"0", 16):
                self._read(n + 2)
            self.reader.readline()
        else:
            self.reader.read()


class Traffic:
    """All clients together."""

    def __init__(self, site, clients, seed):
        self.site, self.counts, self.failures = site, Counter(), Counter()
        self.lock, self.over, self.paused, self.resume = threading.Lock(), *(threading.Event() for _ in range(3))
        self.paused_clients = threading.Semaphore(0)
        self.clients = [Client(self, f"{seed}-{n}") for n in range(clients)]

    def start(self):
        for client in self.clients:
            client.start()

    def note(self, what, failed):
        with self.lock:
            (self.failures if failed else self.counts)[what] += 1

    def pause(self):
        """Returns when no client has a connection."""
        self.resume.clear()
        self.paused.set()
        for _ in self.clients:
            self.paused_clients.acquire()

    def go_on(self):
        self.paused.clear()
        self.resume.set()

    def end(self):
        self.over.set()
        self.resume.set()
        for client in self.clients:
            client.join(TIMEOUT_S)
