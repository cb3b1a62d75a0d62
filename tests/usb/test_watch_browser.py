"""The page of `linecam watch` in headless Chromium: every screen, and what a camera says appears by itself."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.conftest import ROOT
from tests.page.browser import needs_chromium
from tests.page.label_command import ADDRESS, until
from tests.page.screens import asked_for, chromium, on_every_screen

pytestmark = needs_chromium

LINE = (
    '{"label": "%s", "score": 0.75, "scores": [0.75, 0.25], "item": %d, "frames": 1, "ms": 120, "inference_ms": 20}\n'
)
# A camera's lines come by standard input, as from its port.
SERVER = """
import sys, threading
from datetime import datetime
from linecam.stop_request import StopRequest
from linecam.usb.diary import Diary
from linecam.usb.watch_page import serve
diary = Diary("/dev/ttyACM0", datetime.now())
def listen():
    for line in sys.stdin.buffer:
        diary.take(line.rstrip(b"\\n"), datetime.now())
threading.Thread(target=listen, daemon=True).start()
serve(diary, StopRequest(), port=None, browser=False)
"""


def test_the_page_shows_what_the_camera_says_on_every_screen(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        address, _ = until(ADDRESS, process.stderr.readline)
        with chromium(tmp_path) as driver:
            wait = WebDriverWait(driver, 20)
            for number, (width, theme) in enumerate(on_every_screen(driver, address), start=1):
                process.stdin.write(LINE % ("bad" if theme == "dark" else "good", number))
                process.stdin.write('{"error": "Frame capture has timed out."}\n' if width == 768 else "")
                process.stdin.flush()
                wait.until(lambda _, number=number: driver.find_element(By.ID, "total").text.startswith(str(number)))
            assert driver.find_element(By.ID, "label").text == "bad"
            assert "Frame capture has timed out." in driver.find_element(By.ID, "recent").text
            assert driver.get_log("browser") == []
            assert {urlsplit(one).netloc for one in asked_for(driver)} == {urlsplit(address).netloc}
    finally:
        process.kill()
        process.communicate()
