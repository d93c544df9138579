"""What a file is that is not what its name says: people get these instead of a model's files."""

_AGAIN = "; fetch the file itself"
# How a file starts -> what it is and what to do.
_STARTS = (
    (
        b"version https://git-lfs",
        "a pointer of git-lfs, which stands for the file; fetch the file itself with `git lfs pull` in its repository, "
        "or with `hf download`",
    ),
    (b"GGUF", "a GGUF file of quantised weights; get the model's .safetensors file"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a rar archive; unpack it"),
    (b"\x89PNG", f"a PNG picture{_AGAIN}"),
    (b"\xff\xd8\xff", f"a JPEG picture{_AGAIN}"),
)
_PAGES = ("<!doctype", "<html")
_TEXT_SHOWN = 60  # characters


def what_it_is(start: bytes) -> str | None:
    """From a file's first bytes: what it is and what to do, if that is known."""
    for known, what in _STARTS:
        if start.startswith(known):
            return what
    if start.decode("ascii", errors="replace").lstrip().lower().startswith(_PAGES):
        return f"a web page; the address was that of a page about the file, or asks for a login{_AGAIN}"
    return None


def what_binary_is(start: bytes) -> str | None:
    """The same of a file that should hold no text: what a server said instead of sending it, for instance."""
    return what_it_is(start) or _text(start)


def _text(start: bytes) -> str | None:
    try:
        line = " ".join(start.decode("ascii").split())
    except UnicodeDecodeError:
        return None
    return f"a text that begins '{line[:_TEXT_SHOWN]}'{_AGAIN}" if line and line.isprintable() else None
