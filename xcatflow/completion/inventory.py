"""Names and values in the files of a site, found without reading these as they are read elsewhere: a hundred thousand nodes in the time
between two keys. YAML is seen as far as it is written in blocks; what is not understood is not offered.
"""

import os

_SECTIONS = {
    b"nodes": "node",
    b"groups": "group",
    b"osimages": "osimage",
    b"networks": "network",
    b"routes": "route",
    b"osdistros": "osdistro",
    b"policies": "policy",
}
_COLON = ord(":")
_MANY = 5000
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,:/@%+-~"


def site_of(directory: str, environ: "os._Environ[str] | dict[str, str]") -> str:
    """The site: `$XCATFLOW_SITE`, else the nearest directory upwards with `inventory/`; empty where there is none."""
    if given := environ.get("XCATFLOW_SITE"):
        return given
    while not os.path.isdir(f"{directory}/inventory"):  # noqa: PTH112
        above = os.path.dirname(directory)  # noqa: PTH120
        if above == directory:
            return ""
        directory = above
    return directory


class Inventory:
    """The files below `inventory/` of a site."""

    def __init__(self, site: str) -> None:
        self._stanzas: list[bytes] = []
        self._yamls: list[bytes] = []
        if site:
            self._read(f"{site}/inventory")

    def _read(self, directory: str) -> None:
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                self._read(entry.path)
            elif entry.name.endswith((".stanza", ".yaml", ".yml")) and entry.is_file():
                content = _content(entry.path)
                (self._stanzas if entry.name.endswith(".stanza") else self._yamls).append(content)

    def names(self, objtypes: "tuple[str, ...] | list[str]", prefix: str = "") -> set[str]:
        """The objects of these types whose names begin with `prefix`; groups also where only nodes name them."""
        start, types = os.fsencode(prefix), [os.fsencode(objtype) for objtype in objtypes]
        found = {name for content in self._stanzas for name in _headers(content, start, types)}
        found |= {name for content in self._yamls for name in _keys(content, start, types)}
        if b"group" in types:
            found |= {name for value in self._values(b"groups") for name in _items(value) if name.startswith(start)}
        return {name.decode("utf-8", "surrogateescape") for name in found if name}

    def values(self, attribute: str, *, items: bool) -> set[str]:
        """What objects have as `attribute`, with `items` each entry of the lists; only what no shell needs quotes for."""
        values = self._values(os.fsencode(attribute))
        found = {item for value in values for item in (_items(value) if items else [value])}
        return {os.fsdecode(value) for value in found if value and not value.translate(None, _PLAIN)}

    def _values(self, attribute: bytes) -> set[bytes]:
        return {
            value
            for contents, mark in ((self._stanzas, b"="), (self._yamls, b":"))
            for content in contents
            for value in _assigned(content, attribute + mark)
        }


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read()
    except OSError:
        return b""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
    for odd in (b": \n", b":\t\n"):
        if odd in content:
            content = b"\n".join(line.rstrip() for line in content.split(b"\n"))
    for odd in (b"objtype = ", b"objtype =", b"objtype= "):
        if odd in content:
            content = content.replace(odd, b"objtype=")
    return content if content.endswith(b"\n") else content + b"\n"


def _headers(content: bytes, start: bytes, types: list[bytes]) -> list[bytes]:
    """The names before the colons that end lines of stanza text."""
    marks = [b"objtype=" + objtype + b"\n" for objtype in types]
    if start and content.count(b"\n" + start) < _MANY:
        return _headers_beginning(content, start, marks)
    pieces = content.split(b":\n")
    names = [piece[piece.rfind(b"\n") + 1 :].strip() for piece in pieces]
    bodies = pieces[1:]
    found = [name for mark in marks for name, body in zip(names, bodies, strict=False) if mark in body]
    return [name for name in found if name.startswith(start) and b"=" not in name and not name.startswith(b"#")]


def _headers_beginning(content: bytes, start: bytes, marks: list[bytes]) -> list[bytes]:
    """The same where few begin as wanted: a search for that beginning, behind a line break or blanks."""
    found: list[bytes] = []
    if content.startswith(start):
        content = b"\n" + content
    find = content.find
    for lead in (b"\n" + start, b" " + start, b"\t" + start):
        at = find(lead)
        while at >= 0:
            end = find(b"\n", at + 1)
            if content[end - 1] == _COLON and not content[content.rfind(b"\n", 0, at + 1) + 1 : at + 1].strip():
                body = content[end : find(b":\n", end) + 1 or None]
                name = content[at + 1 : end - 1].rstrip()
                if b"=" not in name and any(mark in body for mark in marks):
                    found.append(name)
            at = find(lead, end)
    return found


def _keys(content: bytes, start: bytes, types: list[bytes]) -> list[bytes]:
    """The keys one level below the sections of YAML text."""
    found: list[bytes] = []
    wanted, depth = False, 0
    for line in content.split(b"\n"):
        bare = line.lstrip(b" ")
        if not bare or bare.startswith(b"#"):
            continue
        indent = len(line) - len(bare)
        if indent == 0:
            wanted, depth = os.fsencode(_SECTIONS.get(line.partition(b":")[0], "")) in types, 0
        elif wanted:
            depth = depth or indent
            if indent == depth and b":" in bare:
                name = bare.rpartition(b":")[0] if bare.endswith(b":") else bare.partition(b": ")[0]
                if (name := name.strip(b"'\" ")).startswith(start):
                    found.append(name)
    return found


def _assigned(content: bytes, name: bytes) -> set[bytes]:
    """What stands behind `name` (with its mark) in lines, or in braces within them."""
    found: set[bytes] = set()
    for lead in (b" ", b"\t", b"\n", b"{"):
        found.update([piece.partition(b"\n")[0] for piece in content.split(lead + name)[1:]])
    braces = name.endswith(b":")
    return {_unwrapped(value.strip(), braces=braces) for value in found}


def _unwrapped(value: bytes, *, braces: bool) -> bytes:
    """A value without what YAML puts around it."""
    if not braces:
        return value.strip(b'"')
    if value.startswith(b"["):
        return value[1:].partition(b"]")[0]
    return value.partition(b", ")[0].rstrip(b"}").strip(b"'\"")


def _items(value: bytes) -> list[bytes]:
    return [item.strip(b" '\"") for item in value.split(b",")]
