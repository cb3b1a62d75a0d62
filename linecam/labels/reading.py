"""What a reader of labels hands on: the rows of a file, and whatever cannot be understood in it."""

from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class ImportedRow:
    """A label as a file has it, of the frame that `sha256` names or, where that is "", `path`; or what is wrong."""

    where: str  # in the file: "line 3"
    label: str = ""
    by: str = ""
    when: str = ""
    sha256: str = ""
    path: str = ""  # as the file has it, or its URL; perhaps of another machine
    problem: str = ""


@dataclass
class Reading:
    """The rows of a file."""

    format: str
    rows: list[ImportedRow] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)  # by the reason
    unread: list[str] = field(default_factory=list)  # columns of a table that are not known
    note: str = ""  # what a reader has to know of how the file was taken

    def take(self, where: str, choices: list[str], by: str, when: str, frame: tuple[str, str]) -> None:
        """Take what one annotation has chosen for a frame, (sha256, path)."""
        if not choices:
            self.skipped["without a label"] += 1
        elif len(choices) > 1:
            self.refuse(where, f"{len(choices)} labels ({', '.join(choices)}); a frame has one")
        elif not any(frame):
            self.refuse(where, "nothing says which frame it is of")
        else:
            self.rows.append(ImportedRow(where, choices[0].strip(), by.strip(), when.strip(), *frame))

    def refuse(self, where: str, problem: str) -> None:
        """Note what is wrong with a row."""
        self.rows.append(ImportedRow(where, problem=problem))


def path_in(text: str) -> str:
    """The path in a tool's reference to an image, which is a path or a URL."""
    return unquote(_url(text).path) if "://" in text else text


def served_path(text: str) -> str:
    """The path in Label Studio's reference to an image: of a file that it reads or was given, or as `path_in`."""
    url = _url(text)
    if url.path.rstrip("/").endswith("/data/local-files") and "d" in (query := parse_qs(url.query)):
        return query["d"][0]
    return unquote(url.path) if "/data/upload/" in url.path else path_in(text)


def _url(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # a bracket in a host's place
        return SplitResult("", "", text, "", "")
