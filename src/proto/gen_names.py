#!/usr/bin/python3
"""Makes a collision-free hash table from a data/*.def list: gen_names.py LIST.def PREFIX OUTPUT.h

The key is the name's length and three of its bytes without case, so that the look-up of a name that is in no list
costs one probe, and of a known name one probe and one comparison.  Row numbers start at 1; 0 is an empty slot."""
import random
import re
import sys

ROW = re.compile(r'^X\(\w+, "([^"]+)"')


def slot(name, factors, bits):
    n = len(name)
    sample = (n, ord(name[0]) | 32, ord(name[n // 2]) | 32, ord(name[n - 1]) | 32)
    value = sum(part * factor for part, factor in zip(sample, factors)) & 0xFFFFFFFF
    return value >> (32 - bits)


def search(names):
    rng = random.Random(9110)                       # the same table from the same list, always
    for bits in range(7, 13):
        for _ in range(20000):
            factors = [rng.randrange(1, 1 << 32, 2) for _ in range(4)]
            if len({slot(name, factors, bits) for name in names}) == len(names):
                return factors, bits
    sys.exit("gen_names.py: no collision-free table: take one more byte of the name into the key")


def main(source, prefix, target):
    names = [m.group(1) for m in map(ROW.match, open(source, encoding="ascii")) if m]
    factors, bits = search(names)
    table = [0] * (1 << bits)
    for row, name in enumerate(names, 1):
        table[slot(name, factors, bits)] = row
    with open(target, "w", encoding="ascii") as out:
        print(f"/* Made by gen_names.py from {source.rsplit('/', 1)[-1]}. */", file=out)
        print(f"#define {prefix}_HASH(n, first, middle, last) \\", file=out)
        print("    (((uint32_t)(n) * {}u + (uint32_t)(first) * {}u + (uint32_t)(middle) * {}u + \\".format(
            *factors[:3]), file=out)
        print(f"      (uint32_t)(last) * {factors[3]}u) >> {32 - bits})", file=out)
        print(f"#define {prefix}_LONGEST {max(map(len, names))}", file=out)
        print(f"static const uint8_t {prefix.lower()}_table[{len(table)}] = {{", file=out)
        for at in range(0, len(table), 16):
            print("    " + " ".join(f"{row}," for row in table[at:at + 16]), file=out)
        print("};", file=out)


main(*sys.argv[1:])
