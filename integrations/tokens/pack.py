"""Make the packed vocabulary that this package ships: `python -m integrations.tokens.pack FILE OUT.bin.xz`.

FILE is a vocabulary as its publisher distributes it (lines of `base64(token) rank`), plain or gzipped.
"""

import argparse
import gzip
import hashlib
import sys
from pathlib import Path

from integrations.tokens.packed import pack

GZIP_MAGIC = b"\x1f\x8b"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Pack a token vocabulary.")
    parser.add_argument("vocabulary", type=Path, help="the published file, plain or .gz")
    parser.add_argument("packed", type=Path, help="where to write the packed form")
    paths = parser.parse_args(arguments)
    original = paths.vocabulary.read_bytes()
    if original.startswith(GZIP_MAGIC):
        original = gzip.decompress(original)
    packed = pack(original)
    paths.packed.write_bytes(packed)
    sha256 = hashlib.sha256(original).hexdigest()
    sys.stdout.write(
        f"{paths.packed.name}: {len(packed)} bytes, from {len(original)} with SHA-256 {sha256}\n"
    )


if __name__ == "__main__":
    main()
