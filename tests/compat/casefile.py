"""Reads case and site files (FORMAT.md) into plain objects; knows nothing of servers."""
import calendar
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEFAULT_MTIME_S = calendar.timegm((2024, 1, 2, 3, 4, 5))
HEAD_KEYS = {"title", "spec", "site", "modules", "header-order", "ports", "tls", "protocol", "like"}
ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|\{(\d+)\*([^}]*)\}|(.))", re.S)
OF_HTTP_1 = re.compile(r"(?:c?\d+ )*(?:reason|framing|connection|header (?:connection|keep-alive|transfer-encoding))\b")
SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "s": b" ", "\\": b"\\"}
REQUEST_LINE = re.compile(rb"(?:^|\n)([A-Za-z]+) [^\r\n]* HTTP/\d", re.S)


class CaseError(Exception):
    """A case file that does not follow FORMAT.md."""


@dataclass
class Section:
    name: str
    options: dict
    lines: list
    first_line: int


@dataclass
class FileEntry:
    path: str
    content: bytes = b""
    mode: int = 0o644
    mtime_s: int = DEFAULT_MTIME_S
    link: str = ""


@dataclass
class Send:
    lines: list
    answers: int = -1                # -1: as many as request lines are seen
    methods: list = field(default_factory=list)
    port_index: int = 1
    patience_s: float = 5.0
    tls: str = ""                    # "": in the clear; "yes", or the version "1.2", "1.3"
    client: str = ""                 # the certificate that the client has
    protocol: str = "http/1.1"       # or h2c: HTTP/2 from the first byte
    name: str = "www.example.test"   # what it calls the server in the handshake; "-": nothing

    def requests(self, variables):
        """[(method, target, fields, body, whether there is one)] of blocks that are sent over HTTP/2."""
        data = b"".join(value for verb, value in self.steps(variables) if verb == "send")
        found = []
        while data:
            head, _, data = data.partition(b"\r\n\r\n")
            line, *fields = head.decode("latin-1").split("\r\n")
            method, target, _version = line.split(" ")
            fields = [(m.group(1), m.group(2)) for m in (re.fullmatch(r"(:?[^:]+): *(.*)", field) for field in fields)]
            length = next((value for name, value in fields if name.lower() in ("content-length", "body")), None)
            fields = [field for field in fields if field[0].lower() != "body"]
            found.append((method, target, fields, data[:int(length or 0)], length is not None))
            data = data[int(length or 0):]
        return found

    def steps(self, variables):
        """[(verb, value)]: 'send' bytes, 'pause' s, 'wait' count, 'interim', 'shutdown'."""
        steps, sent = [], b""
        segments = _segments(self.lines)
        last_text = max((n for n, (verb, _) in enumerate(segments) if verb is None), default=-1)
        for number, (verb, lines) in enumerate(segments):
            if verb is not None:
                steps.append(_verb(verb, sent))
                continue
            ends_head = number == last_text
            while ends_head and lines and not lines[-1].strip():
                lines.pop()
            raw = b"".join(_line_bytes(substitute(line, variables)) for line in lines)
            if ends_head and lines and not line_suppresses_end(lines[-1]):
                raw += b"\r\n"
            if raw:
                steps.append(("send", raw))
            sent += raw
        return steps


@dataclass
class Case:
    id: str
    title: str
    spec: list
    site: str
    modules: list
    config: str
    files: list
    sends: list
    expect: list
    differ: list
    log: list                        # None: logs are not compared
    header_order: bool
    ports: int

    @property
    def key(self):
        """Equal for cases that can share running servers."""
        files = tuple((f.path, f.content, f.mode, f.mtime_s, f.link) for f in self.files)
        return (tuple(self.modules), self.config, files, self.ports)


def _segments(lines):
    """[(None, text lines) | (line with %, None)] in order; blank ends of the block left off."""
    segments = []
    for line in "\n".join(lines).rstrip("\n").split("\n"):
        if line.startswith("%"):
            segments.append((line, None))
        elif segments and segments[-1][0] is None:
            segments[-1][1].append(line)
        else:
            segments.append((None, [line]))
    return segments


def line_suppresses_end(line):
    return bool(re.search(r"(?<!\\)(?:\\\\)*\\$", line))


def _line_bytes(line):
    if line_suppresses_end(line):
        return unescape(line[:-1])
    return unescape(line) + b"\r\n"


def _verb(line, sent):
    words = line[1:].split()
    if words[0] == "pause":
        return "pause", int(words[1]) / 1000
    if words[0] == "wait":
        return "wait", len(request_methods(sent))
    if words[0] in ("interim", "shutdown"):
        return words[0], None
    raise CaseError(f"unknown line {line!r} in [send]")


def request_methods(data):
    return [method.decode() for method in REQUEST_LINE.findall(data)]


def unescape(text):
    """The bytes that a text with escapes stands for; characters above ASCII become UTF-8."""
    out, at = b"", 0
    for match in ESCAPE.finditer(text):
        out += text[at:match.start()].encode()
        at = match.end()
        hexadecimal, count, repeated, simple = match.groups()
        if hexadecimal:
            out += bytes([int(hexadecimal, 16)])
        elif count:
            out += unescape(repeated) * int(count)
        elif simple in SIMPLE:
            out += SIMPLE[simple]
        else:
            raise CaseError(f"unknown escape \\{simple} in {text!r}")
    return out + text[at:].encode()


def substitute(text, variables):
    """Replaces ${NAME} for the names given; others stay, they may be the configuration's own."""
    return re.sub(r"\$\{(\w+)\}", lambda m: str(variables.get(m.group(1), m.group(0))), text)


def split_sections(text):
    """(head dict, [Section])."""
    head, sections, current = {}, [], None
    for number, line in enumerate(text.split("\n"), 1):
        match = re.fullmatch(r"\[(config|files|send|expect|differ|log)((?: [\w-]+=\S+)*)\]", line)
        if match:
            options = dict(word.split("=", 1) for word in match.group(2).split())
            current = Section(match.group(1), options, [], number)
            sections.append(current)
        elif current is not None:
            current.lines.append(line)
        elif line.strip() and not line.startswith("#"):
            key, equals, value = line.partition("=")
            if not equals or key.strip() not in HEAD_KEYS:
                raise CaseError(f"line {number}: {line!r}")
            head[key.strip()] = value.strip()
    return head, sections


def parse_files(lines):
    entries, i = [], 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if not line.strip() or line.startswith("#"):
            continue
        if match := re.fullmatch(r"(\S+) -> (\S+)", line):
            entries.append(FileEntry(unescape(match.group(1)).decode(), link=match.group(2)))
            continue
        match = re.fullmatch(r"(\S+?)((?: (?:mode|mtime)=\S+?)*):(?: (.*))?", line)
        if not match:
            raise CaseError(f"[files] line {line!r}")
        content = match.group(3) or ""
        block = []
        while i < len(lines) and lines[i].startswith("  |"):
            block.append(lines[i][4:] + "\n")
            i += 1
        entries.append(_file_entry(match.group(1), match.group(2), content, "".join(block)))
    return entries


def _file_entry(path, attributes, content, block):
    entry = FileEntry(unescape(path).decode("utf-8", "surrogateescape"))
    for word in attributes.split():
        key, _, value = word.partition("=")
        if key == "mode":
            entry.mode = int(value, 8)
        else:
            entry.mtime_s = calendar.timegm(time.strptime(value, "%Y-%m-%dT%H:%M:%SZ"))
    if match := re.fullmatch(r"@pattern (\d+)", content):
        entry.content = pattern(int(match.group(1)))
    elif match := re.fullmatch(r"@hex ([0-9a-fA-F]*)", content):
        entry.content = bytes.fromhex(match.group(1))
    else:
        entry.content = block.encode() if block else unescape(content)
    return entry


def pattern(size):
    """`size` bytes of text in which each 16-byte block tells its own place."""
    blocks = b"".join(b"%015d\n" % n for n in range((size + 15) // 16))
    return blocks[:size]


def _send(section, tls, protocol):
    send = Send(section.lines, tls=tls, protocol=protocol)
    for key, value in section.options.items():
        if key == "answers":
            send.answers = int(value)
        elif key == "methods":
            send.methods = value.split(",")
        elif key == "to":
            send.port_index = int(value)
        elif key == "patience":
            send.patience_s = float(value)
        elif key == "tls":
            send.tls = "" if value == "no" else value
        elif key in ("client", "name", "protocol"):
            setattr(send, key, value)
        else:
            raise CaseError(f"[send {key}=]")
    return send


def _text_lines(section):
    return [line for line in section.lines if line.strip() and not line.startswith("#")]


def load_site(name):
    """(modules, config text, files, tls) of sites/<name>.site."""
    head, sections = split_sections((HERE / "sites" / f"{name}.site").read_text())
    config, files = "", []
    for section in sections:
        if section.name == "config":
            config += "\n".join(section.lines) + "\n"
        elif section.name == "files":
            files += parse_files(section.lines)
        else:
            raise CaseError(f"[{section.name}] in a site")
    return head.get("modules", "").split(), config, files, head.get("tls", "")


def load_case(path):
    path = Path(path)
    name = f"{path.parent.name}/{path.stem}"
    try:
        return _build_case(name, path.read_text())
    except (CaseError, ValueError, IndexError) as error:
        raise CaseError(f"{path}: {error}") from error


def _like(head, sections):
    """The head and sections of another case, under this one's protocol and with its sections added."""
    other, theirs = split_sections((HERE / "cases" / f"{head['like']}.case").read_text())
    if head.get("protocol") == "h2c":
        for section in theirs:
            section.lines = [line for line in section.lines
                             if section.name not in ("expect", "differ") or not OF_HTTP_1.match(line)]
        other.pop("header-order", None)
    return {**other, **head}, theirs + sections


def _over_h2c(case):
    case.modules.append("http2")
    case.config += "Protocols h2c http/1.1\n"


def _build_case(name, text):
    head, sections = split_sections(text)
    if not head.get("title"):
        raise CaseError("no title")
    if "like" in head:
        head, sections = _like(head, sections)
    modules, config, files, tls = load_site(head.get("site", "static"))
    tls = head.get("tls", tls)
    case = Case(name, head["title"], head.get("spec", "").split(), head.get("site", "static"),
                modules + head.get("modules", "").split(), config, files, [], [], [], None,
                head.get("header-order") == "yes", int(head.get("ports", 1)))
    if head.get("protocol") == "h2c":
        _over_h2c(case)
    for section in sections:
        if section.name == "config":
            case.config += "\n".join(section.lines).strip("\n") + "\n"
        elif section.name == "files":
            case.files = case.files + parse_files(section.lines)
        elif section.name == "send":
            case.sends.append(_send(section, tls, head.get("protocol", "http/1.1")))
        elif section.name == "log":
            case.log = (case.log or []) + _text_lines(section)
        else:
            setattr(case, section.name, getattr(case, section.name) + _text_lines(section))
    if not case.sends:
        raise CaseError("no [send]")
    return case


def all_cases():
    return [load_case(path) for path in sorted((HERE / "cases").glob("*/*.case"))]
