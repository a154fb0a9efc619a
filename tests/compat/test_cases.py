"""One test for each case file: the same bytes to Apache and to Pinion, the same answers back."""
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from compat import casefile, compare, exchange

PATIENT_S = 1.0       # a second look at a mismatch gives slow ends of connections more time
EVERY = int(os.environ.get("COMPAT_EVERY", "1"))    # 3: every third case, for slow builds of the server
CASES = sorted(casefile.all_cases(), key=lambda case: (repr(case.key), case.id))[::EVERY]


def play_all(case, pair, quiet_s):
    def one(server):
        offset = compare.log_size(pair, server)
        exchanges = exchange.play(case, server, pair.variables(server), quiet_s)
        return server.kind, compare.record(case, pair, server, exchanges, offset)

    with ThreadPoolExecutor(len(pair.servers)) as pool:
        return dict(pool.map(one, pair.servers))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, pairs):
    pair = pairs.get(case)
    records = play_all(case, pair, exchange.QUIET_S)
    problems = compare.problems(case, records)
    if problems:
        records = play_all(case, pair, PATIENT_S)
        problems = compare.problems(case, records)
    if problems:
        logs = "\n".join(f"--- {s.kind} error log\n{s.error_log[-1500:]}" for s in pair.servers)
        pytest.fail(f"{case.id}: {case.title}\n" + "\n".join(problems) + "\n\n"
                    + compare.side_by_side(records) + "\n" + logs, pytrace=False)
