"""From an uploaded file to the picture that is stored: judged by its content, decoded, without what tells of it.

What is stored is what Pillow has decoded to the last frame; hostile metadata never reach it. Runs on a worker thread.
"""

import io
import logging
import re
import warnings

from PIL import Image, ImageSequence
from PIL.JpegImagePlugin import get_sampling

from regoods.core.errors import ValidationError
from regoods.features.attachments.form import FIELD
from regoods.features.attachments.formats import Damaged, Parts, take_apart

MOST_PIXELS = 40_000_000
"""Decoded, and turned upright beside it, they take 320 MB; a phone's 12 million take 96."""
MOST_PIXELS_OF_WEBP = 16_000_000
"""Its decoder keeps the picture four times."""
MOST_PIXELS_IN_ALL = 250_000_000
"""Of all frames: a second or two of decoding."""
MOST_FRAMES = 1_000

EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp"}

# Pillow raises where an image, or a later frame of it, has twice this, and warns where it has once.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2
# It also warns of broken notes, which are left out anyway.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.WARNING)

_NAME_ENDS = (b" ", b"\t", b"\n", b"\f", b"\r", b"/", b">")
"""What stands behind a tag's name (HTML, 13.2.5.8), and the one that is read as a new line."""
_SVG = tuple(b"<svg" + end for end in _NAME_ENDS)
_PAGES = (b"<script", b"<html", *_SVG, b"<iframe", b"<!doctype", b"<?php")
"""In lower case. Of these and the next, five bytes or more: shorter ones stand in a picture's pixels by chance, `<svg`
alone in one of a hundred pictures of 5 MB."""
_DOCUMENTS = (b"%PDF-", b"__HALT_COMPILER", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_ZIP_ENTRY, _ZIP_END = b"PK\x01\x02", b"PK\x05\x06"
_SCRIPT_HEAD = re.compile(rb"GIF8[79]a/\*|\xff\xd8\xff\xe0/\*")
"""A picture's first bytes that are a script's, too: its sizes spell the begin of a comment."""
_CAMERA_NOTE = re.compile(rb"vivo\{|[\[{]")
_TEXT = re.compile(rb"[\t\n\r -~]{1,64}")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation -> what brings the picture upright."""
_ORIENTATION = 0x0112


def clean(data: bytes) -> tuple[str, bytes]:
    """(extension, picture). Raises ValidationError naming the field, in words for whoever took the picture."""
    try:
        parts = take_apart(data)
    except Damaged:
        raise _damaged() from None
    if parts is None:
        raise _wrong("must be a JPEG, PNG, GIF or WebP picture")
    if parts.frames > MOST_FRAMES:
        raise _wrong(f"has {parts.frames} frames; at most {MOST_FRAMES} are allowed")
    if _is_also_something_else(data, parts.rest):
        raise _wrong("is a picture and something else in one (a page, script, document or archive)")
    try:
        return _decode(parts)
    except Image.DecompressionBombError:
        raise _too_large(MOST_PIXELS) from None
    except ValidationError:
        raise
    except Exception:
        # What decoders raise at hostile bytes has no class in common.
        raise _damaged() from None


def _decode(parts: Parts) -> tuple[str, bytes]:
    with Image.open(io.BytesIO(parts.picture), formats=tuple(EXTENSIONS)) as image:
        kind, size = str(image.format), image.size
        pixels = size[0] * size[1]
        most = MOST_PIXELS_OF_WEBP if kind == "WEBP" else MOST_PIXELS
        if pixels > most or pixels * parts.frames > MOST_PIXELS_IN_ALL:
            raise _too_large(most)
        for frame in ImageSequence.Iterator(image):
            frame.load()
            if frame.size != size:
                raise Damaged
        turn = _UPRIGHT.get(_orientation(parts.exif))
        if turn is None or parts.frames > 1:
            return EXTENSIONS[kind], parts.picture
        return EXTENSIONS[kind], _turned(image, kind, turn, lossless=b"VP8L" in parts.picture[:256])


def _turned(image: Image.Image, kind: str, turn: Image.Transpose, *, lossless: bool) -> bytes:
    """Written anew, for the note which side is up goes with the rest; as good as it was."""
    options: dict[str, object] = {"icc_profile": image.info.get("icc_profile")}
    if kind == "JPEG":
        options |= {"qtables": image.quantization, "subsampling": get_sampling(image)}  # type: ignore[attr-defined]
    elif kind == "WEBP":
        options |= {"lossless": lossless, "quality": 90}
    written = io.BytesIO()
    image.transpose(turn).save(written, kind, **options)
    return written.getvalue()


def _orientation(exif: bytes) -> int:
    if not exif:
        return 1
    notes = Image.Exif()
    try:
        notes.load(exif)
        return int(notes.get(_ORIENTATION, 1))
    except Exception:
        # Broken notes are no reason to refuse a picture.
        return 1


def _is_also_something_else(data: bytes, rest: bytes) -> bool:
    """What cameras put behind a picture (previews, films, notes) is dropped; other text is none of theirs."""
    rest = rest.lstrip(b"\0\xff\r\n ") if not rest.startswith(b"\xff\xd8") else rest
    text = _TEXT.match(rest)
    is_text = text is not None and text.end() == min(len(rest), 64)
    if _SCRIPT_HEAD.match(data) or (is_text and not _CAMERA_NOTE.match(rest)):
        return True
    # Searched one by one: a pattern of them all would hold the interpreter's lock, and so the loop, for a second.
    lower = data.lower()
    return (
        any(sign in lower for sign in _PAGES)
        or any(sign in data for sign in _DOCUMENTS)
        or (_ZIP_END in data and _ZIP_ENTRY in data)
    )


def _wrong(problem: str) -> ValidationError:
    return ValidationError(FIELD, f"{FIELD} {problem}.")


def _damaged() -> ValidationError:
    return _wrong("is damaged or cut short, so it cannot be shown. Send it again, or another one")


def _too_large(most: int) -> ValidationError:
    return _wrong(
        f"has too many pixels: at most {most // 1_000_000} million are allowed, "
        f"and {MOST_PIXELS_IN_ALL // 1_000_000} million in all frames together. Send it smaller"
    )
