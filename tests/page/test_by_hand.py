"""The labelling page by mouse and fingers; zoom and light; which frames it shows."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains, ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.page.browser import PHONE, Served, Window, needs_chromium

pytestmark = needs_chromium


def test_a_mouse_is_enough(served: Served, window: Window) -> None:
    window.click("1 bad")
    window.until(lambda: window.at() == 1 and window.seen())
    window.click("Enter The model says good")
    window.until(lambda: window.at() == 2 and window.seen())
    assert served.said() == {"0": "bad", "1": "good"}
    assert [window.button(name).text.split()[-1] for name in ("1 bad", "2 good")] == ["1", "1"], "how many have it"
    window.click("← back")
    window.click("← back")
    window.click("→ next")
    assert window.at() == 1
    window.click("Space skip")
    window.until(lambda: window.at() == 2 and window.seen())
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
    window.until(lambda: window.at() == 11)
    window.click("E end")
    assert "linecam label --configfile config/mine.yaml" in window.text("dialogtext"), "what goes on where she stops"
    window.click("Enter End")
    window.until(lambda: "5 frames still have no label" in window.driver.find_element(By.TAG_NAME, "body").text)
    assert served.process.wait(20) == 0


def test_a_click_counts_while_news_of_others_comes(served: Served, window: Window) -> None:
    """The page draws its counts anew between the button's way down and up."""
    button = window.button("2 good")
    ActionChains(window.driver).move_to_element(button).click_and_hold().perform()
    served.write(5, "good", "Bob")
    window.until(lambda: window.button("2 good").text.split()[-1] == "1")
    ActionChains(window.driver).release().perform()
    window.until(lambda: served.said() == {"0": "good", "5 Bob": "good"})


def test_fingers_are_enough_on_a_phone(served: Served, window: Window) -> None:
    """360 pixels wide, upright and on its side: nothing is cut off, every button is large enough, and all works."""
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
    window.until(lambda: window.at() == 1 and window.seen())
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
    ActionChains(window.driver).drag_and_drop_by_offset(photo, 400, 0).perform()
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
    assert window.at() == 9
    window.driver.get(f"{served.address}#frame={served.frames[4]['sha256']}")
    window.until(lambda: window.at() == 4)
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
