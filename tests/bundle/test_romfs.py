"""The image for ROMFS: where the model lies in it, and that a bad one is found out."""

import pytest

from linecam.bundle.romfs import pack, verify
from linecam.errors import UserError
from tests.bundle.made_up import BOARDS, BUILT, CONTENT


def payload_of(image: bytes, name: str) -> int:
    """Where the content of a file begins in a ROMFS image: read here by hand, from the format's description.

    A record is kind, size, payload; kind and size are base-128 numbers, most significant first, bit 7 set on all bytes
    but the last. The image is one record of kind 0xd2cd31; in it, a file is a record of kind 5 with the name (size,
    bytes) and a record of kind 2, the content.
    """

    def number(at: int) -> tuple[int, int]:
        value = 0
        while image[at] & 0x80:
            value = value << 7 | image[at] & 0x7F
            at += 1
        return value << 7 | image[at], at + 1

    assert image[:3] == b"\xd2\xcd\x31"
    size, at = number(3)
    end = at + size
    assert end == len(image)
    while at < end:
        kind, at = number(at)
        size, at = number(at)
        after = at + size
        if kind == 5:
            length, at = number(at)
            if image[at : at + length] == name.encode():
                kind, at = number(at + length)
                assert kind == 2
                return number(at)[1]
        at = after
    raise AssertionError(f"{name} is not in the image")


@pytest.mark.parametrize("length", [1, 15, 16, 17, 99_400, len(CONTENT)])
@pytest.mark.parametrize("board", sorted({BOARDS[name].romfs_board for name in BUILT}))
def test_the_model_lies_on_a_multiple_of_16_in_the_image(board: str, length: int) -> None:
    model = (CONTENT * 2)[:length]
    files = {"model.tflite": model, "labels.txt": b"bad\ngood\n", "settings.json": b"{}"}
    image = pack(files, board)
    at = payload_of(image, "model.tflite")
    assert at % 16 == 0
    assert image[at : at + length] == model
    verify(image, files, board)
    assert pack(files, board) == image


def test_an_image_that_does_not_fit_is_refused_with_the_numbers() -> None:
    with pytest.raises(
        UserError, match=r"has 131,\d{3} bytes.* holds 131,072: \d+ too many.* model\.tflite, with 131,072"
    ):
        pack({"model.tflite": bytes(131_072)}, "OPENMV4")
    pack({"model.tflite": bytes(131_072)}, "OPENMV4P")


def test_an_unknown_board_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="openmv-ota knows no board 'OPENMV9'"):
        pack({}, "OPENMV9")


@pytest.mark.parametrize("damage", ["another file", "other content", "truncated", "no image"])
def test_a_bad_image_does_not_verify(damage: str) -> None:
    files = {"model.tflite": CONTENT, "labels.txt": b"bad\ngood\n"}
    image = pack(files, "OPENMV4")
    at = payload_of(image, "model.tflite")
    bad = {
        "another file": pack({"a.txt": b"", **files}, "OPENMV4"),
        "other content": image[:at] + b"\x00" + image[at + 1 :],
        "truncated": image[: at + 10],
        "no image": b"PK\x03\x04" + image,
    }[damage]
    with pytest.raises(ValueError, match=r"ROMFS image"):
        verify(bad, files, "OPENMV4")


def test_a_misaligned_model_does_not_verify() -> None:
    """What `mpremote romfs build` makes."""
    from mpremote.romfs import VfsRomWriter  # noqa: PLC0415 (of use here alone)

    writer = VfsRomWriter()
    writer.mkfile("a", b"1")
    writer.mkfile("model.tflite", CONTENT)
    image = writer.finalise()
    assert payload_of(image, "model.tflite") % 16
    with pytest.raises(ValueError, match="16-byte aligned"):
        verify(image, {"a": b"1", "model.tflite": CONTENT}, "OPENMV4")
