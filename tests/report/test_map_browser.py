"""The map of the frames in headless Chromium: its scripts run, nothing else does, and nothing leaves the page."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By

from tests.page.browser import CHROMIUM, DRIVER, FLAGS, WAIT, needs_chromium
from tests.page.screens import asked_for
from tests.report.test_insight import FRAMES, Made

# All texts of the page, also those of Bokeh's elements.
TEXTS = """
const texts = (root) => [...root.querySelectorAll("*")].flatMap((element) => [
  ...(element.shadowRoot ? texts(element.shadowRoot) : []),
  ...(element.children.length ? [] : [element.textContent]),
]);
return texts(document);  // a tooltip is an element of its own
"""
# Where the window shows the frame of this number.
PLACE = """
const view = Bokeh.index.roots[0], { x, y } = view.model.renderers[0].data_source.data, box = view.canvas_view.el;
const { left, top } = box.getBoundingClientRect();
return [left + view.frame.x_scale.compute(x[arguments[0]]), top + view.frame.y_scale.compute(y[arguments[0]])];
"""
# Where the window shows the lasso.
LASSO = """
const icon = (root) => [...root.querySelectorAll("*")].map((element) =>
  element.className.toString().includes("bk-tool-icon-lasso") ? element : element.shadowRoot && icon(element.shadowRoot)
).find(Boolean);
const { x, y, width, height } = icon(document).getBoundingClientRect();
return [x + width / 2, y + height / 2];
"""

pytestmark = needs_chromium


class Browser:
    """A page with the sections, and the report's policy."""

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver = driver
        made = Made(folder)
        policy = made.insights()["frame_map"].policy
        page = folder / "page.html"
        page.write_text(
            '<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src '
            f"'none'; img-src data:; style-src 'unsafe-inline'; script-src {policy}\">"
            f"<style>:root {{ --card: #fff; --ink: #000 }}</style>{made.page()}",
            encoding="utf-8",
        )
        driver.get_log("performance")
        driver.get(page.as_uri())
        self.run("document.getElementById('map').scrollIntoView()")
        self.until(lambda: self.run("return !document.getElementById('map-controls').hidden"))
        self.until(lambda: self.element("map-plot").rect["height"] > 200)

    def until(self, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + WAIT
        while not holds():
            assert time.monotonic() < end, self.element("map-tool").text[:500]
            time.sleep(0.05)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def element(self, name: str) -> Any:
        return self.driver.find_element(By.ID, name)

    def paths(self) -> list[str]:
        """What the list of the selected frames says."""
        return self.element("map-paths").get_property("value").split("\n")

    def hide(self, way: str, words: str) -> None:
        """Uncheck the box of this name."""
        for label in self.driver.find_elements(By.CSS_SELECTOR, f"#map-{way} label"):
            if label.text.startswith(words):
                label.click()


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(str(DRIVER)))  # named, so that nothing is downloaded
    yield driver
    driver.quit()


def test_the_map_of_the_frames(driver: webdriver.Chrome, tmp_path: Path) -> None:
    browser = Browser(driver, tmp_path)
    assert browser.element("map-shown").text == f"{len(FRAMES)} of {len(FRAMES)} shown"
    assert not browser.element("map-list").is_displayed()

    # By boxes and buttons alone, as by keyboard: the frames that were judged wrong.
    browser.hide("verdict", "right")
    browser.hide("verdict", "unknown")
    browser.element("map-all").click()
    wrong = [path for path, _, label, predicted, _ in FRAMES if label and label != predicted]
    browser.until(lambda: browser.paths() == wrong)
    assert browser.element("map-selected").text == "3 frames selected"
    assert len(driver.find_elements(By.CSS_SELECTOR, "#map-thumbnails [role=img]")) == 3
    # What is hidden afterwards is not selected any more.
    browser.hide("part", "training")
    browser.until(lambda: browser.paths() == wrong[1:])
    browser.element("map-none").click()
    browser.until(lambda: not browser.element("map-list").is_displayed())
    for way, words in [("verdict", "right"), ("verdict", "unknown"), ("part", "training")]:
        browser.hide(way, words)

    # Around everything with the lasso.
    browser.run("document.getElementById('map-plot').scrollIntoView()")
    plot = browser.element("map-plot")
    width, height = plot.rect["width"], plot.rect["height"]
    drag = ActionChains(driver, duration=20)
    drag.move_to_element_with_offset(plot, -int(0.48 * width), -int(0.3 * height)).click_and_hold()
    for right, down in [(0.96, 0), (0, 0.7), (-0.96, 0), (0, -0.6)]:
        drag.move_by_offset(int(right * width), int(down * height))
    drag.release().perform()
    browser.until(lambda: browser.element("map-selected").text == f"{len(FRAMES)} frames selected")
    assert browser.paths() == [path for path, *_ in FRAMES]
    assert browser.element("map-save").get_attribute("href").endswith("c-7.jpg%0A")

    # The pointer on the third frame.
    x, y = browser.run(PLACE, 2)
    for beside in (3, 0):  # it has to move
        pointer = ActionBuilder(driver)
        pointer.pointer_action.move_to_location(round(x) + beside, round(y))
        pointer.perform()
    browser.until(lambda: "b-3.jpg" in browser.run(TEXTS))
    assert "test, labelled bad, judged good 61 %" in browser.run(TEXTS)

    assert not [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert all(address.startswith("file:") for address in asked_for(driver))
