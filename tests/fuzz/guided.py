"""Fuzzing with atheris, which looks at what code an input reaches. Runs in a process of its own: atheris never returns."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["xcatflow"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.mutation import LONGEST_SECONDS


def main(name: str, seconds: str, finds: str) -> None:
    """Fuzz a target; the text that did harm is left in the directory `finds`."""
    target = TARGETS[name]
    corpus = Path(tempfile.mkdtemp(prefix=f"xcatflow-fuzz-{name}-"))
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_text(seed, encoding="utf-8")
    words = corpus.with_suffix(".dict")
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))

    def one(data: bytes) -> None:
        target.one(data.decode("utf-8", errors="ignore"))

    flags = [
        f"-max_total_time={seconds}",
        f"-timeout={LONGEST_SECONDS}",
        "-max_len=4000",
        "-verbosity=0",
        "-rss_limit_mb=4096",
        f"-report_slow_units={LONGEST_SECONDS}",
    ]
    atheris.Setup(
        [sys.argv[0], *flags, f"-dict={words}", f"-artifact_prefix={finds}/", "-print_final_stats=1", str(corpus)], one
    )
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(
        letter if letter.isprintable() and letter not in '"\\' else f"\\x{ord(letter):02x}" for letter in word
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
