"""Regular expressions as administrators write them: Python's, with `\\z` read as the end of the text."""

import re
import warnings

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def compile_regex(text: str, *, ascii_only: bool = False) -> re.Pattern[str]:
    """The compiled expression; with `ascii_only` digits and letters are those of ASCII. Raises ValueError telling what is wrong."""
    python = _ESCAPED.sub(lambda found: r"\Z" if found[1] == "z" else found[0], text)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # what Python may read otherwise one day is none of the administrator's business
        try:
            return re.compile(python, re.ASCII if ascii_only else 0)
        except RecursionError:
            raise ValueError("it is nested too deep") from None
        except (re.error, OverflowError) as error:
            raise ValueError(str(error)) from None
