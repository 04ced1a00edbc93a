"""What anchors stand for elsewhere, while the place where they are defined changes."""

from xcatflow.edit.yaml_splice import Splice
from xcatflow.edit.yaml_write import piece_text
from xcatflow.load.yaml_pieces import Piece


def keep_anchors(splice: Splice, root: Piece) -> None:
    """For every anchored piece that changes or goes: the first alias of it that stays gets the old value and the anchor."""
    pieces = list(root.below())
    for piece in pieces:
        if not piece.anchor or not splice.touched(piece):
            continue
        aliases = [one for one in pieces if one.target is piece and id(one) not in splice.changed]
        if not aliases:
            continue
        first = aliases[0]
        splice.replace(first.start, first.end, f"&{piece.anchor} {piece_text(piece)}")
        splice.touch(first)
        start, end = piece.outer, piece.outer + 1 + len(piece.anchor)
        if splice.text[end : end + 1] == " ":
            end += 1
        elif splice.text[start - 1 : start] == " ":
            start -= 1
        splice.replace(start, end, "")
