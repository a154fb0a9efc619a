"""Turns what a server answered into a flat record, and judges records: against each other, against
[expect], [differ] and [log] (FORMAT.md).  A record maps keys such as "c1 2 header etag" to text or
bytes; all normalisation happens here."""
import gzip
import re
import xml.etree.ElementTree as ET
import zlib

import brotli

from compat.casefile import CaseError, unescape
from lib import servers

SERVER_TOKEN = re.compile(r"(?:Apache|Pinion)/\d+\.\d+\.\d+(?: \([^)]*\))?(?: Apache/[\d.]+)?")
BOUNDARY = re.compile(r'boundary="?([\w\'()+,./:=?-]+)"?')
LOG_NUMBERS = re.compile(r"\b(pid|tid|us|ms|sec|at|port)=[0-9.]+")
LOG_TIME = re.compile(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]")
PAGE = re.compile(rb"<!DOCTYPE[^>]*>.*?<title>(\d{3} [^<]*)</title>(.*)</html>\s*", re.S | re.I)
LINK = re.compile(rb'<a href="[^"]*">', re.I)
VARIANT_LIST_TAG = re.compile(r'^(?:W/)?"([^";]+)(?:;[0-9a-f-]+)+"?$')
LOCK_TOKEN = re.compile(r"opaquelocktoken:[0-9a-f-]{36}")
DAV = "{DAV:}"
DAV_TIMES = {DAV + "creationdate", DAV + "getlastmodified", DAV + "getetag"}
LOG_WAIT_S = 3.0
EXPECT = re.compile(r"(?:c(\d+) )?(?:(\d+) )?"
                    r"(status|reason|header|body|framing|answers|connection|interim|trailer)\b(.*)")
DIFFER = re.compile(r"(?:c(\d+) )?(?:(\d+) )?(rest|[a-z][\w -]*?)"
                    r"(?:: apache (.*?), pinion (.*?))? because ((?:RFC ?\d+|COMPAT).*)")
NOT_COMPARED = {"date"}


class Normaliser:
    """Takes out of texts what must differ between two servers."""

    def __init__(self, server):
        self.ports = server.ports

    def text(self, value):
        for number, port in enumerate(self.ports, 1):
            name = f"PORT{number}" if number > 1 else "PORT"
            value = re.sub(rf"(?<=:){port}\b|(?<=Port ){port}\b", name, value)
        return LOCK_TOKEN.sub("opaquelocktoken:N", SERVER_TOKEN.sub("SERVER", value))

    def body(self, value, boundary):
        if len(value) > 64 * 1024:
            return value
        text = self.text(value.decode("latin-1"))
        if boundary:
            text = text.replace(boundary, "BOUNDARY")
        return text.encode("latin-1")

    @staticmethod
    def page(body):
        """What matters of a page that a server made for a status: wording is each server's own."""
        match = PAGE.fullmatch(body)
        if not match:
            return None
        title, rest = match.groups()
        return b" ".join([b"PAGE", title, *LINK.findall(rest)])

    def log_line(self, line):
        line = self.text(LOG_NUMBERS.sub(r"\1=N", line))
        return LOG_TIME.sub("[N]", line)


def record(case, pair, server, exchanges, log_offset):
    """The record of all that `server` answered to `case`."""
    flat, normaliser = {}, Normaliser(server)
    for c, exchange in enumerate(exchanges, 1):
        for index, interim in exchange.interims:
            key = f"c{c} {index + 1} interim"
            flat[key] = flat.get(key, "") + f"[{interim.status} {interim.reason}]"
        for a, answer in enumerate(exchange.answers, 1):
            _record_answer(flat, f"c{c} {a}", answer, normaliser, case.header_order)
        flat[f"c{c} answers"] = str(len(exchange.answers))
        flat[f"c{c} connection"] = exchange.end
        if exchange.fault:
            flat[f"c{c} fault"] = exchange.fault
    if case.log is not None:
        due = len(case.log) or sum(len(exchange.answers) for exchange in exchanges)
        for n, line in enumerate(_log_lines(pair, server, log_offset, due), 1):
            flat[f"log {n}"] = normaliser.log_line(line)
    return flat


def _record_answer(flat, prefix, answer, normaliser, header_order):
    flat[f"{prefix} status"] = str(answer.status)
    flat[f"{prefix} version"] = answer.version
    flat[f"{prefix} reason"] = answer.reason
    match = BOUNDARY.search(answer.headers.get("content-type", ""))
    boundary = match.group(1) if match else ""
    body = normaliser.body(answer.body, boundary)
    for name in sorted({name.lower() for name, _ in answer.headers}):
        values = " | ".join(answer.headers.all(name))
        if boundary:
            values = values.replace(boundary, "BOUNDARY")
        if name == "etag":
            values = VARIANT_LIST_TAG.sub(r'"\1"', values)
        if name == "allow":
            values = ",".join(sorted(part.strip() for part in values.split(",")))
        flat[f"{prefix} header {name}"] = normaliser.text(values)
    page = normaliser.page(body) if answer.status >= 300 or answer.status == 201 else None
    listed = _multistatus(body) if answer.headers.get("content-type", "").startswith("text/xml") else None
    if answer.status == 201 and page is not None:
        page = page.split(b" <a")[0]
    if page is not None and f"{prefix} header content-type" in flat:
        flat[f"{prefix} header content-type"] = flat[f"{prefix} header content-type"].lower()
    if page is None:
        page = listed
    if page is not None:
        body = page
        for name in ("content-length", "transfer-encoding"):
            flat.pop(f"{prefix} header {name}", None)
    elif boundary and not body and "content-length" in answer.headers:
        flat[f"{prefix} header content-length"] = "of the parts"
    elif answer.body and (plain := _decoded(answer)) is not None:
        body = plain
        if "content-length" in answer.headers:
            flat[f"{prefix} header content-length"] = "of a compressed body"
    elif len(body) != len(answer.body) and "content-length" in answer.headers:
        flat[f"{prefix} header content-length"] = f"{len(body)} (normalised)"
    if header_order:
        flat[f"{prefix} order"] = " ".join(name for name, _ in answer.headers)
    for name, value in answer.trailers:
        flat[f"{prefix} trailer {name.lower()}"] = value
    flat[f"{prefix} framing"] = answer.framing if page is None else "of a page"
    flat[f"{prefix} body"] = body


def _multistatus(body):
    """What an answer of WebDAV says, a line a statement; None when it is none."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError:
        return None
    if root.tag == DAV + "prop":
        return "\n".join(sorted(_property(prop) for prop in root)).encode()
    if root.tag != DAV + "multistatus":
        return None
    lines = []
    for response in root.findall(DAV + "response"):
        href = response.findtext(DAV + "href")
        status = response.findtext(DAV + "status")
        if status:
            lines.append(f"{href} {status.split()[1]}")
        for stat in response.findall(DAV + "propstat"):
            status = stat.findtext(DAV + "status").split()[1]
            lines += [f"{href} {status} {_property(prop)}" for prop in stat.find(DAV + "prop")]
    return "\n".join(sorted(lines)).encode()


def _property(prop):
    """Its name, and its value in one form, without what time and chance decide."""
    if prop.tag in DAV_TIMES:
        return f"{prop.tag} {'N' if prop.text else ''}".strip()
    for lock in prop.iter(DAV + "activelock"):
        for root in lock.findall(DAV + "lockroot"):
            lock.remove(root)
    for timeout in prop.iter(DAV + "timeout"):
        timeout.text = re.sub(r"\d+", "N", timeout.text)
    parts = [(element.text or "").strip() if element is prop else
             f"<{element.tag}{sorted(element.items()) or ''}>{(element.text or '').strip()}</>{(element.tail or '').strip()}"
             for element in prop.iter()]
    return f"{prop.tag}{sorted(prop.items()) or ''} {''.join(parts)}".strip()


def _decoded(answer):
    """The content behind a whole compressed body, or None: two compressors need not agree on bytes."""
    try:
        if answer.status != 206 and answer.headers.get("content-encoding") == "gzip":
            return gzip.decompress(answer.body)
        if answer.status != 206 and answer.headers.get("content-encoding") == "br":
            return brotli.decompress(answer.body)
    except (OSError, EOFError, zlib.error, brotli.error):
        pass
    return None


def log_size(pair, server):
    path = pair.variables(server)["LOG"]
    return path.stat().st_size if path.exists() else 0


def _log_lines(pair, server, offset, due):
    """The lines written after `offset`, once there are as many as are due."""
    path = pair.variables(server)["LOG"]

    def read():
        data = path.read_bytes()[offset:] if path.exists() else b""
        return data.decode("utf-8", "backslashreplace").splitlines()

    try:
        servers.wait_for(lambda: len(read()) >= due, LOG_WAIT_S, "log lines")
    except TimeoutError:
        pass
    return read()


def problems(case, records):
    """What is wrong, one text each; empty when the case passes."""
    found = []
    differences = [_parse_differ(line) for line in case.differ]
    for kind, flat in records.items():
        found += [f"{kind}: {text}" for text in _check_expect(case, flat)]
        found += [f"{kind}: {text}" for text in _check_differ(differences, flat, kind)]
        found += [f"{kind}: {text}" for text in _check_log(case, flat)]
    if len(records) == 2:
        found += _compare(records["apache"], records["pinion"], differences)
    return found


def _parse_differ(line):
    match = DIFFER.fullmatch(line)
    if not match:
        raise CaseError(f"[differ] line {line!r}")
    connection, answer, what, apache, pinion, _ = match.groups()
    prefix = f"c{connection or 1}"
    if not what.startswith(("connection", "answers", "fault")):
        prefix += f" {answer or 1}"
    key = what if what.startswith("log ") else f"{prefix} {what}"
    return {"prefix": prefix, "key": key, "rest": what == "rest",
            "apache": apache, "pinion": pinion}


def _check_differ(differences, flat, kind):
    for difference in differences:
        want = difference[kind]
        if want in (None, "*"):
            continue
        got = text_of(flat.get(difference["key"], "-"))
        if got not in want.split(" or "):
            yield f"{difference['key']}: [differ] says {want!r}, got {got!r}"


def _compare(apache, pinion, differences):
    exact = {d["key"] for d in differences}
    rests = tuple(d["prefix"] + " " for d in differences if d["rest"])
    found = []
    for key in list(dict.fromkeys([*apache, *pinion])):
        name = key.rpartition("header ")[2] if " header " in key else ""
        freed = key in exact or key.startswith(rests)
        if name == "server":
            freed = freed or (key in apache) == (key in pinion)
        else:
            freed = freed or name in NOT_COMPARED
        if freed:
            continue
        left, right = apache.get(key), pinion.get(key)
        if left != right:
            found.append(f"{key}: apache {shown(left)}, pinion {shown(right)}")
    return found


def _check_expect(case, flat):
    for line in case.expect:
        match = EXPECT.fullmatch(line)
        if not match:
            raise CaseError(f"[expect] line {line!r}")
        connection, answer, what, rest = match.groups()
        prefix = f"c{connection or 1}"
        if what not in ("answers", "connection"):
            prefix += f" {answer or 1}"
        problem = _check_one(flat, prefix, what, rest)
        if problem:
            yield f"expected {line!r}, {problem}"


def _check_one(flat, prefix, what, rest):
    """None when the expectation holds, else what is there instead."""
    rest = rest.lstrip(" ") if what in ("header", "trailer") else rest
    if what in ("header", "trailer"):
        name, rest = re.fullmatch(r"([^\s:]+)(.*)", rest).groups()
        what = f"{what} {name.lower()}"
    got = flat.get(f"{prefix} {what}")
    if rest in (" absent", " present"):
        return None if (got is None) == (rest == " absent") else f"got {shown(got)}"
    if got is None:
        return f"there is none ({[k for k in flat if k.startswith(prefix)]})"
    return None if _holds(got, rest) else f"got {shown(got)}"


def _holds(got, rest):
    as_bytes = got if isinstance(got, bytes) else got.encode("latin-1", "replace")
    if rest == ":":
        return as_bytes == b""
    if rest.startswith(": "):
        return as_bytes == unescape(rest[2:])
    if rest.startswith(" ~ "):
        return re.search(rest[3:], text_of(got)) is not None
    if rest.startswith(" contains "):
        return unescape(rest[10:]) in as_bytes
    if rest.startswith(" length "):
        return len(as_bytes) == int(rest[8:])
    raise CaseError(f"[expect] {rest!r}")


def _check_log(case, flat):
    if not case.log:
        return
    lines = [value for key, value in flat.items() if key.startswith("log ")]
    if len(lines) != len(case.log):
        yield f"{len(lines)} log lines, expected {len(case.log)}: {lines}"
    for want, got in zip(case.log, lines):
        if not re.fullmatch(".*".join(re.escape(part) for part in want.split("*")), got):
            yield f"log line {shown(got)}, expected {want!r}"


def text_of(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def shown(value, limit=300):
    if value is None:
        return "(nothing)"
    if len(value) > limit:
        return f"{value[:limit]!r}... ({len(value)} in all)"
    return repr(value)


def side_by_side(records, width=62):
    """Both records in two columns; '|' marks the rows that differ."""
    kinds = list(records)
    if len(kinds) == 1:
        only = records[kinds[0]]
        return "\n".join(f"{key:30} {shown(value, 200)}" for key, value in only.items())
    left, right = records[kinds[0]], records[kinds[-1]]
    rows = [f"{'':30} {kinds[0]:{width}}   {kinds[-1]}"]
    for key in dict.fromkeys([*left, *right]):
        a, b = shown(left.get(key), width - 20), shown(right.get(key), width - 20)
        mark = " " if left.get(key) == right.get(key) else "|"
        rows.append(f"{key:30} {a:{width}} {mark} {b}")
    return "\n".join(rows)
