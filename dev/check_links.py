#!/usr/bin/python3
"""dev/check_links.py - every relative link of the Markdown files must name a file that is there."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def documents():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True,
                            capture_output=True, text=True)
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def broken_links(document):
    text = CODE.sub(lambda code: "\n" * code.group(0).count("\n"), document.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(line):
            if ":" not in target and not (document.parent / target).exists():
                yield number, target


def main():
    files = documents()
    count = 0
    for document in files:
        for number, target in broken_links(document):
            print(f"{document.relative_to(ROOT)}:{number}: {target} is not there")
            count += 1
    print(f"{len(files)} documents, {count} broken links")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
