#!/usr/bin/env python3
"""dev/check_log_ids.py - every number of a log message in src/ has a row in data/log-ids.def, and no row stands there twice.

Prints what is wrong and ends with 1; with --unused, also the rows that no call uses (for review, not an error).
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The position of the number among the arguments of each call.
CALLS = {"PN_LOG_R": 2, "PN_LOG_S": 2, "PN_LOG_C": 2, "pn_reject": 3, "pn_fail": 3,
         "pn_log_write_r": 3, "pn_log_write_s": 3, "pn_log_write_c": 3}
CALL = re.compile(r"\b(" + "|".join(CALLS) + r")\s*\(")
ROW = re.compile(r"^X\((\d+),", re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
LITERAL_ID = re.compile(r'"AH(\d{5}): ')


def arguments(text, start):
    """The arguments of a call whose '(' is at `start`, split at its own commas."""
    parts, depth, begin, i = [], 0, start + 1, start
    while i < len(text):
        c = text[i]
        if c in "\"'":
            i += 1
            while i < len(text) and text[i] != c:
                i += 2 if text[i] == "\\" else 1
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                return parts + [text[begin:i]]
        elif c == "," and depth == 1:
            parts.append(text[begin:i])
            begin = i + 1
        i += 1
    return parts


def numbers(expression):
    """The numbers that an argument can be: a literal, or both sides of a ?: between literals."""
    expression = expression.strip()
    if expression.isdigit():
        return [int(expression)]
    choice = re.search(r"\?\s*(\d+)\s*:\s*(\d+)\s*$", expression)
    return [int(n) for n in choice.groups()] if choice else []


def used():
    """Number to the places that use it."""
    found = {}
    for path in sorted((ROOT / "src").rglob("*.c")):
        text = COMMENT.sub(lambda m: "\n" * m.group().count("\n"), path.read_text())
        calls = [(m.start(), numbers(parts[CALLS[m.group(1)]])) for m in CALL.finditer(text)
                 if len(parts := arguments(text, m.end() - 1)) > CALLS[m.group(1)]]
        calls += [(m.start(), [int(m.group(1))]) for m in LITERAL_ID.finditer(text)]
        for at, ids in calls:
            for number in ids:
                place = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, at) + 1}"
                found.setdefault(number, []).append(place)
    found.pop(0, None)
    return found


def main():
    rows = [int(n) for n in ROW.findall((ROOT / "data" / "log-ids.def").read_text())]
    calls = used()
    wrong = [f"data/log-ids.def: {n} stands there twice" for n in sorted({n for n in rows if rows.count(n) > 1})]
    if rows != sorted(rows):
        wrong.append("data/log-ids.def: the rows are not in the order of their numbers")
    wrong += [f"{places[0]}: message {n} has no row in data/log-ids.def"
              for n, places in sorted(calls.items()) if n not in rows]
    for line in wrong:
        print(line)
    if "--unused" in sys.argv[1:]:
        for n in sorted(set(rows) - set(calls)):
            print(f"not used: {n}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
