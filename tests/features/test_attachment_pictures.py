"""What is made of a file: the picture, decoded, without what tells of it; or an error in plain words."""

import io
import itertools
import struct
import zipfile
import zlib

import pytest
from PIL import Image, ImageChops, PngImagePlugin

from regoods.core.errors import ValidationError
from regoods.features.attachments import images
from regoods.features.attachments.formats import MOST_SCANS, take_apart
from tests.support.pictures import MAKER, encoded, film, image, notes, opened, photo

KINDS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp"}
HTML = b"<html><script>alert(document.domain)</script></html>"


def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        made.writestr("Payload.class", b"x" * 100)
    return written.getvalue()


def problem(content: bytes) -> str:
    with pytest.raises(ValidationError) as refused:
        images.clean(content)
    assert refused.value.field == "file"
    assert refused.value.message.startswith("file ")
    return refused.value.message


def same(one: Image.Image, other: Image.Image, tolerance: int = 0) -> bool:
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return one.size == other.size and max(high for _, high in difference.getextrema()) <= tolerance  # type: ignore[misc,operator]


# What is removed


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_place_device_and_time_are_removed_and_the_picture_stays(kind: str) -> None:
    taken = photo(kind)
    assert MAKER.encode() in taken

    extension, stored = images.clean(taken)

    assert extension == KINDS[kind]
    assert MAKER.encode() not in stored
    assert not opened(stored).getexif()
    assert same(opened(stored), opened(taken))


def test_comments_and_texts_are_removed() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Ann")
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>Ann</x:xmpmeta>")
    texts.add_text("Comment", "Ann" * 1000, zip=True)
    for taken in (
        encoded(image(), "JPEG", comment="Ann", xmp=b"<x:xmpmeta>Ann</x:xmpmeta>"),
        encoded(image(), "PNG", pnginfo=texts),
        encoded(image(), "GIF", comment=b"Ann"),
        encoded(image(), "WEBP", xmp=b"<x:xmpmeta>Ann</x:xmpmeta>"),
    ):
        stored = images.clean(taken)[1]
        assert b"Ann" not in stored
        assert not {"comment", "xmp", "Author", "XML:com.adobe.xmp", "Comment"} & set(opened(stored).info)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_taken_sideways_stands_upright(kind: str, orientation: int) -> None:
    taken = photo(kind, orientation)
    upright = opened(taken) if (turn := images._UPRIGHT.get(orientation)) is None else opened(taken).transpose(turn)

    stored = opened(images.clean(taken)[1])

    assert not stored.getexif()
    assert same(stored, upright, tolerance=24)


def test_a_colour_profile_stays() -> None:
    profile = b"a profile of a wide colour space" * 3
    for kind, orientation in itertools.product(("JPEG", "PNG", "WEBP"), (1, 6)):
        taken = encoded(image(), kind, icc_profile=profile, exif=notes(orientation))
        assert opened(images.clean(taken)[1]).info["icc_profile"] == profile


def test_notes_that_cannot_be_read_do_not_cost_the_picture() -> None:
    taken = encoded(image(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff rubbish")

    assert not opened(images.clean(taken)[1]).getexif()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_stays_one(kind: str) -> None:
    taken = film(kind)

    stored = opened(images.clean(taken)[1])

    assert (stored.n_frames, stored.info.get("loop")) == (5, 0)  # type: ignore[attr-defined]
    for number in range(5):
        stored.seek(number)
        original = opened(taken)
        original.seek(number)
        assert same(stored, original)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_png_of_every_mode(mode: str) -> None:
    taken = encoded(Image.new(mode, (9, 7), 1 if mode in ("1", "L", "P", "I;16") else None), "PNG")

    assert images.clean(taken) == ("png", taken)


@pytest.mark.parametrize("options", [{"progressive": True}, {"optimize": True}, {"quality": 100}, {"subsampling": 1}])
def test_jpeg_of_every_make(options: dict[str, int]) -> None:
    taken = encoded(image(), "JPEG", **options)

    assert images.clean(taken) == ("jpg", taken)


# What cameras put behind a picture


@pytest.mark.parametrize(
    "trailer",
    [
        photo(),
        b"\0" * 500,
        b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1764000000000SEFH\x6b\0\0\0SEFT",
        b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(range(256)),
        b'vivo{"mediaExtraType":"1"}',
        b'{"watermark":{"version":1}}jxrs',
    ],
    ids=["another picture", "padding", "Samsung's notes", "a film", "Vivo's notes", "OPPO's notes"],
)
def test_what_cameras_append_is_dropped(trailer: bytes) -> None:
    taken = photo()

    assert images.clean(taken + trailer) == images.clean(taken)


def test_several_pictures_in_one_are_their_first() -> None:
    several = encoded(image(), "MPO", save_all=True, append_images=[image((32, 24))], exif=notes(6))
    assert Image.open(io.BytesIO(several)).format == "MPO"

    extension, stored = images.clean(several)

    assert (extension, opened(stored).format, opened(stored).size) == ("jpg", "JPEG", (48, 64))
    assert MAKER.encode() not in stored


# What is refused


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "payload",
    [
        archive(),
        HTML,
        b"*/=1;alert(1)//",
        b"#!/bin/sh\nid\n",
        b"%PDF-1.7\n",
        b"<?php system($_GET['c']);",
        b"\r\n<svg/>",
    ],
    ids=["ZIP", "HTML", "JavaScript", "shell", "PDF", "PHP", "SVG"],
)
def test_a_picture_that_is_something_else_too_is_refused(kind: str, payload: bytes) -> None:
    assert "something else" in problem(encoded(image(), kind) + payload)


@pytest.mark.parametrize("payload", [HTML, archive(), b"%PDF-1.7"])
def test_and_so_it_is_where_the_other_stands_inside(payload: bytes) -> None:
    assert "something else" in problem(encoded(image(), "JPEG", comment=payload))
    assert "something else" in problem(encoded(image(), "GIF", comment=payload))


@pytest.mark.parametrize("end", [" ", "\t", "\n", "\f", "\r", "/", ">"])
def test_a_tag_is_one_whatever_ends_its_name(end: str) -> None:
    assert "something else" in problem(encoded(image(), "JPEG", comment=f"<sVg{end}onload=alert(1)>".encode()))


def test_four_bytes_that_stand_in_pixels_by_chance_are_nothing_else() -> None:
    taken = encoded(image(), "JPEG", comment=b"\x93<sVg\x07\xe1")

    assert b"<sVg" in taken
    assert images.clean(taken)


def test_a_script_whose_head_is_a_picture_s() -> None:
    gif = encoded(Image.new("P", (0x2A2F, 1)), "GIF", comment=b"*/=1;alert(1)/*")
    assert gif.startswith((b"GIF87a/*", b"GIF89a/*"))

    assert "something else" in problem(gif)


@pytest.mark.parametrize(
    "content",
    [
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        HTML,
        b"%PDF-1.7 and so on",
        b"Hello",
        b"\0" * 100,
        b"\xff\xd8",
        b"GIF8",
        encoded(image(), "BMP"),
        encoded(image(), "TIFF"),
        encoded(image(), "AVIF"),
        b"RIFF\x24\0\0\0WAVEfmt ",
    ],
)
def test_what_is_none_of_the_four_is_refused(content: bytes) -> None:
    assert "JPEG, PNG, GIF or WebP" in problem(content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_anywhere_is_refused(kind: str) -> None:
    whole = encoded(image((32, 24)), kind)

    for length in range(16, len(whole)):
        assert problem(whole[:length])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_cut_short_is_refused(kind: str) -> None:
    whole = film(kind)

    for length in range(16, len(whole), 37):
        assert problem(whole[:length])


@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_inside_never_gets_further_than_an_error(kind: str) -> None:
    whole = bytearray(photo(kind) if kind != "GIF" else film(kind))

    for at in range(12, len(whole), 3):
        spoiled = whole.copy()
        spoiled[at] ^= 0xFF
        try:
            extension, stored = images.clean(bytes(spoiled))
        except ValidationError:
            continue
        # It may have hit a note or a pixel: then it is a picture still.
        assert extension == KINDS[kind]
        assert opened(stored)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, pixels: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        itertools.starmap(png_chunk, ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")))
    )


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    assert "too many pixels" in problem(png_of(50_000, 50_000))
    assert "too many pixels" in problem(png_of(2**31 - 1, 2**31 - 1))
    assert "too many pixels" in problem(encoded(Image.new("1", (8_000, 5_001)), "PNG"))
    assert images.clean(encoded(Image.new("1", (8_000, 5_000)), "PNG"))
    assert "too many pixels" in problem(encoded(Image.new("RGB", (4_001, 4_000)), "WEBP", method=0))


def gif_frame(width: int, height: int) -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"


def gif_of(*frames: bytes, width: int = 1, height: int = 1) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + b"".join(frames) + b";"
    )


def test_a_gif_that_grows_while_it_plays_is_refused() -> None:
    assert images.clean(gif_of(gif_frame(1, 1)))
    assert problem(gif_of(gif_frame(1, 1), gif_frame(60_000, 60_000)))
    assert problem(gif_of(gif_frame(1, 1), gif_frame(2, 2)))
    assert problem(gif_of(gif_frame(60_000, 60_000)))


def test_too_many_frames_are_refused() -> None:
    assert "frames" in problem(gif_of(*[gif_frame(1, 1)] * (images.MOST_FRAMES + 1)))
    assert "too many pixels" in problem(gif_of(*[gif_frame(1, 1)] * 100, width=2_000, height=2_000))


def test_too_many_scans_are_refused() -> None:
    jpeg = encoded(image(), "JPEG", progressive=True)
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]

    assert problem(jpeg[:-2] + scan * MOST_SCANS + b"\xff\xd9")


def test_a_text_that_unpacks_to_a_lot_is_not_unpacked() -> None:
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 50_000_000))
    png = encoded(image(), "PNG")

    assert images.clean(png[:33] + bomb + png[33:]) == ("png", png)


def test_the_rest_begins_where_the_picture_ends() -> None:
    for kind in KINDS:
        parts = take_apart(encoded(image(), kind) + b"rest")
        assert parts is not None
        assert parts.rest == b"rest"
