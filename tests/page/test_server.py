"""The labelling page's server: whom it refuses, what it shows and writes."""

import dataclasses
import hashlib
import io
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import sha256
from linecam.frames.places import place_digest, place_path
from linecam.frames.video import frame_digest
from linecam.labels.store import read_rows
from linecam.page import loopback, server
from linecam.page.desk import Advice, Desk
from linecam.page.frame import Frame
from linecam.page.frame_map import FrameMap
from linecam.page.server import make_app, serve
from linecam.page.session import who_labels
from linecam.stop_request import StopRequest
from tests.frames.films import film

CLASSES = ["bad", "good"]
HOST = "127.0.0.1:8000"
TOKEN, TICKET = "the-token", "the-ticket"


MIDDLE = Region(side=240)


class Page:
    """Three frames (red, green, blue), one beside them, two more on the map, one in quarantine; and an open page."""

    def __init__(self, place: Path, by: str = "Ann") -> None:
        self.folder, self.labels = place / "frames", place / "data/labels.csv"
        self.folder.mkdir(parents=True, exist_ok=True)
        colours = ["red", "green", "blue", "white", "orange", "yellow"]
        frames = [self.frame(f"{colour}.png", Image.new("RGB", (40, 30), colour)) for colour in colours]
        (self.folder / "broken.png").write_bytes(b"broken")
        self.frames = [dataclasses.replace(frame, part="train") for frame in frames[:3]]
        self.beside = frames[3]
        self.others = [dataclasses.replace(frame, part="asked", suggestion="good", p=0.7) for frame in frames[4:]]
        self.ended = 0
        self.open(by)

    def frame(self, name: str, image: Image.Image, **how: Any) -> Frame:
        image.save(self.folder / name, **how)
        content = (self.folder / name).read_bytes()
        return Frame(hashlib.sha256(content).hexdigest(), name, len(content), *image.size)

    def open(self, by: str, region: Region = MIDDLE) -> None:
        self.desk = Desk(
            self.frames,
            [self.beside],
            self.folder,
            self.labels,
            classes=CLASSES,
            by=by,
            dataset="caps",
            region=region,
            frame_map=self.map(),
        )
        app = make_app(self.desk, port=8000, token=TOKEN, ticket=TICKET, done=self.end)
        self.client = TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)

    def map(self) -> FrameMap:
        """The listed frames but the first one, and the others."""
        places = {frame.sha256: (n / 4, 0.5) for n, frame in enumerate([*self.frames[1:], *self.others])}
        return FrameMap(places, {frame.sha256: frame for frame in self.others}, 7)

    def ask(self, *frames: Frame, **headers: str) -> Any:
        return self.post(f"/{TOKEN}/asked", [frame.sha256 for frame in frames], **headers)

    def listed(self) -> list[tuple[str, str, int]]:
        """Path, part, and place in the user's list of each frame."""
        told = self.get(f"/{TOKEN}/everything").json()["frames"]
        return [(frame["path"], frame["part"], frame["asked"]) for frame in told]

    def end(self) -> None:
        self.ended += 1

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        given = {"origin": f"http://{HOST}", "content-type": "application/json"} | headers
        return self.client.post(path, content=json.dumps(body), headers=given)

    def answer(self, *answers: tuple[int, str, str], decision: bool = False, **headers: str) -> Any:
        """Answers of the number of a frame, its label, and the one that the page saw."""
        said = [{"sha256": self.frames[n].sha256, "label": label, "seen": seen} for n, label, seen in answers]
        return self.post(f"/{TOKEN}/answers", {"answers": said, "decision": decision}, **headers)

    def said(self) -> list[tuple[str, str, str]]:
        return [(row["path"], row["by"], row["label"]) for row in read_rows(self.labels, CLASSES)]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page(tmp_path)


# --- who is refused


def test_the_page_and_its_policy(page):
    for name, kind in [("", "html"), ("page.js", "javascript"), ("server.js", "javascript"), ("page.css", "css")]:
        reply = page.get(f"/{TOKEN}/{name}")
        assert reply.status_code == 200
        assert kind in reply.headers["content-type"]
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert "<script>" not in reply.text, "all of it comes from files"


def test_nothing_of_the_page_is_elsewhere():
    """It works without a network: no address of another machine, no font, no library."""
    for path in (Path(__file__).parents[2] / "linecam/page/static").iterdir():
        assert "//" not in path.read_text(encoding="utf-8").replace("// ", "").replace("http://www.w3.org", ""), path


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "localhost.evil.example:8000", ""]
)
def test_another_host_is_refused(page, host):
    """A name that another site has pointed at this machine."""
    assert page.get(f"/{TOKEN}/", host=host).status_code == 403
    assert page.answer((0, "bad", ""), host=host).status_code == 403
    assert page.said() == []


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:8000", "http://127.0.0.1:8001", ""]
)
def test_another_origin_is_refused(page, origin):
    assert page.answer((0, "bad", ""), origin=origin).status_code == 403
    assert page.get(f"/{TOKEN}/everything", origin=origin).status_code == 403
    assert page.said() == []


def test_a_post_without_an_origin_and_one_of_another_site_are_refused(page):
    url = f"/{TOKEN}/answers"
    assert page.client.post(url, content="{}", headers={"content-type": "application/json"}).status_code == 403
    assert page.answer((0, "bad", ""), **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert page.answer((0, "bad", ""), **{"content-type": "text/plain"}).status_code == 415, "what a form can send"
    assert page.said() == []


def test_localhost_is_this_machine_too(page):
    assert page.get(f"/{TOKEN}/", host="localhost:8000").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "é"])
def test_without_the_token_there_is_nothing(page, token):
    digest = page.frames[0].sha256
    beside = f"/{token}/" if token else "/"
    for path in ("page.html", "everything", "labels", f"large/{digest}", "page.js"):
        assert page.get(f"{beside}{path}").status_code == 403
    assert page.post(f"{beside}done", {}).status_code == 403
    assert page.ended == 0


def test_a_ticket_leads_to_the_page_once(page):
    first = page.get(f"/open/{TICKET}")
    assert (first.status_code, first.headers["location"]) == (303, f"/{TOKEN}/")
    assert page.get(f"/open/{TICKET}").status_code == 403
    assert page.get("/open/guess").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "..%2f..%2flabels.csv",
        "%2e%2e/page.html",
        "red.png",
        "labelling.py",
        "x" * 64,
    ],
)
def test_no_path_leads_to_a_file(page, path):
    for prefix in ("", "large/", "small/"):
        assert page.get(f"/{TOKEN}/{prefix}{path}").status_code in {403, 404}


def test_done_ends_it(page):
    assert page.get(f"/{TOKEN}/done").status_code == 405
    assert page.ended == 0
    assert page.post(f"/{TOKEN}/done", {}).status_code == 200
    assert page.ended == 1


# --- the door, for links from elsewhere

ELSEWHERE = {"sec-fetch-site": "cross-site"}


def test_a_link_from_elsewhere_leads_to_the_door_and_no_further(page):
    reply = page.get("/", **ELSEWHERE, **{"sec-fetch-mode": "navigate"})
    assert reply.status_code == 200
    assert "open.js" in reply.text
    assert page.get("/open.js", **{"sec-fetch-site": "same-origin"}).status_code == 200
    for text in (reply.text, page.get("/open.js").text):
        assert TOKEN not in text
        assert TICKET not in text
    for path in (f"/{TOKEN}/", f"/{TOKEN}/everything", "/open.js"):
        assert page.get(path, **ELSEWHERE, **{"sec-fetch-mode": "navigate"}).status_code == 403
    assert page.get("/", **ELSEWHERE, **{"sec-fetch-mode": "no-cors"}).status_code == 403
    assert page.get("/", host="evil.example").status_code == 403
    assert page.post("/", {}, **ELSEWHERE, **{"sec-fetch-mode": "navigate"}).status_code == 403


# --- frames


def shown(page: Page, digest: str, size: str = "large") -> Image.Image:
    reply = page.get(f"/{TOKEN}/{size}/{digest}")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["x-content-type-options"] == "nosniff"
    return Image.open(io.BytesIO(reply.content))


def test_listed_frames_and_those_beside_them_are_shown(page):
    for frame, colour in zip([*page.frames, page.beside], [(255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)]):  # noqa: B905
        for size in ("large", "small"):
            image = shown(page, frame.sha256, size)
            assert image.size == (40, 30)
            assert np.abs(np.subtract(image.getpixel((20, 15)), colour)).max() < 6


def test_what_is_not_listed_is_not_shown(page):
    for path in page.folder.glob("broken.png"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert page.get(f"/{TOKEN}/large/{digest}").status_code == 404


def test_a_file_that_has_changed_since_is_not_shown(page):
    """A label belongs to a content: another one must not be judged in its place."""
    path = page.folder / "red.png"
    content = path.read_bytes()
    for changed in (content + b"x", content[:-1] + b"x"):
        path.write_bytes(changed)
        assert page.get(f"/{TOKEN}/large/{page.frames[0].sha256}").status_code == 404
    path.unlink()
    assert page.get(f"/{TOKEN}/large/{page.frames[0].sha256}").status_code == 404


@pytest.mark.parametrize(
    ("region", "seen"),
    [
        (MIDDLE, [0.125, 0, 0.75, 1]),
        (Region(roi=(20, 60, 200, 120), frame=(320, 240)), [0.0625, 0.25, 0.625, 0.5]),
        (Region(roi=(5, 5, 40, 30), frame=(320, 240)), [0, 0, 1, 1]),  # recorded with it
    ],
)
def test_the_page_is_told_what_the_network_sees_of_each_frame(page, region, seen):
    page.open("Ann", region)
    frames = page.get(f"/{TOKEN}/everything").json()["frames"]
    assert [frame["seen"] for frame in frames] == [pytest.approx(seen)] * 3


def test_frames_are_shown_upright_small_enough_and_in_rgb(page):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    wide = Image.new("RGB", (4000, 1000), "red")
    wide.paste("blue", (0, 0, 2000, 1000))
    for name, image, how in [
        ("a.jpg", wide, {"exif": exif}),
        ("b.png", Image.new("RGBA", (10, 20), (255, 0, 0, 128)), {}),
        ("c.png", Image.new("P", (10, 20), 0), {}),
        ("d.webp", Image.new("RGB", (10, 20), "red"), {}),
    ]:
        page.frames.append(page.frame(name, image, **how))
    page.open("Ann")
    turned = shown(page, page.frames[3].sha256)
    assert turned.size == (400, 1600)
    assert turned.getpixel((200, 100))[2] > 200, "the left half is on top"
    assert shown(page, page.frames[3].sha256, "small").size == (64, 256)
    assert all(shown(page, frame.sha256).size == (10, 20) for frame in page.frames[4:])


def test_who_zooms_in_gets_every_pixel(page):
    page.frames.append(page.frame("a.jpg", Image.new("RGB", (4000, 1000), "red")))
    page.open("Ann")
    assert shown(page, page.frames[3].sha256, "large").size == (1600, 400)
    assert shown(page, page.frames[3].sha256, "full").size == (4000, 1000)


def test_a_frame_of_a_video_is_shown(page):
    path = film(page.folder / "C.mp4", 5)
    digest = frame_digest(sha256(path), 3)
    page.frames.append(Frame(digest, "C.mp4/000003.png", 0, 160, 120))
    page.open("Ann")
    assert shown(page, digest).size == (160, 120)
    film(path, 6)
    assert page.get(f"/{TOKEN}/large/{digest}").status_code == 404


# --- answers


def test_an_answer_is_in_the_file_before_the_reply(page):
    reply = page.answer((1, "good", ""))
    assert reply.status_code == 200
    (row,) = reply.json()["rows"][page.frames[1].sha256]
    assert (row["label"], row["by"], row["path"]) == ("good", "Ann", "green.png")
    assert page.said() == [("green.png", "Ann", "good")]
    assert len(row["when"]) == len("2026-11-24T12:00:00+00:00")


def test_many_at_once_all_or_none(page):
    assert page.answer((0, "bad", ""), (1, "?", ""), (2, "good", "")).status_code == 200
    assert [label for _, _, label in page.said()] == ["bad", "?", "good"]
    reply = page.answer((0, "good", "bad"), (1, "good", "bad"))
    assert reply.status_code == 409
    assert [label for _, _, label in page.said()] == ["bad", "?", "good"]
    rows = reply.json()["rows"]
    assert [rows[frame.sha256][0]["label"] for frame in page.frames[:2]] == ["bad", "?"], "what stands there now"


def test_two_windows_do_not_overwrite_each_other(page, tmp_path):
    other = Page(tmp_path)
    assert page.answer((0, "bad", "")).status_code == 200
    assert other.answer((0, "good", "")).status_code == 409
    assert other.answer((0, "bad", "")).status_code == 200, "they agree"
    assert page.said() == [("red.png", "Ann", "bad")]


def test_undo_is_an_answer_back(page):
    page.answer((0, "bad", ""))
    page.answer((0, "good", "bad"))
    assert page.answer((0, "bad", "good")).status_code == 200
    assert page.answer((0, "", "bad")).status_code == 200
    assert page.said() == []
    assert page.answer((0, "", "")).status_code == 200


def test_two_people_have_a_label_each_and_a_decision_settles_it(page, tmp_path):
    page.answer((0, "bad", ""))
    other = Page(tmp_path, by="Bob")
    reply = other.answer((0, "good", ""))
    assert [row["by"] for row in reply.json()["rows"][page.frames[0].sha256]] == ["Ann", "Bob"]
    assert other.answer((0, "?", ""), decision=True).status_code == 400, "a decision is for a class"
    assert other.answer((0, "good", ""), decision=True).status_code == 200
    assert page.said()[-1] == ("red.png", "decision", "good")
    assert page.answer((0, "bad", ""), decision=True).status_code == 409, "of a page that doesn't know of it"


def test_what_others_write_is_told_when_asked(page):
    first = page.get(f"/{TOKEN}/labels").json()
    assert first["rows"] == {}
    assert "rows" not in page.get(f"/{TOKEN}/labels?after={first['version']}").json()
    page.labels.parent.mkdir()
    stranger = f"{'0' * 64},elsewhere.jpg,bad,Bob,\n"
    page.labels.write_text(f"sha256,path,label,by,when\n{page.frames[0].sha256},,bad,Bob,\n{stranger}")
    later = page.get(f"/{TOKEN}/labels?after={first['version']}").json()
    assert {digest: rows[0]["by"] for digest, rows in later["rows"].items()} == {page.frames[0].sha256: "Bob"}
    assert page.desk.done() == 1


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        "{}",
        '{"answers": [], "decision": 1}',
        '{"answers": [1], "decision": false}',
        '{"answers": [{"sha256": "x", "label": "bad", "seen": ""}], "decision": false}',
        '{"answers": [{"sha256": "DIGEST", "label": "ugly", "seen": ""}], "decision": false}',
        '{"answers": [{"sha256": "DIGEST", "label": ["bad"], "seen": ""}], "decision": false}',
        '{"answers": [{"sha256": "DIGEST", "label": "bad", "seen": "", "by": "Bob"}], "decision": false}',
        '{"answers": [{"sha256": "DIGEST", "label": "bad"}], "decision": false}',
        '{"answers": [{"sha256": "BESIDE", "label": "bad", "seen": ""}], "decision": false}',
        '{"answers": [{"sha256": "DIGEST", "label": "bad", "seen": ""}, '
        '{"sha256": "DIGEST", "label": "good", "seen": ""}], "decision": false}',
    ],
)
def test_a_body_that_the_page_does_not_send_is_refused(page, body):
    text = body.replace("DIGEST", page.frames[0].sha256).replace("BESIDE", page.beside.sha256)
    headers = {"origin": f"http://{HOST}", "content-type": "application/json"}
    reply = page.client.post(f"/{TOKEN}/answers", content=text, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["error"]
    assert not page.labels.exists()


def test_a_body_without_end_is_refused(page):
    headers = {"origin": f"http://{HOST}", "content-type": "application/json"}
    assert page.client.post(f"/{TOKEN}/answers", content=b" " * 5_000_000, headers=headers).status_code == 413


def test_a_file_that_someone_breaks_meanwhile_is_told_and_kept(page):
    page.answer((0, "bad", ""))
    text = page.labels.read_text() + "no hash,,bad,,\n"
    page.labels.write_text(text)
    reply = page.answer((1, "good", ""))
    assert reply.status_code == 500
    assert "line 3: 'no hash' is not a SHA-256" in reply.json()["error"]
    assert "line 3" in page.get(f"/{TOKEN}/labels").json()["error"]
    assert page.labels.read_text() == text


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/dev/full").exists(), reason="/dev/full is not there")
def test_a_place_that_cannot_be_written_to_is_told(page):
    page.labels.parent.write_text("a file where the folder should be")
    reply = page.answer((0, "bad", ""))
    assert reply.status_code == 500
    assert reply.json()["error"]


# --- the map


def test_the_map_s_page_alone_may_have_styles_of_its_own(page):
    policy = page.get(f"/{TOKEN}/map.html").headers["content-security-policy"]
    usual = page.get(f"/{TOKEN}/").headers["content-security-policy"]
    assert policy.replace(" 'unsafe-inline'", "") == usual
    assert "style-src 'self' 'unsafe-inline';" in policy
    assert "script-src 'self';" in policy
    for name in ("bokeh.min.js", "bokeh-api.min.js", "map_drawing.js", "map.js", "map.css"):
        reply = page.get(f"/{TOKEN}/{name}")
        assert reply.status_code == 200
        assert reply.headers["content-security-policy"] == usual
    assert page.get("/wrong/bokeh.min.js").status_code == 403


def test_the_map_has_its_frames_their_labels_and_their_pictures(page):
    page.answer((1, "good", ""))
    told = page.get(f"/{TOKEN}/map").json()
    names = ["green.png", "blue.png", "orange.png", "yellow.png"]
    assert [(frame["path"], frame["x"], frame["y"]) for frame in told["frames"]] == [
        (name, n / 4, 0.5) for n, name in enumerate(names)
    ]
    assert told["usable"] == 7
    assert [row["label"] for rows in told["rows"].values() for row in rows] == ["good"]
    assert shown(page, page.others[0].sha256, "small").size == (40, 30)
    assert page.get(f"/{TOKEN}/everything").json()["on_map"] == 4


def test_what_is_picked_on_the_map_becomes_the_list_and_no_answer_is_lost(page):
    page.answer((0, "bad", ""), (1, "good", ""))
    assert page.ask(page.others[0], page.frames[1], page.others[0]).status_code == 200
    assert [(name, part) for name, part, _ in page.listed()] == [
        ("red.png", "train"), ("green.png", "train"), ("blue.png", "train"), ("orange.png", "asked")
    ]  # fmt: skip
    places = [place for *_, place in page.listed()]
    assert (places[0], {places[1], places[3]}, places[2]) == (0, {1, 2}, 0)
    told = page.get(f"/{TOKEN}/everything").json()
    assert told["advice"]["asked"] == "from the map"

    said = [{"sha256": page.others[0].sha256, "label": "bad", "seen": ""}]
    assert page.post(f"/{TOKEN}/answers", {"answers": said, "decision": False}).status_code == 200
    assert page.ask(page.others[1]).status_code == 200
    assert [(name, place) for name, _, place in page.listed() if place] == [("yellow.png", 1)], "another list"
    assert [name for name, *_ in page.listed()].count("orange.png") == 1
    assert page.said() == [("red.png", "Ann", "bad"), ("green.png", "Ann", "good"), ("orange.png", "Ann", "bad")]
    assert len(page.get(f"/{TOKEN}/labels").json()["rows"]) == 3, "those of the list before, too"
    assert page.desk.done() == 3


def test_a_test_frame_stays_one_and_gets_no_suggestion(page):
    page.frames[1] = dataclasses.replace(page.frames[1], part="test")
    page.open("Ann")
    assert page.ask(page.frames[1], page.others[0]).status_code == 200
    asked = [frame for frame in page.get(f"/{TOKEN}/everything").json()["frames"] if frame["asked"]]
    assert {(frame["part"], frame["suggestion"]) for frame in asked} == {("test", ""), ("asked", "good")}
    (test,) = [frame for frame in page.get(f"/{TOKEN}/map").json()["frames"] if frame["part"] == "test"]
    assert (test["suggestion"], test["p"], test["reason"], test["doubt"]) == ("", 0, "", 0)


@pytest.mark.parametrize(
    "body",
    ["no JSON", "{}", "[]", "[1]", '["x"]', '["LISTED"]', '["BESIDE"]', '["BROKEN"]', '["OTHER", "BROKEN"]'],
)
def test_only_frames_of_the_map_become_the_list(page, body):
    digests = {"LISTED": page.frames[0].sha256, "BESIDE": page.beside.sha256, "OTHER": page.others[0].sha256}
    digests["BROKEN"] = hashlib.sha256(b"broken").hexdigest()
    for word, digest in digests.items():
        body = body.replace(word, digest)
    before = page.listed()
    headers = {"origin": f"http://{HOST}", "content-type": "application/json"}
    reply = page.client.post(f"/{TOKEN}/asked", content=body, headers=headers)
    assert reply.status_code == 400
    if body == "[]":
        assert reply.json()["error"] == "no frame is named"
    assert page.listed() == before


def test_another_page_cannot_change_the_list(page):
    before = page.listed()
    wanted = page.others[0]
    assert page.ask(wanted, origin="http://evil.example").status_code == 403
    assert page.ask(wanted, host="evil.example").status_code == 403
    assert page.ask(wanted, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert page.ask(wanted, **{"content-type": "text/plain"}).status_code == 415
    assert page.post("/wrong/asked", [wanted.sha256]).status_code == 403
    assert page.get(f"/{TOKEN}/asked").status_code == 405
    assert page.listed() == before


# --- at the start


def test_labels_with_problems_end_it_at_once(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/labels.csv").write_text(f"sha256,label\n{'a' * 64},ugly\n")
    with pytest.raises(UserError, match="line 2: 'ugly' is not a class"):
        Page(tmp_path)


@pytest.mark.parametrize("by", ["decision", " decision ", " ", "", "Ann\nBob"])
def test_nobody_is_called_decision(by):
    with pytest.raises(UserError, match=r"--by .* is not a name for who labels"):
        who_labels(by)


def test_who_labels_is_named_or_logged_in(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ann")
    assert who_labels(" Ann Ö. ") == "Ann Ö."
    assert who_labels(None) == "ann"


def test_a_test_frame_with_a_suggestion_is_a_fault(page):
    page.frames[0] = dataclasses.replace(page.frames[0], part="test", suggestion="good", p=0.9)
    with pytest.raises(ValueError, match="test frame"):
        page.open("Ann")


def test_a_port_that_is_taken_is_named(page):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}"):
            serve(page.desk, StopRequest(), port=port, browser=False)


def test_without_a_port_the_usual_one_is_taken_or_one_that_is_free(page, monkeypatch, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    monkeypatch.setattr(server, "PORT", port)
    monkeypatch.setattr(loopback.uvicorn.Server, "run", lambda *_, **__: None)
    serve(page.desk, StopRequest(), port=None, browser=False)
    assert f"http://127.0.0.1:{port}/" in capsys.readouterr().err
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        serve(page.desk, StopRequest(), port=None, browser=False)
    printed = capsys.readouterr().err
    assert re.search(r"http://127\.0\.0\.1:\d+/", printed)
    assert f":{port}/" not in printed


def test_what_classes_mean_and_how_to_go_on_is_told(page):
    page.desk.advice = Advice(definitions={"bad": "A scratch."}, go_on="snakemake -n", next={"weak": True})
    told = page.get(f"/{TOKEN}/everything").json()["advice"]
    assert (told["definitions"], told["go_on"], told["next"]) == ({"bad": "A scratch."}, "snakemake -n", {"weak": True})


# --- places of a frame


def test_of_a_place_the_picture_is_just_that(page: Page) -> None:
    """All places of a tray look alike in a picture of the whole tray."""
    tray = Image.new("RGB", (640, 480), "black")
    tray.paste("red", (20, 40, 120, 100))
    tray.paste("blue", (220, 40, 320, 100))
    whole = page.frame("tray.png", tray)
    places = Region(rois=((10, 20, 50, 30), (110, 20, 50, 30)), frame=(320, 240))
    page.frames = [
        dataclasses.replace(whole, path=place_path("tray.png", number), sha256=place_digest(whole.sha256, number))
        for number in (1, 2)
    ]
    page.others = []
    page.open("Ann", places)
    told = page.get(f"/{TOKEN}/everything").json()["frames"]
    assert [(frame["width"], frame["height"], frame["seen"]) for frame in told] == [(100, 60, [0, 0, 1, 1])] * 2
    for frame, colour in zip(page.frames, [(254, 0, 0), (0, 0, 254)], strict=True):
        seen = shown(page, frame.sha256)
        assert seen.size == (100, 60)
        np.testing.assert_allclose(seen.getpixel((50, 30)), colour, atol=3)
        np.testing.assert_allclose(seen.getpixel((1, 1)), colour, atol=3)
    page.answer((1, "bad", ""))
    assert page.said() == [("tray.png/place-2.png", "Ann", "bad")]
    page.frame("tray.png", Image.new("RGB", (640, 480), "white"))
    assert page.get(f"/{TOKEN}/large/{page.frames[0].sha256}").status_code == 404, "the file has changed"
