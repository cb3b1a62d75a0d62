"""The labelling page in headless Chromium: a window of it, and a server with twelve frames."""

import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from linecam.files import sha256
from linecam.labels.store import answer, read_rows
from tests.conftest import ROOT
from tests.page.label_command import ADDRESS, CLASSES, until

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
PHONE = {"deviceScaleFactor": 1, "mobile": True}  # of what DevTools calls the metrics of a device

needs_chromium = pytest.mark.skipif(
    not (CHROMIUM.exists() and DRIVER.exists()),
    reason="Debian's packages chromium and chromium-driver are not installed",
)


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
        # Other buttons may take this one's place between the look and the click.
        with suppress(StaleElementReferenceException):
            self.button(text).click()
            return
        self.button(text).click()

    def touch(self, *moments: list[tuple[float, float]], hold: float = 0) -> None:
        """Fingers at these places of the screen, moment by moment, and then up after `hold` seconds."""
        for kind, fingers in [("touchStart", moments[0]), *(("touchMove", more) for more in moments[1:])]:
            points = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(fingers)]
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        time.sleep(hold)
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def draw(self, *corners: tuple[float, float]) -> None:
        """One finger, down at the first of these places and then along them, in ten moments from each to the next."""
        steps = [i / 10 for i in range(1, 11)]
        way = [corners[0]]
        for (x, y), (to_x, to_y) in itertools.pairwise(corners):
            way += [(x + step * (to_x - x), y + step * (to_y - y)) for step in steps]
        self.touch(*[[place] for place in way])

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

    def at(self) -> int:
        """The number of the frame that is shown, from 0."""
        return int(self.until(lambda: re.match(r"Frame (\d+)", self.text("count")))[1]) - 1

    def cells(self) -> int:
        return len(self.driver.find_elements(By.CSS_SELECTOR, "#grid [role=option]"))

    def close(self) -> None:
        self.driver.switch_to.window(self.handle)
        self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])


SERVER = """
import json, sys
from pathlib import Path
from linecam.camera.region import Region
from linecam.page.desk import Advice, Desk
from linecam.page.frame import Frame
from linecam.page.frame_map import FrameMap
from linecam.page.server import serve
from linecam.stop_request import StopRequest
place = Path(sys.argv[1])
frames = [Frame(**frame) for frame in json.loads((place / "frames.json").read_text())]
about = {"classes": ["bad", "good", "no_mask"], "by": sys.argv[2], "dataset": "caps", "region": Region(side=240)}
about["advice"] = Advice(**json.loads((place / "advice.json").read_text()))
others = {one["sha256"]: Frame(**one) for one in json.loads((place / "others.json").read_text())}
places = {frame.sha256: (n % 4 / 3, n // 4 / 4) for n, frame in enumerate([*frames, *others.values()]) if others}
about["frame_map"] = FrameMap(places, others, len(places))
desk = Desk(frames, [], place, place / "labels.csv", **about)
serve(desk, StopRequest(), port=None, browser=False)
"""


ADVICE = {
    "definitions": {"bad": "The mask is torn, or leaves the nose free."},
    "go_on": "snakemake --configfile config/mine.yaml",
    "label": "linecam label --configfile config/mine.yaml",
    "next": {"train": None, "doubtful": 90, "weak": False},
}


class Served:
    """Twelve frames: two groups of four to train on, and one of four for the test.

    The model says good of those to train on. The labels of 6 and 2 look wrong. `more` frames are on the
    map alone, which has four in a row; without any there is no map.
    """

    def __init__(self, place: Path, by: str = "Ann", more: int = 0) -> None:
        self.place, self.labels = place, place / "labels.csv"
        self.frames = []
        for n in range(12 + more):
            path = place / f"A-{n:05d}.png"
            if not path.exists():
                Image.new("RGB", (64, 48), (20 * n % 256, (255 - 20 * n) % 256, 100)).save(path)
            test = 8 <= n < 12
            self.frames.append(
                {"sha256": sha256(path), "path": path.name, "bytes": path.stat().st_size, "width": 64, "height": 48,
                 "part": "test" if test else "train" if n < 8 else "asked", "group": n // 4,
                 "suggestion": "" if test else "good",
                 "p": 0.0 if test else 0.9, "doubt": {6: 1, 2: 2}.get(n, 0)}
            )  # fmt: skip
        (place / "advice.json").write_text(json.dumps(ADVICE))
        (place / "frames.json").write_text(json.dumps(self.frames[:12]))
        (place / "others.json").write_text(json.dumps(self.frames[12:]))
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
