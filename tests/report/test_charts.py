"""The charts, whatever the classes are called."""

import base64
import warnings

import numpy as np
import pytest
from matplotlib import rcParams

from linecam.evaluation.curves import Curve
from linecam.report.charts import precision_chart


@pytest.mark.parametrize(("name", "as_text"), [("größe", False), ("合格", True)])
def test_letters_that_the_font_of_charts_lacks_are_left_to_the_browser(name, as_text):
    shares = np.array([0.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a glyph that is missing
        chart = precision_chart([Curve(name, shares, shares, None)], "here")
    drawn = base64.b64decode(chart.light.partition(",")[2]).decode()
    assert (f">{name}</text>" in drawn) == as_text
    assert ("<text" in drawn) == as_text
    assert rcParams["svg.fonttype"] == "path"
