#!/usr/bin/python3
"""gen_modules.py OUT SOURCE... - writes the array of all bundled modules as C, in the order of the sources.

A source holds one or more `struct pn_module pn_module_x = {` at the beginning of a line; a source without one
is an error, so that no module is forgotten.
"""
import re
import sys
from pathlib import Path

OBJECT = re.compile(r"^struct pn_module (pn_module_\w+) = \{", re.MULTILINE)


def main(out, sources):
    names = []
    for source in sources:
        found = OBJECT.findall(Path(source).read_text(encoding="utf-8"))
        if not found:
            sys.exit(f"{source}: no module object (struct pn_module pn_module_... = {{)")
        names += found
    lines = ['/* Made by gen_modules.py from the lists of modules in the build. */',
             '#include "conf/registry.h"', ""]
    lines += [f"extern struct pn_module {name};" for name in names]
    lines += ["", "struct pn_module *const pn_builtin_modules[] = {"]
    lines += [f"    &{name}," for name in names]
    lines += ["    NULL,", "};", ""]
    Path(out).write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
