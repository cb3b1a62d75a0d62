"""The page of `linecam predict` in headless Chromium: every screen, no request, and filters without a script."""

import shutil
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver.common.by import By

from linecam.predict.command import predict
from tests.page.browser import needs_chromium
from tests.page.screens import asked_for, chromium, on_every_screen
from tests.predict.bundles import make_bundle

pytestmark = needs_chromium
FRAMES = {
    "red/a.png": (248, 0, 0),
    "red/b.png": (0, 252, 0),
    "green/a-name-that-is-long-" + 8 * "and-longer" + ".png": (0, 252, 0),
}


def test_the_page_fits_every_screen_fetches_nothing_and_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bundle(tmp_path / "made/archive")
    shutil.move(tmp_path / "made/archive.zip", tmp_path / "archive.zip")
    for name, colour in FRAMES.items():
        path = tmp_path / "frames" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 16), colour).save(path)
    monkeypatch.chdir(tmp_path)
    predict([Path("frames")], Path("archive.zip"), Path("out"), cores=1)
    page = (tmp_path / "out/page.html").as_uri()
    with chromium(tmp_path) as driver:

        def shown() -> int:
            return sum(figure.is_displayed() for figure in driver.find_elements(By.TAG_NAME, "figure"))

        for _ in on_every_screen(driver, page):
            assert shown() == len(FRAMES)
        driver.find_element(By.ID, "only-differs").click()
        assert shown() == 1, "the green frame in the folder red"
        assert driver.get_log("browser") == []
        assert asked_for(driver) == {page}
