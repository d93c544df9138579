"""Fetches CLIP's vocabulary, as tokenizer files of the SD 1.x models, for the tests.

    scripts/fetch_clip_vocab.py [--output .deps/share/clip-vocab]

The list of merges comes from the PyPI package open-clip-torch (MIT licence), whose wheel is unpacked,
not installed: it would bring torchvision. Does nothing if the folder is there.
"""

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "open-clip-torch==3.3.0"
MEMBER = "open_clip/bpe_simple_vocab_16e6.txt.gz"
SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
DEFAULT_OUTPUT = Path(__file__).resolve().parents[1] / ".deps" / "share" / "clip-vocab"

MERGE_COUNT = 49152 - 256 - 2  # of the list's 262,144, as in every CLIP
BOS = "<|startoftext|>"
EOS = "<|endoftext|>"


def byte_alphabet() -> list[str]:
    """GPT-2's spelling of the bytes, in the order of their ids: those that print first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(0x100 + i) for i in range(len(others))]


def build_files(merges: list[str]) -> dict[str, str]:
    """Texts of the tokenizer files by name."""
    letters = byte_alphabet()
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += [merge.replace(" ", "") for merge in merges]
    tokens += [BOS, EOS]
    assert len(set(tokens)) == 49408
    special = {"bos_token": added_token(BOS), "eos_token": added_token(EOS), "unk_token": added_token(EOS)}
    config = {
        **{name: {"__type": "AddedToken", **token} for name, token in special.items()},
        "pad_token": EOS,
        "model_max_length": 77,
        "tokenizer_class": "CLIPTokenizer",
    }
    return {
        "vocab.json": json.dumps({token: i for i, token in enumerate(tokens)}),
        "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n",
        "special_tokens_map.json": json.dumps({**special, "pad_token": EOS}),
        "tokenizer_config.json": json.dumps(config),
    }


def added_token(text: str) -> dict[str, str | bool]:
    return {"content": text, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}


def download_merges() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, PACKAGE], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        compressed = zipfile.ZipFile(wheel).read(MEMBER)
    if hashlib.sha256(compressed).hexdigest() != SHA256:
        raise SystemExit(f"{PACKAGE}: {MEMBER} is not the file that was expected")
    return gzip.decompress(compressed).decode().split("\n")[1 : 1 + MERGE_COUNT]


def fetch(output: Path = DEFAULT_OUTPUT) -> Path:
    """The folder with the tokenizer files, which is whole if it is there."""
    if not output.is_dir():
        files = build_files(download_merges())
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent) as folder:
            made = Path(folder) / output.name
            made.mkdir()
            for name, text in files.items():
                (made / name).write_text(text, encoding="utf-8")
            made.rename(output)
    return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="default: %(default)s")
    print(fetch(parser.parse_args().output))


if __name__ == "__main__":
    main()
