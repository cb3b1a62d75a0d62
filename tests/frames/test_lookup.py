"""Which frame a name stands for: exactly, then by what systems and tools change in it, and never where two could be."""

import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from linecam.frames.lookup import Frames

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "grün.jpg") for form in ("NFC", "NFD"))


def frames(*paths: str) -> Frames:
    """Each path is a frame of its own, whose sha256 is its path."""
    return Frames(pd.DataFrame({"path": paths, "sha256": paths, "status": "ok"}), Path("/data/caps"))


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ("day2/C-1.jpg", "day2/C-1.jpg"),
        ("day2/C-1.jpg", "/data/caps/day2/C-1.jpg"),
        ("day2/C-1.jpg", r"caps\day2\C-1.jpg"),
        ("day2/C-1.jpg", r"D:\caps\day2\C-1.jpg"),
        ("day2/C-1.jpg", r"\\server\caps\day2\C-1.jpg"),
        ("day2/C-1.jpg", r"day2\C-1.JPG"),
        ("day2/C-1.jpg", "./day2/C-1.jpg"),
        (r"a\b.jpg", r"a\b.jpg"),  # a name of POSIX
        ("C-1.JPG", "c-1.jpg"),
        (COMPOSED, DECOMPOSED),
        (DECOMPOSED, COMPOSED),
        (COMPOSED, "GRÜN.JPG"),
        ("day1/C (2).jpg", "/data/upload/3/8ecace46-C_2.jpg"),
        ("day1/C (2).jpg", "/studio/data/upload/3/8ecace46-C_2.jpg"),
        ("day1/C (2).jpg", "8ecace46-C_2.jpg"),
        ("day1/C (2).jpg", "C_2.jpg"),
        ("day1/C (2).jpg", "caps/day1/8ecace46-C_2.jpg"),
        ("a+b, c.JPG", "/data/upload/3/8ecace46-ab_c.JPG"),
        (COMPOSED, f"/data/upload/3/8ecace46-{COMPOSED}"),
        (DECOMPOSED, f"/data/upload/3/8ecace46-{COMPOSED}"),
        (COMPOSED, "/data/upload/3/8ecace46-grun.jpg"),  # uploaded from a Mac: the accent by itself is lost
        ("8ecace46-D-7.png", "/data/upload/3/01234567-8ecace46-D-7.png"),
        ("8ecace46-D-7.png", "8ecace46-D-7.png"),
        ("day1/C-1.jpg", "C-1"),
        ("day1/C-1.JPG", "day1/c-1"),
        ("day1/C.1.jpg", "/elsewhere/day1/C.1"),
        ("day1/C.jpg.png", "C.jpg"),
    ],
)
def test_a_name_that_can_only_mean_one_frame(known, written):
    assert frames("day9/other.jpg", known, "x.png").find("", written) == (known, "")


@pytest.mark.parametrize(
    ("known", "written", "found"),
    [
        (["C.jpg", "c.jpg"], "c.jpg", "c.jpg"),
        ([COMPOSED, DECOMPOSED], DECOMPOSED, DECOMPOSED),
        (["a/b.jpg", r"a\b.jpg"], r"a\b.jpg", r"a\b.jpg"),
        (["8ecace46-D-7.png", "D-7.png"], "8ecace46-D-7.png", "8ecace46-D-7.png"),
        (["x/C_2.jpg", "x/C (2).jpg"], "C_2.jpg", "x/C_2.jpg"),
    ],
)
def test_what_is_written_exactly_counts_first(known, written, found):
    assert frames(*known).find("", written) == (found, "")


@pytest.mark.parametrize(
    ("known", "written"),
    [
        (["C.jpg", "c.jpg"], "C.JPG"),
        (["C 2.jpg", "C_2.jpg"], "/data/upload/3/8ecace46-C_2.jpg"),  # the second is written exactly, by chance
        (["day1/C.jpg", "day2/C.jpg"], r"\C.jpg"),
        (["day1/C.jpg", "day2/C.jpg"], "/data/upload/3/8ecace46-C.jpg"),
    ],
)
def test_a_name_that_could_mean_two_frames_is_none_and_both_are_named(known, written):
    digest, problem = frames(*known).find("", written)
    assert digest == ""
    assert problem == f"{written} could be {known[0]} or {known[1]}"


def test_copies_of_one_frame_are_one():
    index = pd.DataFrame({"path": ["C.jpg", "c.jpg"], "sha256": "0", "status": ["ok", "duplicate"]})
    assert Frames(index, Path("caps")).find("", "C.JPG") == ("0", "")


@pytest.mark.parametrize("written", ["day3/C-1.jpg", "day1/8ecace4-C-1.jpg", "", "/", "\\", "C-", "C-1.png", "jpg"])
def test_a_name_is_not_taken_for_one_that_is_only_near(written):
    digest, problem = frames("day1/C-1.jpg", "day2/C-11.jpg").find("", written)
    assert digest == ""
    assert problem.startswith(f"there is no frame {written}")


def test_a_name_without_a_suffix_that_two_frames_have():
    assert frames("C-1.jpg", "C-1.png").find("", "C-1") == ("", "C-1 could be C-1.jpg or C-1.png")


def test_the_nearest_name_stands_beside_one_that_is_not_there():
    assert frames("C-1000.jpg").find("", "C-100O.jpg")[1] == (
        "there is no frame C-100O.jpg; the nearest name is C-1000.jpg"
    )


def test_names_that_look_the_same_are_spelt_out():
    """Two frames in two Unicode forms, and an upper-case name that could be either."""
    problem = frames(COMPOSED, DECOMPOSED).find("", "GRÜN.JPG")[1]
    assert problem == r"'GR\xdcN.JPG' could be 'gr\xfcn.jpg' or 'gru\u0308n.jpg'"


def test_many_names_that_are_not_there_take_no_time_each():
    known = frames(*(f"C-{n}.jpg" for n in range(2000)))
    hints = [known.find("", f"E-{n}x.jpg")[1] for n in range(20_000)]
    assert sum("nearest" in hint for hint in hints) <= 3


@pytest.mark.parametrize("written", ["tray-07.png", "day1/tray-07.png", "/data/caps/day1/tray-07.png", "TRAY-07.PNG"])
def test_a_frame_of_several_places_has_to_be_named_with_one(written):
    known = frames("day1/tray-07.png/place-1.png", "day1/tray-07.png/place-2.png", "tray-08.png/place-1.png")
    found, why = known.find("", written)
    assert (found, why) == (
        "",
        f"{written} has several places (camera.rois): name one of them, such as day1/tray-07.png/place-1.png",
    )
    assert known.find("", f"{written}/place-2.png")[0] == "day1/tray-07.png/place-2.png"


def test_what_nobody_sees_in_a_name_is_spelt_out() -> None:
    found = frames("day2/C 1.jpg", "day1/C 1.jpg")
    assert found.find("", "day1/C\xa01.jpg") == (
        "",
        r"there is no frame 'day1/C\xa01.jpg'; the nearest name is day1/C 1.jpg",
    )
    assert found.find("", "x\n")[1] == r"there is no frame 'x\n'"
