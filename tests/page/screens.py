"""Pages in headless Chromium at three widths, in light and in dark: what every page of linecam keeps to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.page.browser import CHROMIUM, DRIVER, FLAGS

# Whatever sticks out to the right, other than in a box of its own that scrolls.
CUT_OFF = """
return [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > arguments[0] + 1 && !one.closest(".scroll"))
  .map((one) => one.outerHTML.slice(0, 80))
"""


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """A browser that keeps its profile in `folder`, and notes what is logged and asked for."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={folder / 'chromium'}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(str(DRIVER)))  # named, so that nothing is downloaded
    try:
        yield driver
    finally:
        driver.quit()


def on_every_screen(driver: webdriver.Chrome, address: str) -> Iterator[tuple[int, str]]:
    """Open a page at each width and in each theme; nothing is cut off, and light is not dark."""
    papers = set()
    for width in (360, 768, 1280):
        for theme in ("light", "dark"):
            screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 768}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
            scheme = {"name": "prefers-color-scheme", "value": theme}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            driver.get(address)
            yield width, theme
            assert driver.execute_script("return document.documentElement.scrollWidth") <= width
            assert driver.execute_script(CUT_OFF, width) == []
            papers.add(driver.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert len(papers) == 2, "light and dark"


def asked_for(driver: webdriver.Chrome) -> set[str]:
    """The addresses that pages have asked for, but for data in the page itself and for those of Chromium's own tab."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"}
    return {address for address in asked if not address.startswith(("data:", "chrome:", "chrome-untrusted:"))}
