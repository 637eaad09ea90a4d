"""The command: makes one family, or all of them side by side."""

import argparse
import sys
import time
from pathlib import Path

from tools.tiny_vlm import FAMILIES, SHAPES


def main(words: list[str]) -> int:
    """Make what the words say; tell on stderr what was made."""
    parser = argparse.ArgumentParser(prog="python -m tools.tiny_vlm", description="Make a small vision-language model.")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument(
        "--family", choices=[*FAMILIES, "all"], default="glm4v", help="all: a folder for each below OUT"
    )
    parser.add_argument(
        "--size", choices=SHAPES, default="tiny", help="tiny 0.2 M weights, base 245 M, 9b as the name says"
    )
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    from transformers.utils import logging

    from tools.tiny_vlm.make import make

    logging.disable_progress_bar()
    families = list(FAMILIES) if asked.family == "all" else [asked.family]
    for family in families:
        out = asked.out / family if asked.family == "all" else asked.out
        began = time.monotonic()
        make(out, family, asked.size, seed=asked.seed)
        size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
        _say(f"{family}, {asked.size}: {size:.1f} MB in {time.monotonic() - began:.1f} s at {out}")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
