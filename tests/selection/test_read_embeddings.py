"""Embeddings of another tool, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from linecam.errors import UserError
from scripts.read_embeddings import read_embeddings
from tests.selection.index_files import write_index
from tests.selection.references import sha

GOOD = 'filenames,embedding_0,embedding_1,labels\nd.jpg,5,6,0\na.jpg,1,2,0\n"b,c.jpg",3,4,0\n'


def embeddings(place: Path, text: str | bytes) -> NDArray[np.float32]:
    index = write_index(place / "frames.csv", [{"path": f"{n}.jpg", "sha256": sha(n)} for n in ("a", "b,c", "d")])
    table = place / "embeddings.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    read_embeddings(index, table, place / "out" / "e.npy")
    return np.load(place / "out" / "e.npy")


def test_embeddings_in_the_order_of_the_frames(tmp_path):
    array = embeddings(tmp_path, GOOD + "other.jpg,7,8,0\n")
    assert array.dtype == np.float32
    assert array.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", ";").replace("b;c", "b,c"),
        "sep=;\r\n" + GOOD.replace(",", ";").replace("b;c", "b,c"),
        GOOD.replace("filenames", " Filenames "),
        GOOD.replace("d.jpg", "D.JPG").replace("a.jpg", r"C:\caps\a.jpg"),
        GOOD.replace("d.jpg", "01234567-d.jpg"),
        GOOD + "nothing.jpg,nan,nan,0\n",
        GOOD.replace("embedding_1", "embedding_2").replace("embedding_0", "embedding_1"),
    ],
)
def test_embeddings_as_other_systems_write_them(tmp_path, text):
    assert embeddings(tmp_path, text).tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "read as the columns of an empty line"),
        ("a,b\n1,2\n", "read as the columns 'a', 'b'. Expected are filenames"),
        (GOOD.replace("filenames", "names"), "read as the columns 'names', 'embedding_0'"),
        ("filenames,labels\na.jpg,0\n", "Lightly's format"),
        (GOOD + "a.jpg,1,2,0\n", "twice, first a.jpg"),
        (GOOD.replace("d.jpg", "e.jpg"), "no row for 1 of 3 frames, first d.jpg"),
        (GOOD.replace("5,6", "5,six"), "not a number"),
        (GOOD.replace("5,6", "5,nan"), "embedding_1 of d.jpg, in row 1, is nan"),
        (GOOD.replace("5,6", ",6"), "embedding_0 of d.jpg, in row 1, is nan"),
        (GOOD.replace("1,2", "1,-inf"), "embedding_1 of a.jpg, in row 2, is -inf"),
        (GOOD.replace("1,2", "1,1e300"), "embedding_1 of a.jpg, in row 2"),
        (GOOD.replace("d.jpg,5,6,0", "d.jpg,5,6,0,7"), "embed.file"),
        (GOOD.replace("a.jpg,1,2,0", "a.jpg,1,2,0,7"), "embed.file"),
        (GOOD.replace("a.jpg", "d.JPG"), "names a frame twice, first d.jpg: as d.jpg in row 1, and as d.JPG in row 2"),
        (GOOD.replace("labels", "embedding_1"), "the column embedding_1 twice"),
        (GOOD.replace("embedding_1", "embedding_3"), "up to embedding_3, and lacks embedding_1."),
        (GOOD.replace("3,4", "1,2").replace("5,6", "1,2"), "all 3 frames have the same numbers"),
        (GOOD.replace("d.jpg", '"d.jpg'), "embed.file"),
        ("filenames,embedding_0\n" + "a,b,c,d\n" * 3 + '"', "embed.file"),
        (GOOD.replace("d.jpg", "größe.jpg").encode("latin-1"), "embed.file"),
    ],
)
def test_embeddings_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(UserError, match=r"embed\.file") as error:
        embeddings(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
