"""Pictures as phones and programs make them, and forms as browsers send them."""

import io
from typing import Any

from PIL import Image

GPS = 0x8825
MAKER = "Somebody's Phone"


def image(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Not symmetric, so that it shows which side is up."""
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    picture.paste((200, 30, 30), (0, 0, size[0] // 2, size[1] // 3))
    return picture


def encoded(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


def notes(orientation: int = 1) -> Image.Exif:
    """EXIF with a device, a time and a place: the seller's home."""
    exif = Image.Exif()
    exif[0x010F] = MAKER
    exif[0x0112] = orientation
    exif[0x0132] = "2026:01:06 10:00:00"
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return exif


def photo(kind: str = "JPEG", orientation: int = 1, size: tuple[int, int] = (64, 48)) -> bytes:
    return encoded(image(size), kind, exif=notes(orientation))


def film(kind: str, frames: int = 5, size: tuple[int, int] = (40, 30)) -> bytes:
    """An animation of 80 ms a frame, repeated for ever."""
    several = [image(size).rotate(17 * number) for number in range(frames)]
    return encoded(several[0], kind, save_all=True, append_images=several[1:], duration=80, loop=0)


def padded(jpeg: bytes, size: int) -> bytes:
    """The same picture in a file of exactly so many bytes, with comments."""
    missing = size - len(jpeg)
    comments = bytearray()
    while missing:
        segment = min(missing, 65_537)
        if 0 < missing - segment < 4:
            segment -= 4
        comments += b"\xff\xfe" + (segment - 2).to_bytes(2, "big") + b"x" * (segment - 4)
        missing -= segment
    return jpeg[:2] + bytes(comments) + jpeg[2:]


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def form(content: bytes, name: str = "photo.jpg", field: str = "file", kind: str = "image/jpeg") -> bytes:
    """One part of a form, without the last line."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    return f"{head}Content-Type: {kind}\r\n\r\n".encode() + content + b"\r\n"


def text_field(field: str, value: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()


BOUNDARY = "----browser4fQZtJx2Gk8sVb7R"
END = f"--{BOUNDARY}--\r\n".encode()
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
