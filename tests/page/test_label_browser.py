"""The labelling page by keyboard: a line labelled with a kill in between, and every key."""

import re
import shutil

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from linecam.labels.store import DECISION, read_rows
from tests.conftest import Project
from tests.page.browser import ADVICE, DRIVER, Served, Window, needs_chromium
from tests.page.label_command import CLASSES, Labelling

pytestmark = needs_chromium

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
    assert window.at() == 1
    window.label("1")
    assert window.at() == 2
    window.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT, " ")
    assert window.at() == 2, "skips what has a label"
    window.press("j", "1", "0", Keys.ENTER)
    window.until(lambda: not window.dialog())
    assert window.at() == 9
    window.press("j", Keys.ENTER)
    window.until(lambda: not window.dialog())
    assert window.at() == 10
    window.press("j", "9", "9", Keys.ENTER, Keys.ESCAPE)
    assert window.at() == 10
    window.press("h")
    assert window.dialog() == "Help"
    scrolled = (
        "const { scrollTop, scrollHeight, clientHeight } = dialog; return [scrollTop, scrollHeight > clientHeight]"
    )
    assert window.driver.execute_script(scrolled) == [0, True], "a long text is read from its top"
    window.press("1")
    assert served.said() == {"1": "bad"}, "no label while another thing is open"
    window.press(Keys.ESCAPE)
    assert not window.dialog()


def test_the_suggestion_is_accepted_and_a_test_frame_has_none(served: Served, window: Window) -> None:
    assert "The model says good (90 %)" in window.text("suggestion").replace("\n", " ")
    window.label(Keys.ENTER)
    assert served.said() == {"0": "good"}
    window.press("j", "9", Keys.ENTER)
    window.until(lambda: "no suggestion is shown" in window.text("part"))
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
    assert window.at() == 2
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
    assert window.at() == 1
    window.press("2", shift=True)
    window.until(lambda: window.cells() == 3)
    window.press(Keys.ARROW_RIGHT, " ", Keys.ENTER)  # not the second
    window.until(lambda: served.said() == {"0": "bad", "1": "good", "3": "good"})
    assert window.at() == 2
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
    window.until(lambda: window.at() == 0)
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
        other.until(lambda: other.dialog() == "Meanwhile Ann has given another answer in another window")
        assert "bad is saved now, your answer is good" in other.text("dialogtext")
        assert served.said() == {"0": "bad", "1": "bad"}, "nothing is written over"
        other.press(choice)
        other.until(lambda: not other.dialog() and other.seen())
        assert served.said() == stands
    other.close()


def test_what_was_chosen_is_on_its_way_before_the_next_key(served: Served, window: Window) -> None:
    """Else a quick key would label the frame, and what was chosen for it would be lost."""
    window.driver.execute_script("window.whole = fetch; window.fetch = () => Promise.reject(new TypeError('away'))")
    served.write(0, "bad", "Ann")
    window.press("2", at_once=True)
    window.until(lambda: "sent again" in window.text("alarm"))
    window.driver.execute_script("window.fetch = window.whole")
    window.until(window.dialog)
    busy = window.driver.execute_async_script(
        "const done = arguments[0], key = new KeyboardEvent('keydown', { key: 'w', bubbles: true });"
        "document.activeElement.dispatchEvent(key);"
        # What follows at once is done before any other event of the browser's.
        "(async () => { for (let i = 0; i < 10; i += 1) await null; done(document.body.className.includes('busy')) })()"
    )
    assert busy
    window.until(lambda: served.said() == {"0": "good"})


def test_an_answer_waits_for_a_server_that_does_not_answer(served: Served, window: Window) -> None:
    window.driver.execute_script("window.whole = fetch; window.fetch = () => Promise.reject(new TypeError('away'))")
    window.press("3")
    window.until(lambda: "Your answer “no_mask” is kept here and sent again" in window.text("alarm"))
    assert window.at() == 0, "the next frame is not shown before the answer is saved"
    window.press("1", "u", Keys.ARROW_RIGHT, at_once=True)
    assert window.at() == 0
    assert served.said() == {}
    window.driver.execute_script("window.fetch = window.whole")
    window.until(lambda: served.said() == {"0": "no_mask"})
    window.until(lambda: window.at() == 1 and window.text("alarm") == "")


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
    classes = {f"1 bad {ADVICE['definitions']['bad']} 0", "2 good 0", "3 no_mask 0", "0 not sure 0"}
    assert classes <= names, "with what a class means, and how many frames have it"
    assert {"Enter The model says good (90 %)", "Shift together with 3 frames like this", "S dim", "Z 1×"} <= names
    assert {"Space skip", "U undo", "← back", "→ next", "G grid", "J jump", "D disagree", "H help", "E end"} <= names


def test_time_a_frame_and_what_is_left(window: Window) -> None:
    assert window.text("time") == ""
    for key in "1231":
        window.label(key)
    assert re.fullmatch(r"\d+\.\d s a frame, (less than a minute|about \d+ minutes?) left", window.text("time"))


def test_nothing_is_cut_off(window: Window) -> None:
    for key in ("", "g"):
        window.press(*key)
        assert window.driver.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_browser_that_is_gone_loses_nothing(served: Served, window: Window, chromium: webdriver.Chrome) -> None:
    window.label("1")
    again = Window(chromium, served.address)
    assert again.at() == 1
    assert "1 of 12 labelled" in again.text("parts")
    again.close()


def test_the_driver_is_debian_s() -> None:
    assert shutil.which("chromedriver") == str(DRIVER)
