"""A name server on the loopback interface for tests: it knows what it was told, and misbehaves on request.

    with DnsServer() as dns:
        dns.ptr("127.0.0.2", "two.example").a("two.example", "127.0.0.2")
        site.conf(f"ResolverAddress {dns.address}")

Answers come over UDP and TCP. `dns.asked` lists the questions as "PTR 2.0.0.127.in-addr.arpa".
"""
import ipaddress
import socket
import socketserver
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "PTR": 12, "AAAA": 28}
NAMES = {number: name for name, number in TYPES.items()}
NXDOMAIN = 3
SERVFAIL = 2
ZONE_TTL_S = 60


def encode_name(name):
    labels = name.rstrip(".").split(".") if name.rstrip(".") else []
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in labels) + b"\0"


def reverse_name(address):
    return ipaddress.ip_address(address).reverse_pointer


class DnsServer:
    def __init__(self):
        self.records = {}            # (type, name): [(ttl, data)]
        self.asked = []
        self.dead = set()            # names that get no answer
        self.garbage = set()         # names that get bytes that are no message
        self.failing = set()         # names that get SERVFAIL
        self.truncated = set()       # names whose answer comes whole over TCP alone
        self.held = {}               # name: threading.Event that lets the answer go
        self.tcp_questions = 0
        self._lock = threading.Lock()
        self._open()

    # --- what it knows ---

    def add(self, kind, name, data, ttl_s=300):
        self.records.setdefault((kind, name.lower().rstrip(".")), []).append((ttl_s, data))
        return self

    def a(self, name, address, ttl_s=300):
        return self.add("A", name, ipaddress.IPv4Address(address).packed, ttl_s)

    def aaaa(self, name, address, ttl_s=300):
        return self.add("AAAA", name, ipaddress.IPv6Address(address).packed, ttl_s)

    def cname(self, name, target, ttl_s=300):
        return self.add("CNAME", name, encode_name(target), ttl_s)

    def ptr(self, address, name, ttl_s=300):
        return self.add("PTR", reverse_name(address), encode_name(name), ttl_s)

    def host(self, name, address, ttl_s=300):
        """A name and an address that lead to each other."""
        self.ptr(address, name, ttl_s)
        return self.aaaa(name, address, ttl_s) if ":" in address else self.a(name, address, ttl_s)

    def forget(self):
        self.records.clear()
        return self

    # --- how it behaves, by the name asked for (an address stands for its PTR name) ---

    def _name(self, name):
        try:
            return reverse_name(name)
        except ValueError:
            return name.lower()

    def is_dead(self, name):
        self.dead.add(self._name(name))
        return self

    def sends_garbage(self, name):
        self.garbage.add(self._name(name))
        return self

    def fails(self, name):
        self.failing.add(self._name(name))
        return self

    def truncates(self, name):
        self.truncated.add(self._name(name))
        return self

    def hold(self, name):
        """Questions for the name wait until release()."""
        self.held[self._name(name)] = threading.Event()
        return self

    def release(self, name):
        self.held[self._name(name)].set()

    def questions(self, name):
        """How often the name was asked for."""
        return sum(1 for asked in list(self.asked) if asked.split(" ")[1] == self._name(name))

    # --- the wire ---

    def _answers(self, kind, name):
        found = [(name, kind, ttl, data) for ttl, data in self.records.get((kind, name), [])]
        if found or kind == "CNAME":
            return found
        for ttl, data in self.records.get(("CNAME", name), []):
            target = self._decode_name(data, 0)[0]
            return [(name, "CNAME", ttl, data)] + self._answers(kind, target)
        return []

    @staticmethod
    def _decode_name(message, at):
        labels = []
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
            at += 1 + message[at]
        return ".".join(labels).lower(), at + 1

    def _message(self, number, flags, question, answers, authority=b"", n_authority=0):
        head = struct.pack("!HHHHHH", number, flags, 1, len(answers), n_authority, 0)
        body = b"".join(encode_name(name) + struct.pack("!HHIH", TYPES[kind], 1, ttl, len(data)) + data
                        for name, kind, ttl, data in answers)
        return head + question + body + authority

    def reply(self, message, over_tcp):
        """The bytes that answer a question; None: none."""
        number = struct.unpack("!H", message[:2])[0]
        name, end = self._decode_name(message, 12)
        kind = NAMES.get(struct.unpack("!H", message[end:end + 2])[0], "?")
        question = message[12:end + 4]
        with self._lock:
            self.asked.append(f"{kind} {name}")
            self.tcp_questions += over_tcp
        if name in self.held:
            self.held[name].wait(20)
        if name in self.dead:
            return None
        if name in self.garbage:
            return message[:2] + b"\xff" * 40
        if name in self.failing:
            return self._message(number, 0x8180 | SERVFAIL, question, [])
        answers = self._answers(kind, name)
        if answers and name in self.truncated and not over_tcp:
            return self._message(number, 0x8380, question, [])
        if answers:
            return self._message(number, 0x8180, question, answers)
        known = any(owner == name for _, owner in self.records)
        zone = encode_name("") + struct.pack("!HHIH", TYPES["SOA"], 1, ZONE_TTL_S, 22) + b"\0\0" + \
            struct.pack("!IIIII", 1, 1, 1, 1, ZONE_TTL_S)
        return self._message(number, 0x8180 | (0 if known else NXDOMAIN), question, [], zone, 1)

    # --- life ---

    def _open(self):
        outer = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                answer = outer.reply(self.request[0], False)
                if answer is not None:
                    self.request[1].sendto(answer, self.client_address)

        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                while True:
                    head = self.request.recv(2, socket.MSG_WAITALL)
                    if len(head) < 2:
                        return
                    message = self.request.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                    answer = outer.reply(message, True)
                    if answer is None:
                        return
                    self.request.sendall(struct.pack("!H", len(answer)) + answer)

        class Udp(socketserver.ThreadingUDPServer):
            daemon_threads = True
            block_on_close = False

        class Tcp(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        for _ in range(20):
            self.udp = Udp(("127.0.0.1", 0), Datagram)
            try:
                self.tcp = Tcp(self.udp.server_address, Stream)
                break
            except OSError:        # the number is free for datagrams alone
                self.udp.server_close()
        else:
            raise OSError("no port is free for both UDP and TCP")
        self.port = self.udp.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        for server in (self.udp, self.tcp):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        for event in self.held.values():
            event.set()
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
