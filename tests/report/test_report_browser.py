"""The report in headless Chromium: nothing is cut off or fetched, at three widths, in light and in dark."""

from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.page.browser import needs_chromium
from tests.page.screens import asked_for, chromium, on_every_screen
from tests.report.made_up import HOSTILE, prepare

pytestmark = needs_chromium


def test_the_page_fits_every_screen_fetches_nothing_and_works_by_keyboard(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    inputs = prepare(tmp_path)
    inputs.write(page)
    with chromium(tmp_path) as driver:
        for _ in on_every_screen(driver, page.as_uri()):
            driver.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true })")

        first = driver.find_element(By.CSS_SELECTOR, "button.open")
        first.send_keys(Keys.ENTER)
        large = driver.find_element(By.ID, "frame-1")
        assert large.is_displayed()
        assert HOSTILE in large.text
        driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        assert not large.is_displayed()

        assert driver.get_log("browser") == []
        assert asked_for(driver) == {page.as_uri()}
