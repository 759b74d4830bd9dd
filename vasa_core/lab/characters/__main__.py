"""Draw the characters, icon and banner: ``python -m vasa_core.lab.characters --out DIR``."""

import argparse
from pathlib import Path

from . import emblem
from .ada import ada
from .mira import mira
from .tomas import tomas

CHARACTERS = {"mira": mira, "tomas": tomas, "ada": ada}
QUALITY = 93


def main() -> None:
    """Write one JPEG per character, then icon and banner, into the folder asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--only", choices=sorted(CHARACTERS), nargs="+", help="default: all")
    parser.add_argument("--side", type=int, default=640, help="pixels; default 640")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only or CHARACTERS:
        picture = CHARACTERS[name](args.side).picture()
        picture.save(args.out / f"{name}.jpg", quality=QUALITY, subsampling=0, optimize=True)
    if not args.only:
        emblem.save(args.out)


if __name__ == "__main__":
    main()
