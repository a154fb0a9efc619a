"""gdb helpers for Pinion: source them with `gdb -x dev/gdb/pinion.py` or `source dev/gdb/pinion.py`.

Printers: pn_str as its text, struct pn_buf as its bytes and limits, struct pn_addr as an address, struct pn_headers
as a list. Command: `pn-request` prints the request that a frame up the stack works on.
"""
import ipaddress

import gdb

TEXT_MAX = 400                                         # bytes of a text that are shown
AF_INET, AF_INET6 = 2, 10


def text_of(pointer, length):
    """Bytes as a quoted text, cut when they are many."""
    length = int(length)
    if not int(pointer):
        return "NULL" if length == 0 else f"NULL with {length} bytes"
    shown = min(length, TEXT_MAX)
    data = bytes(gdb.selected_inferior().read_memory(int(pointer), shown)) if shown else b""
    more = f"... ({length} bytes)" if length > shown else ""
    return '"' + data.decode("latin-1").encode("unicode_escape").decode() + '"' + more


class Str:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return text_of(self.value["p"], self.value["n"])


class Buf(Str):
    def to_string(self):
        full = ", FULL" if self.value["full"] else ""
        text = text_of(self.value["p"], self.value["n"])
        return f"{text} [{self.value['n']} of {self.value['cap']}, at most {self.value['max']}{full}]"


class Addr(Str):
    def to_string(self):
        family = int(self.value["family"])
        length = {AF_INET: 4, AF_INET6: 16}.get(family)
        if length is None:
            return f"family {family}"
        data = bytes(int(self.value["ip"][i]) for i in range(length))
        return f"{ipaddress.ip_address(data)} port {int(self.value['port'])}"


class Headers(Str):
    def to_string(self):
        return f"{int(self.value['n'])} fields"

    def children(self):
        for i in range(int(self.value["n"])):
            field = self.value["v"][i]
            name = text_of(field["name"]["p"], field["name"]["n"]).strip('"')
            yield name, text_of(field["value"]["p"], field["value"]["n"])


class Request(gdb.Command):
    """Print the request of the innermost frame that has one in a variable named r."""

    SHOWN = ("line", "method", "path", "query", "filename", "path_info", "handler", "content_type", "status",
             "in", "out", "err_out")

    def __init__(self):
        super().__init__("pn-request", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        request = gdb.parse_and_eval(argument) if argument else self.nearest()
        for name in self.SHOWN:
            print(f"{name:>13}  {request.dereference()[name].format_string(max_elements=40)}")

    @staticmethod
    def nearest():
        frame = gdb.selected_frame()
        while frame:
            try:
                value = frame.read_var("r")
                if str(value.type.strip_typedefs()) == "struct pn_request *":
                    return value
            except (ValueError, gdb.error):
                pass
            frame = frame.older()
        raise gdb.GdbError("no frame up from here has a request")


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("pinion")
    for name, printer in (("pn_str", Str), ("pn_buf", Buf), ("pn_addr", Addr), ("pn_headers", Headers)):
        collection.add_printer(name, f"^{name}$", printer)
    return collection


gdb.printing.register_pretty_printer(gdb.current_objfile(), printers(), replace=True)
Request()
