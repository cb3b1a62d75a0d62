"""The report in headless Chromium: nothing is cut off or fetched, at three widths, in light and in dark."""

import json
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.page.browser import CHROMIUM, DRIVER, FLAGS, needs_chromium
from tests.report.test_report import HOSTILE, prepare

pytestmark = needs_chromium

# Whatever sticks out to the right, other than in a box of its own that scrolls.
CUT_OFF = """
return [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > arguments[0] + 1 && !one.closest(".scroll"))
  .map((one) => one.outerHTML.slice(0, 80))
"""


def test_the_page_fits_every_screen_fetches_nothing_and_works_by_keyboard(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    inputs = prepare(tmp_path)
    inputs.write(page)
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'chromium'}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(str(DRIVER)))  # named, so that nothing is downloaded
    try:
        papers = set()
        for width in (360, 768, 1280):
            for theme in ("light", "dark"):
                screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 768}
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
                scheme = {"name": "prefers-color-scheme", "value": theme}
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
                driver.get(page.as_uri())
                driver.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true })")
                assert driver.execute_script("return document.documentElement.scrollWidth") <= width
                assert driver.execute_script(CUT_OFF, width) == []
                papers.add(driver.execute_script("return getComputedStyle(document.body).backgroundColor"))
        assert len(papers) == 2, "light and dark"

        first = driver.find_element(By.CSS_SELECTOR, "button.open")
        first.send_keys(Keys.ENTER)
        large = driver.find_element(By.ID, "frame-1")
        assert large.is_displayed()
        assert HOSTILE in large.text
        driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        assert not large.is_displayed()

        assert driver.get_log("browser") == []
        messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        # Chromium's own first tab is of its own address.
        assert {one for one in asked if not one.startswith(("data:", "chrome:"))} == {page.as_uri()}
    finally:
        driver.quit()
