"""The map of all frames in the labelling page: what is picked there is labelled next."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.page.browser import ADVICE, PHONE, Served, Window, needs_chromium
from tests.report.test_map_browser import LASSO, PLACE, TEXTS

pytestmark = needs_chromium


@pytest.fixture
def mapped(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, more=4)
    yield served
    served.end()


def on_map(window: Window) -> bool:
    """Whether the map is drawn."""
    return bool(window.driver.execute_script("return window.Bokeh?.index.roots?.[0]?.frame.x_scale && true"))


def place(window: Window, number: int) -> tuple[int, int]:
    x, y = window.driver.execute_script(PLACE, number)
    return round(x), round(y)


def test_frames_drawn_around_on_the_map_are_labelled_next(
    mapped: Served, chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    window = Window(chromium, mapped.address)
    chromium.get_log("browser")
    window.label("1")
    first = window.seen()
    window.press("m")
    window.until(lambda: on_map(window))
    assert window.text("map-count") == "16 frames"
    assert window.text("map-selected") == "No frame is selected."
    assert not window.driver.find_element(By.ID, "map-label").is_enabled()

    # Around the last row, which nobody has listed, and the row of the test frames above it.
    chromium.execute_script("document.getElementById('map-plot').scrollIntoView({block: 'end'})")
    (left, top), (right, bottom) = place(window, 8), place(window, 15)
    drag = ActionChains(chromium, duration=20)
    drag.w3c_actions.pointer_action.move_to_location(left - 15, top - 15)
    drag.w3c_actions.pointer_action.pointer_down()
    for x, y in [(right + 15, top - 15), (right + 15, bottom + 15), (left - 15, bottom + 15), (left - 15, top - 10)]:
        drag.w3c_actions.pointer_action.move_to_location(x, y)
    drag.w3c_actions.pointer_action.pointer_up()
    drag.perform()
    window.until(lambda: window.text("map-selected") == "8 frames selected")

    # The pointer on a test frame: what it looks like, and nothing that a model says of it.
    for beside in (3, 0):
        pointer = ActionChains(chromium, duration=0)
        pointer.w3c_actions.pointer_action.move_to_location(place(window, 9)[0] + beside, place(window, 9)[1])
        pointer.perform()
    window.until(lambda: "test, not labelled" in chromium.execute_script(TEXTS))
    assert not [text for text in chromium.execute_script(TEXTS) if text.startswith("the model says")]
    entries = chromium.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert any(name.endswith(f"small/{mapped.frames[9]['sha256']}") for name in entries)

    window.click("Label these 8 frames")
    window.until(lambda: window.text("count") == "Frame 1 of 8" and window.seen())
    assert "your list, from the map (8)" in window.text("listlabel")
    assert "1 of 16 labelled" in window.text("parts")
    picked = window.label("2")
    number = [frame["sha256"] for frame in mapped.frames].index(picked)
    assert 8 <= number < 16
    assert mapped.said() == {"0": "bad", str(number): "good"}
    for _ in range(7):
        shown = next(one for one in mapped.frames if one["sha256"] == window.until(window.seen))
        test = shown["part"] == "test"
        assert ("no suggestion" in window.text("part")) == test
        assert (window.text("suggestion") == "") == test
        window.label("2")
    assert mapped.said() == {"0": "bad"} | {str(n): "good" for n in range(8, 16)}
    window.press(Keys.ESCAPE)

    # There and back again: at the same frame.
    chromium.get(f"{mapped.address}#frame={first}")
    chromium.refresh()
    window.until(lambda: window.seen() == first)
    window.click("M map")
    window.until(lambda: on_map(window))
    window.press("m")
    window.until(lambda: window.seen() == first)
    assert not [entry["message"] for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    window.close()


def test_a_finger_scrolls_until_it_takes_up_the_lasso_and_then_draws(
    mapped: Served, chromium: webdriver.Chrome
) -> None:
    """On a phone; it draws down first, where the page would scroll."""
    window = Window(chromium, mapped.address)
    chromium.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE | {"width": 390, "height": 640})
    window.press("m")
    window.until(lambda: on_map(window))
    assert chromium.find_element(By.CSS_SELECTOR, ".by-finger").is_displayed()

    def scrolled() -> float:
        return float(chromium.execute_script("return scrollY"))

    def rests() -> bool:
        before = scrolled()
        time.sleep(0.2)
        return scrolled() == before

    def corners() -> list[tuple[float, float]]:
        """Around the last two rows."""
        (left, top), (right, bottom) = place(window, 8), place(window, 15)
        return [(left - 9, top - 9), (left - 9, bottom + 9), (right + 9, bottom + 9), (right + 9, top - 9)]

    chromium.execute_script("document.getElementById('map-plot').scrollIntoView({block: 'end'})")
    before, (x, y) = scrolled(), corners()[0]
    window.draw((x, y - 100), (x, y))
    window.until(lambda: scrolled() < before)
    assert window.text("map-selected") == "No frame is selected."

    window.until(rests)  # it scrolls on for a moment
    chromium.execute_script("document.getElementById('map-plot').scrollIntoView({block: 'center'})")
    window.touch([window.driver.execute_script(LASSO)])
    window.draw(*corners())
    window.until(lambda: window.text("map-selected") == "8 frames selected")
    # At once, while the browser would still have the page fly on.
    window.touch([window.middle(window.button("Label these 8 frames"))])
    window.until(lambda: window.text("count") == "Frame 1 of 8")
    window.close()


def test_without_a_map_the_page_says_what_makes_it(served: Served, window: Window) -> None:
    window.press("m")
    window.until(lambda: window.dialog() == "No map yet")
    assert ADVICE["go_on"] in window.text("dialogtext")
    window.press(Keys.ESCAPE)
    window.label("1")
    assert served.said() == {"0": "bad"}
