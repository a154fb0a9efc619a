#!/usr/bin/python3
"""dev/check_layers.py [ROOT] - checks every #include against the tables in docs/layers.md.

The first table says which folder may include which; the second, which library's headers are kept to which
folders. A quoted include names a file from src/ ("rt/loop.h"), or one beside the including file. Prints each
include that is not allowed as file:line and exits with 1 when there is one.
"""
import re
import sys
from pathlib import Path

TOPS = ("include/pinion", "src", "tests/unit", "fuzz")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
CELL_NAME = re.compile(r"`([^`]+)`")


def table_rows(text, heading):
    """The rows of the first table below a heading: lists of cells, each the names in backquotes there."""
    part = text.split(heading, 1)[1].split("\n## ", 1)[0]
    rows = [line for line in part.splitlines() if line.startswith("|")][2:]
    for row in rows:
        yield [CELL_NAME.findall(cell) for cell in row.strip("|").split("|")]


def read_tables(path):
    """Returns {folder: folders it may include} and {library header prefix: folders that may}."""
    text = path.read_text(encoding="utf-8")
    may = {cells[0][0]: set(cells[-1]) for cells in table_rows(text, "## Folders")}
    kept = {prefix: set(cells[-1]) for cells in table_rows(text, "## Libraries") for prefix in cells[0]}
    return may, kept


def folder_of(path, may):
    """The longest row of the table that holds this file, or None."""
    folders = [row for row in may if path == row or path.startswith(row + "/")]
    return max(folders, key=len, default=None)


def resolve(root, source, name):
    """The file that a quoted include names, relative to the root, or None when there is none such."""
    for base in (source.parent, root / "src", root / "include", root / "tests", root / "tests" / "unit"):
        target = (base / name).resolve()
        if target.is_file():
            return target.relative_to(root).as_posix() if target.is_relative_to(root) else None
    if Path(name).name.startswith("gen_"):             # made by the build, in the folder that it names
        return f"src/{name}"
    return None


def allowed(folder, target_folder, may):
    """A module's folder is its own group: modules do not include each other."""
    if target_folder == folder:
        return folder != "src/modules"
    return target_folder in may[folder] or "everything" in may[folder]


def beside(root, source, target):
    """A module of several files has headers of its own, in its folder."""
    return (root / target).parent == source.parent


def check_include(root, source, folder, kind, name, tables):
    """What is wrong with an include, or None."""
    may, kept = tables
    if kind == '"':
        target = resolve(root, source, name)
        if target is None:
            return f'"{name}" is not in src/ or beside this file; a library header goes in <>'
        if target.startswith("data/"):
            return None if name.endswith(".def") else "only .def files are included from data/"
        target_folder = folder_of(target, may)
        if target_folder is None:
            return f"{target} is in no folder of docs/layers.md"
        if folder == target_folder == "src/modules" and beside(root, source, target):
            return None
        if not allowed(folder, target_folder, may):
            return f"{folder} may not include {target_folder} ({name})"
        return None
    if name.startswith("pinion/"):
        return None if allowed(folder, "include/pinion", may) else f"{folder} may not include <{name}>"
    for prefix, folders in kept.items():
        if (name == prefix or name.startswith(prefix)) and folder not in folders:
            return f"<{name}> is kept to {', '.join(sorted(folders))}"
    return None


def check_file(root, source, tables):
    """Yields (line number, text) for each include that is not allowed."""
    path = source.relative_to(root).as_posix()
    folder = folder_of(path, tables[0])
    if folder is None:
        yield 1, f"{path} is in no folder of docs/layers.md"
        return
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        wrong = match and check_include(root, source, folder, match.group(1), match.group(2), tables)
        if wrong:
            yield number, wrong


def main(root):
    tables = read_tables(root / "docs" / "layers.md")
    files = [f for top in TOPS for f in sorted((root / top).rglob("*.[ch]"))]
    count = 0
    for source in files:
        for number, wrong in check_file(root, source, tables):
            print(f"{source.relative_to(root)}:{number}: {wrong}")
            count += 1
    print(f"{len(files)} files, {count} wrong includes")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()))
