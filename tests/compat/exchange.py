"""Plays a case's [send] blocks against one server and records what came back."""
import functools
import ssl
import time
from dataclasses import dataclass, field

from compat.casefile import request_methods
from lib import certs, http1, http2

QUIET_S = 0.04        # how long a connection must stay silent to count as kept open
CLOSE_S = 3.0         # how long to wait for an end that the last answer announced


@dataclass
class Exchange:
    """One connection: its answers in order, interim ones apart, and how it ended."""
    answers: list = field(default_factory=list)
    interims: list = field(default_factory=list)      # (index of the answer they precede, Response)
    end: str = "open"
    fault: str = ""                                   # what was not HTTP, or did not come


@functools.cache
def client_context(version, certificate):
    return certs.shared().client(certificate or None, None if version == "yes" else version, trust=False)


class Player:
    def __init__(self, send, server, variables, quiet_s):
        self.send = send
        self.steps = send.steps(variables)
        data = b"".join(value for verb, value in self.steps if verb == "send")
        self.methods = send.methods or request_methods(data)
        self.due = send.answers if send.answers >= 0 else max(1, len(self.methods))
        self.address = (server.address[0], server.ports[send.port_index - 1])
        self.quiet_s = quiet_s
        self.exchange = Exchange()
        self.conn = None

    def play(self):
        try:
            self.conn = self._connect()
        except (ssl.SSLError, ConnectionError):
            self.exchange.end = "refused"
            return self.exchange
        with self.conn:
            self._steps()
            self._read_until(self.due)
            if not self.exchange.fault:
                self._finish()
        return self.exchange

    def _connect(self):
        context = client_context(self.send.tls, self.send.client) if self.send.tls else None
        name = None if self.send.name == "-" else self.send.name
        return http1.Conn(self.address, self.send.patience_s, tls=context, name=name)

    def _steps(self):
        for verb, value in self.steps:
            if verb == "send":
                self.conn.send(value)
            elif verb == "pause":
                self.conn.wait_end(value)
            elif verb == "wait":
                self._read_until(value)
            elif verb == "interim":
                self._read_one()
            elif verb == "shutdown":
                self.conn.shutdown_write()

    def _read_until(self, count):
        while len(self.exchange.answers) < count and self._read_one():
            pass

    def _read_one(self):
        """Takes in one answer, interim or final; False when there will be no more."""
        done = self.exchange
        if done.fault:
            return False
        try:
            if not self.conn.wait_bytes(self.send.patience_s):
                if self.conn.end is None:
                    done.fault = "no answer in time"
                return False
            if self._headless():
                done.answers.append(self.conn.headless_response())
                return False
            index = len(done.answers)
            method = self.methods[index] if index < len(self.methods) else "GET"
            response = self.conn.response(method)
        except http1.ConnectionEnded as ended:
            done.end = ended.how
            done.fault = f"{ended.how} inside an answer: {ended.partial[:200]!r}"
            return False
        except http1.Deadline as late:
            done.fault = f"stalled inside an answer: {late.partial[:200]!r}"
            return False
        except http1.ProtocolError as error:
            done.fault = f"not HTTP: {error}"
            return False
        if response.interim:
            done.interims.append((index, response))
        else:
            done.answers.append(response)
        return True

    def _headless(self):
        """Whether what comes is an answer without head, as to an HTTP/0.9 request."""
        deadline = time.monotonic() + self.send.patience_s
        while len(self.conn.buffer) < 5 and self.conn.end is None:
            self.conn._fill(deadline, "start of an answer")
        return bytes(self.conn.buffer[:5]) != b"HTTP/"

    def _finish(self):
        last = self.exchange.answers[-1] if self.exchange.answers else None
        closing = last is not None and last.says_close
        self.exchange.end = self.conn.wait_end(CLOSE_S if closing else self.quiet_s)
        while self.conn.buffer and self._read_one():
            self.exchange.end = self.conn.wait_end(self.quiet_s)


class StreamPlayer:
    """The same over HTTP/2: all requests of a block at once, answers in the order of the requests."""

    def __init__(self, send, server, variables, _quiet_s):
        self.send = send
        self.requests = send.requests(variables)
        self.address = (server.address[0], server.ports[send.port_index - 1])

    def play(self):
        exchange = Exchange()
        with http2.Conn(self.address, self.send.patience_s) as conn:
            for stream in [conn.ask(*request) for request in self.requests]:
                try:
                    exchange.answers.append(conn.answer(stream))
                except http1.ConnectionEnded as ended:
                    exchange.answers.append(http1.Response("2", 0, ended.how, http1.Headers([])))
                except http1.Deadline:
                    exchange.fault = "no answer in time"
        return exchange


def play(case, server, variables, quiet_s=QUIET_S):
    """All connections of a case against one server."""
    players = {"http/1.1": Player, "h2c": StreamPlayer}
    return [players[send.protocol](send, server, variables, quiet_s).play() for send in case.sends]
