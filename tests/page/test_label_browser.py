"""The labelling page in headless Chromium, by keyboard alone: a line labelled with a kill in between, and every key."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from linecam.files import sha256
from linecam.labels.store import DECISION, answer, read_rows
from tests.conftest import ROOT, Project
from tests.page.label_command import ADDRESS, CLASSES, Labelling, until

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,720",
]
WAIT = 20  # s

pytestmark = pytest.mark.skipif(
    not (CHROMIUM.exists() and DRIVER.exists()),
    reason="Debian's packages chromium and chromium-driver are not installed",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(str(DRIVER)))  # named, so that nothing is downloaded
    yield driver
    driver.quit()


class Window:
    """A window of the browser: keys go in, and what stands on the page comes out."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver = driver
        self.driver.switch_to.new_window("window")
        self.handle = driver.current_window_handle
        self.driver.get(address)
        self.until(self.seen)

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until something holds."""
        end = time.monotonic() + WAIT
        while not (value := self.try_(holds)):
            assert time.monotonic() < end, f"{self.text('count')}: {self.text('said')} {self.text('alarm')}"
            time.sleep(0.02)
        return value

    def try_(self, holds: Callable[[], Any]) -> Any:
        self.driver.switch_to.window(self.handle)
        return holds()

    def press(self, *keys: str, shift: bool = False, control: bool = False, at_once: bool = False) -> None:
        """Press keys, not before an answer is saved: the page takes none until then."""
        if not at_once:
            self.until(lambda: not self.driver.execute_script("return document.body.classList.contains('busy')"))
        self.driver.switch_to.window(self.handle)
        for key in keys:
            chain = ActionChains(self.driver, duration=0)
            for modifier in [Keys.SHIFT] * shift + [Keys.CONTROL] * control:
                chain.key_down(modifier)
            chain.send_keys(key)
            for modifier in [Keys.SHIFT] * shift + [Keys.CONTROL] * control:
                chain.key_up(modifier)
            chain.perform()

    def text(self, place: str) -> str:
        return self.driver.execute_script(f"return document.getElementById('{place}')?.innerText ?? ''").strip()

    def seen(self) -> str:
        """The sha256 of the frame that is shown large, loaded; "" while it loads."""
        return self.driver.execute_script(
            "const large = document.getElementById('large');"
            "return large?.complete && large.naturalWidth && document.body.dataset.seen === large.dataset.digest"
            "  && !document.body.classList.contains('busy') ? large.dataset.digest : ''"
        )

    def label(self, key: str) -> str:
        """Label the frame that is shown, and wait for the next; the sha256 of the labelled one."""
        before = self.until(self.seen)
        self.press(key)
        self.until(lambda: self.seen() not in {"", before} or self.dialog())
        return before

    def dialog(self) -> str:
        """The title of the question that is open, or ""."""
        return self.driver.execute_script(
            "return document.getElementById('dialog')?.open ? document.getElementById('dialogtitle').textContent : ''"
        )

    def cells(self) -> int:
        return len(self.driver.find_elements(By.CSS_SELECTOR, "#grid [role=option]"))

    def close(self) -> None:
        self.driver.switch_to.window(self.handle)
        self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])


# --- the line, through Snakemake


def rows_of(caps: Project) -> dict[str, str]:
    return {row["sha256"]: row["label"] for row in read_rows(caps.folder / "data/caps/labels.csv", CLASSES)}


def test_twenty_frames_a_kill_and_the_rest(caps: Project, chromium: webdriver.Chrome) -> None:
    mine: dict[str, str] = {}
    with Labelling(caps) as server:
        window = Window(chromium, server.address())
        assert window.text("count") == "Frame 1 of 28"
        for n in range(20):
            digest = window.label("1230"[n % 4])
            mine[digest] = [*CLASSES, "?"][n % 4]
            assert rows_of(caps) == mine, "on disk before the next frame is shown"
        server.process.kill()
    window.press("1")
    window.until(lambda: "does not answer" in window.text("alarm"))
    assert rows_of(caps) == mine
    window.close()

    with Labelling(caps) as server:
        window = Window(chromium, server.address())
        assert "20 of 28 labelled" in window.text("parts")
        assert window.seen() not in mine
        for n in range(8):
            mine[window.label("123"[n % 3])] = CLASSES[n % 3]
        window.until(lambda: window.dialog() == "All done")
        assert rows_of(caps) == mine
        assert len(mine) == 28
        caps.build("results/caps/split/random-16.csv")  # while the page is open
        window.press("e")
        window.until(lambda: window.dialog() == "End?")
        window.press(Keys.ENTER)
        assert server.end() == 0
        assert "Goodbye. 28 of 28 frames are labelled. Your labels are in data/caps/labels.csv." in server.printed
        window.until(lambda: "Close this window" in chromium.find_element(By.TAG_NAME, "body").text)
        errors = [entry["message"] for entry in chromium.get_log("browser") if "Content Security" in entry["message"]]
        assert errors == []
        window.close()
    split = pd.read_csv(caps.folder / "results/caps/split/random-16.csv", keep_default_na=False)
    labelled = split[split["part"] != "unlabelled"]
    assert dict(zip(labelled["sha256"], labelled["label"], strict=True)) == {
        digest: label for digest, label in mine.items() if label != "?"
    }
    assert set(labelled["by"]) == {"Ann"}


# --- every key, on a server of its own

SERVER = """
import json, sys
from pathlib import Path
from linecam.camera.region import Region
from linecam.page.server import Desk, Frame, serve
from linecam.stop_request import StopRequest
place = Path(sys.argv[1])
frames = [Frame(**frame) for frame in json.loads((place / "frames.json").read_text())]
about = {"classes": ["bad", "good", "no_mask"], "by": sys.argv[2], "dataset": "caps", "region": Region(side=240)}
desk = Desk(frames, [], place, place / "labels.csv", **about)
serve(desk, StopRequest(), port=None, browser=False)
"""


class Served:
    """Twelve frames: two groups of four to train on, and one of four for the test; the model says good of those."""

    def __init__(self, place: Path, by: str = "Ann") -> None:
        self.place, self.labels = place, place / "labels.csv"
        self.frames = []
        for n in range(12):
            path = place / f"A-{n:05d}.png"
            if not path.exists():
                Image.new("RGB", (64, 48), (20 * n, 255 - 20 * n, 100)).save(path)
            test = n >= 8
            self.frames.append(
                {"sha256": sha256(path), "path": path.name, "bytes": path.stat().st_size, "width": 64, "height": 48,
                 "part": "test" if test else "train", "group": n // 4, "suggestion": "" if test else "good",
                 "p": 0.0 if test else 0.9}
            )  # fmt: skip
        (place / "frames.json").write_text(json.dumps(self.frames))
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, place, by], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.address, _ = until(ADDRESS, self.process.stderr.readline)

    def said(self) -> dict[str, str]:
        """Labels by the frame's number, of everyone: Ann's plain, others' with their name."""
        number = {frame["sha256"]: n for n, frame in enumerate(self.frames)}
        rows = read_rows(self.labels, CLASSES)
        return {f"{number[r['sha256']]}{'' if r['by'] == 'Ann' else ' ' + r['by']}": r["label"] for r in rows}

    def write(self, number: int, label: str, by: str, seen: str = "") -> None:
        frame = self.frames[number]
        row = {"sha256": frame["sha256"], "path": frame["path"], "label": label, "by": by, "when": ""}
        answer(self.labels, CLASSES, [(row, seen)])

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.end()


@pytest.fixture
def window(served: Served, chromium: webdriver.Chrome) -> Iterator[Window]:
    window = Window(chromium, served.address)
    yield window
    window.close()


def at(window: Window) -> int:
    """The number of the frame that is shown, from 0."""
    return int(window.until(lambda: re.match(r"Frame (\d+)", window.text("count")))[1]) - 1


def test_what_the_network_does_not_see_is_dimmed(served: Served, window: Window) -> None:
    """The middle square of a frame of 4 to 3, or of what shape it has."""
    frame = next(one for one in served.frames if one["sha256"] == window.until(window.seen))
    left, width = window.driver.execute_script(
        "const photo = document.getElementById('photo').getBoundingClientRect();"
        "const region = document.getElementById('region').getBoundingClientRect();"
        "return [(region.left - photo.left) / photo.width, region.width / photo.width];"
    )
    share = min(frame["width"], frame["height"]) / frame["width"]
    assert width == pytest.approx(share, abs=0.01)
    assert left == pytest.approx((1 - share) / 2, abs=0.01)


def test_moving(served: Served, window: Window) -> None:
    window.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert at(window) == 1
    window.label("1")
    assert at(window) == 2
    window.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT, " ")
    assert at(window) == 2, "skips what has a label"
    window.press("j", "1", "0", Keys.ENTER)
    window.until(lambda: not window.dialog())
    assert at(window) == 9
    window.press("j", Keys.ENTER)
    window.until(lambda: not window.dialog())
    assert at(window) == 10
    window.press("j", "9", "9", Keys.ENTER, Keys.ESCAPE)
    assert at(window) == 10
    window.press("h")
    assert window.dialog() == "Keys"
    window.press("1")
    assert served.said() == {"1": "bad"}, "no label while another thing is open"
    window.press(Keys.ESCAPE)
    assert not window.dialog()


def test_the_suggestion_is_accepted_and_a_test_frame_has_none(served: Served, window: Window) -> None:
    assert "The model says good (90 %)" in window.text("suggestion").replace("\n", " ")
    window.label(Keys.ENTER)
    assert served.said() == {"0": "good"}
    window.press("j", "9", Keys.ENTER)
    window.until(window.seen)
    assert "no suggestion is shown" in window.text("part")
    assert window.text("suggestion") == ""
    window.press(Keys.ENTER)
    window.until(lambda: window.text("said") == "There is no suggestion.")
    assert served.said() == {"0": "good"}


def test_undo_over_several_steps_and_a_reload(served: Served, window: Window) -> None:
    for key in "123":
        window.label(key)
    window.press(Keys.ARROW_LEFT)
    window.until(window.seen)
    # This page never hears that its answer is written.
    window.driver.execute_script(
        "const real = fetch; window.fetch = (...of) => { real(...of); return new Promise(() => {}); }"
    )
    window.press("1")
    window.until(lambda: served.said().get("2") == "bad")
    window.driver.refresh()
    window.until(window.seen)
    window.press("u")
    window.until(lambda: served.said() == {"0": "bad", "1": "good", "2": "no_mask"})
    window.press("z", control=True)
    window.until(lambda: served.said() == {"0": "bad", "1": "good"})
    assert at(window) == 2
    window.press("u")
    window.until(lambda: served.said() == {"0": "bad"})
    window.press("u")
    window.until(lambda: served.said() == {})
    window.press("u")
    window.until(lambda: window.text("said") == "There is nothing to undo.")


def test_a_group_with_one_key_after_a_look_and_back_with_one(served: Served, window: Window) -> None:
    window.label("1")
    window.press("2", shift=True)
    window.until(lambda: window.text("gridtitle") == "Are these good, too?")
    assert window.cells() == 3, "the rest of the first group"
    assert served.said() == {"0": "bad"}
    window.press(Keys.ESCAPE)
    assert at(window) == 1
    window.press("2", shift=True)
    window.until(lambda: window.cells() == 3)
    window.press(Keys.ARROW_RIGHT, " ", Keys.ENTER)  # not the second
    window.until(lambda: served.said() == {"0": "bad", "1": "good", "3": "good"})
    assert at(window) == 2
    window.press("u")
    window.until(lambda: served.said() == {"0": "bad"})


def test_many_at_once(served: Served, window: Window) -> None:
    for number in range(6):
        served.write(number, "bad", "Ann")
    window.driver.refresh()
    window.until(window.seen)
    window.press("g")
    window.until(lambda: window.cells() == 12)
    window.press(Keys.HOME, " ")
    window.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, shift=True)
    assert window.text("count") == "12 frames shown, 3 marked"
    window.press("3")
    window.until(lambda: served.said() == {str(n): "no_mask" if n < 3 else "bad" for n in range(6)})
    window.press("u")
    window.until(lambda: served.said() == {str(n): "bad" for n in range(6)})
    window.press("f")
    window.until(lambda: window.cells() == 6)
    assert window.driver.find_element(By.ID, "filter").get_attribute("value") == "open"
    window.press("a", "2")
    window.until(lambda: len(served.said()) == 12)
    window.press("g")
    window.until(window.seen)
    assert "12 of 12 labelled" in window.text("parts")


def test_where_people_disagree_a_class_decides(served: Served, window: Window) -> None:
    window.label("1")
    served.write(0, "good", "Bob")
    served.write(5, "good", "Bob")
    window.driver.refresh()
    window.until(window.seen)
    assert "disagree: 1" in window.text("actions")
    window.press("d")
    window.until(lambda: window.cells() == 1)
    window.press("0")
    window.until(lambda: window.text("said") == "A decision is for a class.")
    window.press(Keys.ENTER)
    window.until(lambda: at(window) == 0)
    assert window.text("labels").split("\n") == ["You decide for all.", "You: bad", "Bob: good"]
    window.until(window.seen)
    window.press("2")
    window.until(lambda: served.said().get(f"0 {DECISION}") == "good")
    window.until(lambda: window.text("gridtitle").startswith("People disagree"))
    window.press("u")
    window.until(lambda: served.said() == {"0": "bad", "0 Bob": "good", "5 Bob": "good"})
    window.press("e")
    window.until(lambda: window.dialog() == "End?")
    assert "People disagree about 1 frame: snakemake stops at it until you have decided" in window.text("dialogtext")
    window.press(Keys.ESCAPE)


def test_two_windows_the_second_hears_what_stands_there(
    served: Served, window: Window, chromium: webdriver.Chrome
) -> None:
    other = Window(chromium, served.address)
    # One that doesn't look for news of its own accord.
    other.driver.execute_script(
        "const whole = fetch;"
        "window.fetch = (name, how) => name.startsWith('labels') ? Promise.reject(new TypeError()) : whole(name, how)"
    )
    window.label("1")
    window.label("1")
    for choice, stands in [("k", {"0": "bad", "1": "bad"}), ("w", {"0": "bad", "1": "good"})]:
        other.until(other.seen)
        other.press("2")
        other.until(lambda: other.dialog() == "Meanwhile Ann has answered otherwise, in another window")
        assert "bad stands there now, your answer is good" in other.text("dialogtext")
        assert served.said() == {"0": "bad", "1": "bad"}, "nothing is written over"
        other.press(choice)
        other.until(lambda: not other.dialog() and other.seen())
        assert served.said() == stands
    other.close()


def test_an_answer_waits_for_a_server_that_does_not_answer(served: Served, window: Window) -> None:
    window.driver.execute_script("window.whole = fetch; window.fetch = () => Promise.reject(new TypeError('away'))")
    window.press("3")
    window.until(lambda: "Your answer “no_mask” is kept here and sent again" in window.text("alarm"))
    assert at(window) == 0, "the next frame is not shown before the answer is saved"
    window.press("1", "u", Keys.ARROW_RIGHT, at_once=True)
    assert at(window) == 0
    assert served.said() == {}
    window.driver.execute_script("window.fetch = window.whole")
    window.until(lambda: served.said() == {"0": "no_mask"})
    window.until(lambda: at(window) == 1 and window.text("alarm") == "")


def test_everything_is_reached_with_tab_and_the_focus_is_seen(window: Window) -> None:
    names = set()
    for _ in range(16):
        window.press(Keys.TAB)
        name, outline = window.driver.execute_script(
            "const is = document.activeElement;"
            "return [is === document.body ? '' : is.innerText.replace(/\\s+/g, ' ').trim(), "
            "getComputedStyle(is).outlineStyle]"
        )
        names.add(name)
        if name:
            assert outline == "solid", name
    assert {"1 bad", "2 good", "3 no_mask", "0 not sure", "Space skip", "G grid", "D disagree", "E end"} <= names


def test_time_a_frame_and_what_is_left(window: Window) -> None:
    assert window.text("time") == ""
    for key in "1231":
        window.label(key)
    assert re.fullmatch(r"\d+\.\d s a frame, (less than a minute|about \d+ minutes?) left", window.text("time"))


@pytest.mark.parametrize("width", [1280, 420])
def test_nothing_is_cut_off(window: Window, width: int) -> None:
    window.driver.set_window_size(width, 720)
    try:
        for key in ("", "g"):
            window.press(*key)
            wide = window.driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0
    finally:
        window.driver.set_window_size(1280, 720)


def test_a_browser_that_is_gone_loses_nothing(served: Served, window: Window, chromium: webdriver.Chrome) -> None:
    window.label("1")
    again = Window(chromium, served.address)
    assert at(again) == 1
    assert "1 of 12 labelled" in again.text("parts")
    again.close()


def test_the_driver_is_debian_s() -> None:
    assert shutil.which("chromedriver") == str(DRIVER)
