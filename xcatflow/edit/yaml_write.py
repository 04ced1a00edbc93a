"""Values as YAML text on one line: plain where that is read back as the same, in quotes otherwise."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from xcatflow.load.yaml_pieces import Piece
from xcatflow.load.yaml_tree import YamlScalar

_PLAIN = re.compile(r"[A-Za-z0-9_/.$(^+\\<;-][^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]*")
_ODD_START = re.compile(r"-(?![A-Za-z0-9])|---|\.\.\.|<<")
_ESCAPED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_FLOW = re.compile(r"[,\[\]{}]")


def scalar_text(text: str, *, flow: bool, style: str = "", typed: bool = False) -> str:
    """A text as a scalar. `flow` says that it stands in brackets, `style` is the quote it should have if it needs one or had one
    before. With `typed` it is not to be taken for a number, true or null, as it else may."""
    if _ESCAPED.search(text):
        return _double(text)
    if style != "'" and style != '"' and _is_plain(text, flow=flow, typed=typed):
        return text
    if style == "'" or (style != '"' and ("\\" in text or '"' in text)):
        return "'" + text.replace("'", "''") + "'"
    return _double(text)


def _is_plain(text: str, *, flow: bool, typed: bool) -> bool:
    if not _PLAIN.fullmatch(text) or _ODD_START.match(text) or text[-1] in ": " or ": " in text or " #" in text:
        return False
    value = YamlScalar(text, True, (0, 0)).value
    if value is None or (typed and not isinstance(value, str)):
        return False
    return not (flow and (_FLOW.search(text) or (":" in text and not re.fullmatch(r"[\w.:/@-]+", text))))


def _double(text: str) -> str:
    return '"' + _ESCAPED.sub(_escape, text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(code) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def key_text(text: str, *, flow: bool, style: str = "") -> str:
    """A text as the key of a mapping."""
    return scalar_text(text, flow=flow, style=style or ('"' if ":" in text else ""), typed=False)


def value_text(value: Any, *, flow: bool, typed: bool = False) -> str:
    """A value made of mappings, sequences and scalars, collections in brackets."""
    match value:
        case str():
            return scalar_text(value, flow=flow, typed=typed)
        case Mapping():
            pairs = (
                f"{key_text(key, flow=True)}: {value_text(one, flow=True, typed=typed)}" for key, one in value.items()
            )
            return "{" + ", ".join(pairs) + "}"
        case Sequence():
            return "[" + ", ".join(value_text(one, flow=True, typed=typed) for one in value) + "]"
    return json.dumps(value)


def piece_text(piece: Piece) -> str:
    """What a piece says, aliases resolved, as text for any place."""
    piece = piece.meant
    match piece.kind:
        case "mapping":
            pairs = (f"{piece_text(key)}: {piece_text(value)}" for key, value in piece.pairs)
            return "{" + ", ".join(pairs) + "}"
        case "sequence":
            return "[" + ", ".join(piece_text(item) for item in piece.items) + "]"
    if not piece.style and not YamlScalar(piece.text, True, (0, 0)).as_text:
        return "null"
    return scalar_text(
        piece.text, flow=True, style="" if piece.style in ("|", ">") else piece.style, typed=bool(piece.style)
    )
