"""Puts a virtual environment right that was moved or copied: the scripts in its bin name their interpreter by path.

python scripts/move_venv.py OLD NEW     OLD is the folder that they name, NEW the one that they lie in
"""

import re
import sys
from pathlib import Path

# A first line may not be long and knows no spaces. This form, pip's own for such paths, is right for all of them.
SHEBANG = re.compile(rb"^#!(/.*/bin/python[0-9.]*)\n")
ANY_PATH = rb"""#!/bin/sh
'''exec' "\1" "$0" "$@"
' '''
"""


def moved(script: bytes, old: bytes, new: bytes) -> bytes:
    """The text of a script of the environment `old` as it has to be in `new`."""
    if old not in script or b"\0" in script:
        return script
    return SHEBANG.sub(ANY_PATH, script, count=1).replace(old, new)


def main(old: str, new: str) -> None:
    for path in Path(new, "bin").iterdir():
        if not path.is_symlink() and path.is_file():
            script = path.read_bytes()
            after = moved(script, old.encode(), new.encode())
            if after != script:
                path.write_bytes(after)


if __name__ == "__main__":
    main(*sys.argv[1:])
