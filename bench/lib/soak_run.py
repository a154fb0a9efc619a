"""One run of bench/soak: its three parts, the samples, and the judgement."""
import os
import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from lib.soak_site import THREADS, Soak
from lib.soak_traffic import Traffic

CLIENTS = 8
# A growth that is less than this over the whole part is none: allocators settle.
LEAST_CHILD_KB = 512
LEAST_WORKER_KB = 2048         # the caches of sixteen threads take longer to fill
LEAST_MASTER_KB_A_RESTART = 48
NOISE = 4                      # standard errors of a slope
SPARE_DESCRIPTORS = 24         # connections, programs and cached files of the moment
SPARE_CHILDREN = 2             # the rules for spare ones have a margin
SETTLE_S = 1.5


@dataclass
class Result:
    model: str
    duration_s: float
    samples: dict = field(default_factory=dict)    # pid: [(seconds, rss KB, pss KB)]
    master: list = field(default_factory=list)     # [(restarts, rss KB, pss KB)]
    slopes: dict = field(default_factory=dict)     # name: (growth KB, noise KB)
    counts: dict = field(default_factory=dict)
    restarts: int = 0
    kept: dict = field(default_factory=dict)       # name: (before, after)
    complaints: list = field(default_factory=list)


def memory_kb(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) for name in ("Rss", "Pss"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def shared_maps(pid):
    """Mappings of shared memory, by whatever call they were made."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return sum(line.split()[1].endswith("s") and not re.search(r" /(?!dev/|SYSV)", line) for line in lines)


def system_v(pids):
    """Segments that these processes made."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return sum(int(row[4]) in pids for row in rows)


def slope(points):
    """Least squares: the slope and its standard error, for [(x, y)]."""
    n = len(points)
    mean_x, mean_y = (sum(column) / n for column in zip(*points))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if n < 4 or spread == 0:
        return 0.0, 0.0
    value = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - value * (x - mean_x)) ** 2 for x, y in points)
    return value, (rest / (n - 2) / spread) ** 0.5


def judge(result, name, points, least_kb):
    """A growth stands out of its noise, and matters."""
    value, error = slope(points)
    width = points[-1][0] - points[0][0] if points else 0
    growth, noise = value * width, NOISE * error * width
    result.slopes[name] = (growth, noise)
    if growth > noise and growth > least_kb:
        result.complaints.append(f"{name} grew by {growth:.0f} KB (noise {noise:.0f} KB) in {len(points)} samples")


def steady(site, result, duration_s):
    begun = time.monotonic()
    pause_s = max(0.2, duration_s / 400)
    children = site.children
    before = {pid: descriptors(pid) for pid in children}
    spare = SPARE_DESCRIPTORS * (THREADS if result.model == "worker" else 1)  # each thread has caches of its own
    while (now := time.monotonic() - begun) < duration_s:
        for pid in children:
            try:
                result.samples.setdefault(pid, []).append((now, *memory_kb(pid)))
            except OSError:
                result.complaints.append(f"child {pid} ended under steady traffic")
                return
        time.sleep(pause_s)
    for pid in children:
        result.kept[f"descriptors of child {pid}"] = (before[pid], descriptors(pid))
        if result.kept[f"descriptors of child {pid}"][1] > before[pid] + spare:
            result.complaints.append(f"descriptors of child {pid}: {before[pid]} and then {descriptors(pid)}")


def restarts(site, result, duration_s):
    begun = time.monotonic()
    while time.monotonic() - begun < duration_s:
        if not site.restart():
            result.complaints.append("children of an earlier configuration did not end")
            return
        result.restarts += 1
        result.master.append((result.restarts, *memory_kb(site.process.pid)))


def kept(site):
    """What must be as much at the end as at the start, without clients."""
    time.sleep(SETTLE_S)
    master = site.process.pid
    return {"descriptors of the master": descriptors(master),
            "descriptors of new children": max(map(descriptors, site.children)),
            "children": len(site.children),
            "shared mappings of the master": shared_maps(master),
            "System V segments": system_v({master, *site.children})}


def compare(result, before, after):
    for name, value in after.items():
        result.kept[name] = (before[name], value)
        if value > before[name] + (SPARE_CHILDREN if name == "children" else 0):
            result.complaints.append(f"{name}: {before[name]} at the start, {value} at the end")


def parts(site, traffic, result):
    traffic.start()
    time.sleep(result.duration_s / 8)
    # The master's memory comes to rest with its first restarts, and theirs is what later ones are compared with.
    traffic.pause()
    for _ in range(3):
        site.restart()
    before = kept(site)
    traffic.go_on()
    time.sleep(result.duration_s / 8)
    steady(site, result, result.duration_s / 2)
    restarts(site, result, result.duration_s / 4)
    traffic.pause()
    site.restart()
    compare(result, before, kept(site))
    traffic.go_on()
    traffic.end()


def run(binary, model, duration_s, seed):
    result = Result(model, duration_s)
    with tempfile.TemporaryDirectory(prefix="pinion-soak-") as directory:
        site = Soak(binary, model, directory)
        site.start()
        traffic = Traffic(site, CLIENTS, seed)
        try:
            parts(site, traffic, result)
        finally:
            traffic.over.set()
            traffic.resume.set()
            code = site.stop()
        log = site.log()
    least_kb = LEAST_WORKER_KB if model == "worker" else LEAST_CHILD_KB
    for pid, rows in result.samples.items():
        judge(result, f"child {pid}", [(x, pss) for x, _, pss in rows], least_kb)
    judge(result, "the master", [(x, rss) for x, rss, _ in result.master[1:]], LEAST_MASTER_KB_A_RESTART * result.restarts)
    result.counts = dict(traffic.counts)
    result.complaints += [f"{n} times: {what}" for what, n in traffic.failures.most_common(10)]
    if code != 0:
        result.complaints.append(f"the server ended with {code}")
    if re.search(r"exit signal (?!Terminated)|assert", log):
        result.complaints.append("the error log tells of a crash: " + log[-1000:])
    return result
