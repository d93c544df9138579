"""Keeps the exporter's memory at about one copy of a model."""

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BLOCK = 1 << 20


def return_freed_memory() -> None:
    """Makes glibc hand large blocks back as soon as they are freed.

    By itself it raises its limit for that to 32 MB, above nearly all tensors of a UNet, and what one copy of the
    weights left behind stays with the program while the next is loaded.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc only
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
