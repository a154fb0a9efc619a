"""Plays case files and prints what each server answered: python3 -m compat.show cases/x/y.case"""
import sys

from compat import casefile, compare, exchange, pair


def main(paths):
    pairs = pair.Pairs()
    try:
        for path in paths:
            case = casefile.load_case(path)
            print(f"===== {case.id}: {case.title}")
            show(case, pairs.get(case))
    finally:
        for complaint in pairs.close():
            print("COMPLAINT:", complaint)


def show(case, both):
    records = {}
    for server in both.servers:
        offset = compare.log_size(both, server)
        exchanges = exchange.play(case, server, both.variables(server))
        records[server.kind] = compare.record(case, both, server, exchanges, offset)
        print(f"--- {server.kind}")
        for key, value in records[server.kind].items():
            print(f"{key:40} {compare.shown(value, 3000)}")
    for problem in compare.problems(case, records):
        print("PROBLEM:", problem)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
