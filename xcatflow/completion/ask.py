"""The file that shells run: `python -I -S ask.py LINE [BREAKS]`, the table of words in XCATFLOW_WORDS. Never says what went wrong."""

import gc
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120

from xcatflow.completion.answer import answer


def main() -> None:
    """Print a candidate a line."""
    gc.disable()
    try:
        line, breaks = (*sys.argv[1:], "")[:2] if len(sys.argv) > 1 else ("", "")
        found = answer(line, breaks, os.environ.get("XCATFLOW_WORDS", ""), os.environ)
        os.write(1, os.fsencode("".join(f"{each}\n" for each in found)))
    except Exception:  # a candidate less is better than a message in the middle of a line
        return


if __name__ == "__main__":
    main()
