"""The labelling page in headless Chromium: a line labelled with a kill in between; every key; mouse and fingers alone."""

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
from selenium.webdriver.common.action_chains import ActionChains, ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

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

    def button(self, text: str) -> WebElement:
        """The button on the page, or in the question that is open, whose text begins so, keys included."""
        found = self.until(
            lambda: self.driver.execute_script(
                "const open = document.querySelector('dialog[open]') ?? document;"
                "return [...open.querySelectorAll('button')].find((one) => one.offsetParent"
                "  && one.innerText.replace(/\\s+/g, ' ').trim().startsWith(arguments[0]))",
                text,
            )
        )
        assert isinstance(found, WebElement)
        return found

    def click(self, text: str) -> None:
        self.until(lambda: not self.driver.execute_script("return document.body.classList.contains('busy')"))
        self.button(text).click()

    def touch(self, *moments: list[tuple[float, float]], hold: float = 0) -> None:
        """Fingers at these places of the screen, moment by moment, and then up after `hold` seconds."""
        for kind, fingers in [("touchStart", moments[0]), *(("touchMove", more) for more in moments[1:])]:
            points = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(fingers)]
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        time.sleep(hold)
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def middle(self, element: WebElement) -> tuple[float, float]:
        """Its middle, scrolled into view, in pixels of the screen."""
        x, y = self.driver.execute_script(
            "arguments[0].scrollIntoView({block: 'nearest'}); const box = arguments[0].getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]",
            element,
        )
        return x, y

    def scale(self) -> float:
        """How many times the frame is larger than its box."""
        wide = self.driver.execute_script(
            "return document.getElementById('layer').getBoundingClientRect().width"
            "  / document.getElementById('photo').getBoundingClientRect().width"
        )
        return float(wide)

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
        assert chromium.find_element(By.TAG_NAME, "code").text == "snakemake --configfile config/test.yaml"
        assert server.printed.endswith("Go on with: snakemake --configfile config/test.yaml\n")
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
from linecam.page.desk import Advice, Desk, Frame
from linecam.page.server import serve
from linecam.stop_request import StopRequest
place = Path(sys.argv[1])
frames = [Frame(**frame) for frame in json.loads((place / "frames.json").read_text())]
about = {"classes": ["bad", "good", "no_mask"], "by": sys.argv[2], "dataset": "caps", "region": Region(side=240)}
about["advice"] = Advice(**json.loads((place / "advice.json").read_text()))
desk = Desk(frames, [], place, place / "labels.csv", **about)
serve(desk, StopRequest(), port=None, browser=False)
"""


class Served:
    """Twelve frames: two groups of four to train on, and one of four for the test. The model says good of those to train
    on; the labels of 6 and 2 look wrong."""

    ADVICE = {
        "definitions": {"bad": "The mask is torn, or leaves the nose free."},
        "go_on": "snakemake --configfile config/mine.yaml",
        "label": "linecam label --configfile config/mine.yaml",
        "next": {"train": None, "doubtful": 90, "weak": False},
    }

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
                 "p": 0.0 if test else 0.9, "doubt": {6: 1, 2: 2}.get(n, 0)}
            )  # fmt: skip
        (place / "advice.json").write_text(json.dumps(self.ADVICE))
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
    assert window.dialog() == "Help"
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
    for _ in range(26):
        window.press(Keys.TAB)
        name, outline = window.driver.execute_script(
            "const is = document.activeElement;"
            "return [is === document.body ? '' : is.innerText.replace(/\\s+/g, ' ').trim(), "
            "getComputedStyle(is).outlineStyle]"
        )
        names.add(name)
        if name:
            assert outline == "solid", name
    classes = {f"1 bad {Served.ADVICE['definitions']['bad']} 0", "2 good 0", "3 no_mask 0", "0 not sure 0"}
    assert classes <= names, "with what a class means, and how many frames have it"
    assert {"Enter The model says good (90 %)", "Shift together with 3 frames like this", "S dim", "Z 1×"} <= names
    assert {"Space skip", "U undo", "← back", "→ on", "G grid", "J jump", "D disagree", "H help", "E end"} <= names


def test_time_a_frame_and_what_is_left(window: Window) -> None:
    assert window.text("time") == ""
    for key in "1231":
        window.label(key)
    assert re.fullmatch(r"\d+\.\d s a frame, (less than a minute|about \d+ minutes?) left", window.text("time"))


# --- without a keyboard


def test_a_mouse_is_enough(served: Served, window: Window) -> None:
    window.click("1 bad")
    window.until(lambda: at(window) == 1 and window.seen())
    window.click("Enter The model says good")
    window.until(lambda: at(window) == 2 and window.seen())
    assert served.said() == {"0": "bad", "1": "good"}
    assert [window.button(name).text.split()[-1] for name in ("1 bad", "2 good")] == ["1", "1"], "how many have it"
    window.click("← back")
    window.click("← back")
    window.click("→ on")
    assert at(window) == 1
    window.click("Space skip")
    window.until(lambda: at(window) == 2 and window.seen())
    window.click("U undo")
    window.until(lambda: served.said() == {"0": "bad"})
    window.click("Shift together with 2 frames like this")
    window.click("3 no_mask")
    window.until(lambda: window.cells() == 3)
    window.driver.find_elements(By.CSS_SELECTOR, "#grid [role=option]")[2].click()  # not this one
    window.click("Enter no_mask: label the 2 marked")
    window.until(lambda: served.said() == {"0": "bad", "1": "no_mask", "2": "no_mask"})
    window.click("G grid")
    window.until(lambda: window.cells() == 12)
    cells = window.driver.find_elements(By.CSS_SELECTOR, "#grid [role=option]")
    cells[8].click()
    ActionChains(window.driver).key_down(Keys.SHIFT).click(cells[11]).key_up(Keys.SHIFT).perform()
    assert window.text("count") == "12 frames shown, 4 marked"
    window.click("2 good")
    window.until(lambda: len(served.said()) == 7)
    window.click("Enter large")
    window.until(lambda: at(window) == 11)
    window.click("E end")
    assert "linecam label --configfile config/mine.yaml" in window.text("dialogtext"), "what goes on where she stops"
    window.click("Enter End")
    window.until(lambda: "5 frames still have no label" in window.driver.find_element(By.TAG_NAME, "body").text)
    assert served.process.wait(20) == 0


PHONE = {"deviceScaleFactor": 1, "mobile": True}


def test_fingers_are_enough_on_a_phone(served: Served, window: Window) -> None:
    """360 pixels wide, upright and on its side: nothing is cut off, every button is large enough, and all of it works."""
    window.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for width, height in [(640, 360), (360, 640)]:
        window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE | {"width": width, "height": height})
        for key in "gg":
            window.press(key)
            wide, small = window.driver.execute_script(
                "return [document.documentElement.scrollWidth, [...document.querySelectorAll('button, select')]"
                "  .filter((one) => one.offsetParent && Math.min(one.offsetHeight, one.offsetWidth) < 44)"
                "  .map((one) => one.innerText)]"
            )
            assert wide <= width
            assert small == [], "44 pixels, for a thumb"
    window.until(window.seen)
    window.touch([window.middle(window.button("2 good"))])
    window.until(lambda: at(window) == 1 and window.seen())
    assert served.said() == {"0": "good"}
    x, y = window.middle(window.driver.find_element(By.ID, "photo"))
    window.touch([(x - 30, y), (x + 30, y)], [(x - 60, y), (x + 60, y)], [(x - 90, y), (x + 90, y)])
    assert window.scale() == pytest.approx(3, rel=0.1)
    window.touch([(x, y)])
    window.touch([(x, y)])
    window.until(lambda: window.scale() == 1)
    window.touch([window.middle(window.button("grid"))])
    window.until(lambda: window.cells() == 12)
    cells = window.driver.find_elements(By.CSS_SELECTOR, "#grid [role=option]")
    window.touch([window.middle(cells[0])])
    window.until(lambda: window.text("count") == "12 frames shown, 1 marked")
    window.touch([window.middle(cells[2])], hold=0.8)
    window.until(lambda: window.text("count") == "12 frames shown, 3 marked")
    window.touch([window.middle(window.button("1 bad"))])
    window.until(lambda: served.said() == {"0": "bad", "1": "bad", "2": "bad"})


# --- the view


def light(window: Window) -> str:
    return str(window.driver.execute_script("return getComputedStyle(document.getElementById('large')).filter"))


def test_zoom_and_light_are_of_the_view_alone(served: Served, window: Window) -> None:
    photo = window.driver.find_element(By.ID, "photo")
    window.press("+", "+")
    assert window.scale() == pytest.approx(2.25)
    window.press("-")
    assert window.scale() == pytest.approx(1.5)
    window.press("z")
    assert window.scale() == 1
    left = "return document.getElementById('layer').getBoundingClientRect().left"
    origin = window.driver.execute_script(left)
    ActionChains(window.driver).scroll_from_origin(ScrollOrigin.from_element(photo), 0, -250).perform()
    window.until(lambda: window.scale() == pytest.approx(2))
    before = window.driver.execute_script(left)
    ActionChains(window.driver).drag_and_drop_by_offset(photo, 40, 0).perform()
    assert window.driver.execute_script(left) == pytest.approx(before + 40, abs=2)
    ActionChains(window.driver).drag_and_drop_by_offset(photo, 900, 0).perform()
    assert window.driver.execute_script(left) == pytest.approx(origin), "no farther than its edge"
    ActionChains(window.driver, duration=0).click(photo).click(photo).perform()
    window.until(lambda: window.scale() == 1)
    ActionChains(window.driver, duration=0).click(photo).click(photo).perform()
    window.until(lambda: window.scale() == 2.5)
    assert light(window) == "none"
    window.press(*"bbbbcccc")
    assert light(window) == "brightness(2) contrast(2)"
    window.driver.find_element(By.ID, "brightness").send_keys(Keys.HOME)
    assert light(window) == "brightness(0.25) contrast(2)"
    window.label("1")
    assert window.scale() == 1, "the next frame is seen whole"
    assert light(window) == "brightness(0.25) contrast(2)", "and in the same light"
    window.click("Z")
    assert light(window) == "none"
    assert served.said() == {"0": "bad"}


# --- which frames


def test_a_link_leads_to_a_frame(served: Served, window: Window) -> None:
    digest = served.frames[9]["sha256"]
    window.driver.get(f"{served.address}#frame={digest}")
    window.until(lambda: window.seen() == digest)
    assert at(window) == 9
    window.driver.get(f"{served.address}#frame={served.frames[4]['sha256']}")
    window.until(lambda: at(window) == 4)
    door = served.address.rsplit("/", 2)[0]
    window.driver.get("about:blank")
    window.driver.get(f"{door}/#frame={digest}")  # as the report has it, which doesn't know the token
    window.until(lambda: window.seen() == digest)
    window.driver.get(f"{served.address}#frame={'0' * 64}")
    window.until(lambda: window.dialog() == "This frame is not listed here")
    assert "linecam label --configfile config/mine.yaml --frames FILE" in window.text("dialogtext")
    window.press(Keys.ESCAPE)


def test_labels_that_look_wrong_are_worked_through_the_worst_first(served: Served, window: Window) -> None:
    for number in (2, 6):
        served.write(number, "bad", "Ann")
    window.driver.refresh()
    window.until(window.seen)
    window.press("l")
    window.until(lambda: window.seen() == served.frames[6]["sha256"])
    assert window.text("count") == "Frame 1 of 2"
    window.label("1")  # it was right
    assert window.seen() == served.frames[2]["sha256"]
    window.press("g")
    assert window.cells() == 2
    assert "Of 90 labels that looked wrong these are the most doubtful" in window.text("gridnote")
    window.press("g")
    window.until(window.seen)
    window.press("2")
    window.until(lambda: window.dialog() == "This list is done")
    assert served.said() == {"2": "good", "6": "bad"}
    window.press(Keys.ENTER)
    window.until(lambda: window.text("count") == "Frame 1 of 12")


def test_nothing_is_cut_off(window: Window) -> None:
    for key in ("", "g"):
        window.press(*key)
        assert window.driver.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_browser_that_is_gone_loses_nothing(served: Served, window: Window, chromium: webdriver.Chrome) -> None:
    window.label("1")
    again = Window(chromium, served.address)
    assert at(again) == 1
    assert "1 of 12 labelled" in again.text("parts")
    again.close()


def test_the_driver_is_debian_s() -> None:
    assert shutil.which("chromedriver") == str(DRIVER)
