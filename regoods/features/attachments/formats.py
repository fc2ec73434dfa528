"""JPEG, PNG, GIF and WebP by their parts: what shows the picture is kept as it is, what tells of it is left out.

Location, device, author, comments, previews and further pictures stand in parts of their own. Pure functions on bytes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

MOST_SCANS = 50
"""Of a progressive JPEG, each a walk over all of it; cameras and programs write about 10."""


class Damaged(Exception):
    """Cut short, or not as its format says."""


@dataclass(frozen=True, slots=True)
class Parts:
    picture: bytes
    """A file with the picture alone: pixels, palette, colour profile, transparency, animation."""
    frames: int
    exif: bytes
    """What was left out and says which side is up, as TIFF; may be empty."""
    rest: bytes
    """What follows the picture in the file it came in."""


_JPEG_PIXELS_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_JPEG_KEPT = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD}
"""Frames, tables and scans."""
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


def _jpeg(data: bytes) -> Parts:
    kept, exif, scans, at = [data[:2]], b"", 0, 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if data[at : at + 1] != b"\xff" or at + 4 > len(data) + 2:
            raise Damaged
        marker = data[at + 1]
        if marker == _END_OF_IMAGE:
            kept.append(data[at : at + 2])
            return Parts(b"".join(kept), 1, exif, data[at + 2 :])
        end = at + 2 + _big(data, at + 2, 2)
        if marker == _START_OF_SCAN:
            scans += 1
            pixels_end = _JPEG_PIXELS_END.search(data, end)
            if pixels_end is None or scans > MOST_SCANS:
                raise Damaged
            end = pixels_end.start()
        elif end < at + 4 or end > len(data):
            raise Damaged
        segment = data[at:end]
        content = segment[4:]
        if marker == 0xE0 and content.startswith(b"JFIF\0"):
            kept.append(_JFIF)
        elif marker == 0xE1 and content.startswith(b"Exif\0\0"):
            exif = exif or content[6:]
        elif (
            marker in _JPEG_KEPT
            or (marker == 0xE2 and content.startswith(b"ICC_PROFILE\0"))
            or (marker == 0xEE and content.startswith(b"Adobe"))
        ):
            kept.append(segment)
        at = end


_PNG_KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT"),
    *(b"acTL", b"fcTL", b"fdAT"),
}


def _png(data: bytes) -> Parts:
    kept, exif, frames, at = [data[:8]], b"", 0, 8
    while True:
        end = at + 12 + _big(data, at, 4)
        kind = data[at + 4 : at + 8]
        if end > len(data):
            raise Damaged
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            exif = data[at + 8 : end - 4]
        frames += kind == b"fcTL"
        at = end
        if kind == b"IEND":
            return Parts(b"".join(kept), max(1, frames), exif, data[at:])


_GIF_REPEATS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _gif(data: bytes) -> Parts:
    frames, at = 0, 13 + _palette_size(data, 10)
    kept = [data[:at]]
    while True:
        begin, kind = at, data[at : at + 1]
        if kind == b";":
            return Parts(b"".join(kept) + b";", frames, b"", data[at + 1 :])
        if kind == b",":
            frames += 1
            at = _blocks_end(data, at + 11 + _palette_size(data, at + 9))
            kept.append(data[begin:at])
        elif kind == b"!":
            at = _blocks_end(data, at + 2)
            label = data[begin + 1]
            if label == 0xF9 or (label == 0xFF and data[begin + 3 : begin + 14] in _GIF_REPEATS):
                kept.append(data[begin:at])
        elif kind == b"\0":
            at += 1
        else:
            raise Damaged


def _palette_size(data: bytes, at: int) -> int:
    flags = _big(data, at, 1)
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


def _blocks_end(data: bytes, at: int) -> int:
    while True:
        size = _big(data, at, 1)
        at += 1 + size
        if size == 0:
            return at


_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_WEBP_TELLS = 0x08 | 0x04
"""Of a VP8X's flags: there is EXIF, there is XMP."""


def _webp(data: bytes) -> Parts:
    kept, exif, frames, at = [], b"", 0, 12
    file_end = 8 + _little(data, 4)
    if file_end > len(data):
        raise Damaged
    while at < file_end:
        size = _little(data, at + 4)
        end = at + 8 + size + size % 2
        kind, chunk = data[at : at + 4], data[at:end]
        if end > file_end:
            raise Damaged
        if kind == b"VP8X":
            kept.append(chunk[:8] + bytes([_big(chunk, 8, 1) & ~_WEBP_TELLS]) + chunk[9:])
        elif kind in _WEBP_KEPT:
            kept.append(chunk)
        elif kind == b"EXIF":
            exif = chunk[8 : 8 + size].removeprefix(b"Exif\0\0")
        frames += kind == b"ANMF"
        at = end
    content = b"WEBP" + b"".join(kept)
    return Parts(b"RIFF" + len(content).to_bytes(4, "little") + content, max(1, frames), exif, data[file_end:])


def _big(data: bytes, at: int, size: int) -> int:
    """A number that must be there."""
    if at + size > len(data):
        raise Damaged
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int) -> int:
    if at + 4 > len(data):
        raise Damaged
    return int.from_bytes(data[at : at + 4], "little")


_READERS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Parts]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
)


def take_apart(data: bytes) -> Parts | None:
    """None: it is none of the four. Raises Damaged."""
    for beginning, read in _READERS:
        if beginning.match(data):
            return read(data)
    return None
