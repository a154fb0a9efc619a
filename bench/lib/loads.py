"""Drivers that put requests on a server: wrk for HTTP/1.1, h2load for HTTP/2."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError
from .model import Metric, Run, Sample

WRK_SCRIPT = Path(__file__).with_name("wrk.lua")

CPU = Metric("cpu_us", "CPU µs/request", digits=2, ratio_to_floor=True)
RATE = Metric("rps", "requests/s", digits=0)
P50 = Metric("p50_us", "p50 ms", scale=1000, digits=2)
P99 = Metric("p99_us", "p99 ms", scale=1000, digits=2)
PSS = Metric("pss_bytes", "PSS MB", scale=1 << 20, digits=1)


def run_tool(argv: list[str], timeout_s: float) -> str:
    """Run a load generator; its output, or BenchError."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{argv[0]} hangs") from error
    if done.returncode != 0:
        raise BenchError(f"{argv[0]}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def cpu_us_per_request(run: Run, before_ns: int, requests: float) -> float:
    """CPU time since `before_ns`, for each request."""
    used_ns = run.instance.cpu_ns() - before_ns
    if used_ns <= 0:
        raise BenchError("CPU time went back: a process ended and nobody waited for it")
    return used_ns / 1000 / requests


@dataclass(frozen=True)
class Wrk:
    """As many requests as the server answers for some seconds, on kept-alive connections."""

    metrics: tuple[Metric, ...] = (CPU, RATE, P50, P99, PSS)

    def warm_up(self, run: Run) -> None:
        """A short run that is not measured."""
        self._load(run, run.settings.warm_up_seconds)

    def measure(self, run: Run) -> Sample:
        """CPU time is read right before and right after wrk: its connects and closes count too."""
        cpu_before_ns = run.instance.cpu_ns()
        got = self._load(run, run.settings.seconds)
        _check_wrk(got, run)
        return {
            "requests": got["requests"],
            "cpu_us": cpu_us_per_request(run, cpu_before_ns, got["requests"]),
            "rps": got["requests"] / (got["duration_us"] / 1e6),
            "p50_us": got["p50_us"],
            "p99_us": got["p99_us"],
            "pss_bytes": run.instance.pss_bytes(),
        }

    def _load(self, run: Run, seconds: int) -> dict[str, float]:
        argv = ["wrk", "-t1", f"-c{run.connections}", f"-d{seconds}s", "--latency"]
        argv += ["--timeout", "10s", "-s", str(WRK_SCRIPT)]
        for name, value in run.case.headers.items():
            argv += ["-H", f"{name}: {value}"]
        output = run_tool([*argv, run.url], timeout_s=seconds + 60)
        match = re.search(r"^BENCH (\{.*\})$", output, re.MULTILINE)
        if match is None:
            raise BenchError(f"wrk printed no result:\n{output}")
        return json.loads(match.group(1))


def _check_wrk(got: dict[str, float], run: Run) -> None:
    """Every request must have got the answer that was checked before the run."""
    requests = got["requests"]
    if requests == 0:
        raise BenchError("wrk completed no request")
    errors = {kind: got[kind] for kind in ("connect", "read", "write", "timeout") if got[kind]}
    if errors:
        raise BenchError(f"socket errors in wrk: {errors}")
    expected = requests if run.case.expect.status >= 400 else 0
    if got["status"] != expected:
        raise BenchError(f"{got['status']:.0f} answers with status >= 400, expected {expected:.0f}")
    # Answers cut off when the time is over are in `bytes` but not in `requests`.
    surplus = run.connections * run.answer.wire_bytes
    least, most = 0.97 * requests * run.answer.wire_bytes, 1.03 * requests * run.answer.wire_bytes
    if not least <= got["bytes"] <= most + surplus:
        raise BenchError(
            f"{got['bytes'] / requests:.0f} bytes an answer, expected {run.answer.wire_bytes}"
        )


@dataclass(frozen=True)
class H2load:
    """A fixed time of HTTP/2 requests with several streams at once on each connection."""

    streams: int = 10
    metrics: tuple[Metric, ...] = (CPU, RATE, PSS)

    def warm_up(self, run: Run) -> None:
        """A short run that is not measured."""
        self._load(run, run.settings.warm_up_seconds)

    def measure(self, run: Run) -> Sample:
        """The rate includes the time of connecting, which h2load does not tell apart."""
        cpu_before_ns = run.instance.cpu_ns()
        started = time.monotonic()
        requests = self._load(run, run.settings.seconds)
        elapsed_s = time.monotonic() - started
        return {
            "requests": requests,
            "cpu_us": cpu_us_per_request(run, cpu_before_ns, requests),
            "rps": requests / elapsed_s,
            "pss_bytes": run.instance.pss_bytes(),
        }

    def _load(self, run: Run, seconds: int) -> float:
        argv = ["h2load", "-t1", f"-c{run.connections}", f"-m{self.streams}", f"-D{seconds}"]
        for name, value in run.case.headers.items():
            argv += ["-H", f"{name}: {value}"]
        output = run_tool([*argv, run.url], timeout_s=seconds + 60)
        return _parse_h2load(output, run.case.expect.status)


def _parse_h2load(output: str, status: int) -> float:
    """Completed requests; BenchError when one failed or had another class of status."""
    counts = re.search(r"^requests: .*?(\d+) done.*?(\d+) failed, (\d+) errored", output, re.M)
    classes = re.search(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output, re.M)
    if counts is None or classes is None:
        raise BenchError(f"h2load printed no result:\n{output}")
    done, failed, errored = (int(text) for text in counts.groups())
    unexpected = done - int(classes.group(status // 100 - 1))
    # With -4xx answers h2load counts a request as failed although it was answered as expected.
    if done == 0 or errored or unexpected > 0 or (failed and status < 400):
        raise BenchError(f"h2load: {counts.group(0)}; {classes.group(0)}")
    return float(done)
