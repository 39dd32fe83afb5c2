import numpy as np
import pytest

from elinvar.plots import plot_power, to_png

POWER = {
    "environments": [4, 4, 4, 2, 8],
    "rows": [400.0, 100.0, 200.0, 200.0, 200.0],
    "detectable_sd": [0.1, 0.3, 0.2, 0.5, 0.12],
    "is_now": [False, False, True, False, False],
}


def test_one_line_along_rows_and_one_along_environments():
    ax = plot_power(POWER)
    rows, environments = ax.figure.axes
    assert ax is rows
    assert rows.lines[0].get_xydata().tolist() == [[100, 0.3], [200, 0.2], [400, 0.1]]
    assert environments.lines[0].get_xydata().tolist() == [[2, 0.5], [4, 0.2], [8, 0.12]]
    assert rows.get_xscale() == environments.get_xscale() == "log"
    assert [label.get_text() for label in rows.get_xticklabels()] == ["100", "200", "400"]
    assert rows.get_ylim()[0] == 0


def test_now_is_marked_in_both():
    for ax, spot in zip(plot_power(POWER).figure.axes, ([200, 0.2], [4, 0.2]), strict=True):
        assert ax.collections[0].get_offsets().tolist() == [spot]
        assert [text.get_text() for text in ax.texts] == ["now"]


def test_the_title_says_what_is_found_now():
    assert "differ by 0.2 between environments" in plot_power(POWER).figure.get_suptitle()
    blind = plot_power({**POWER, "detectable_sd": [0.1, 0.3, np.nan, 0.5, 0.12]})
    assert blind.figure.get_suptitle().startswith("No difference")
    assert to_png(blind).startswith(b"\x89PNG")


def test_a_panel_without_anything_known_is_left_out():
    power = {
        "environments": [1, 1, 2, 4],
        "rows": [100.0, 200.0, 100.0, 100.0],
        "detectable_sd": [np.nan, np.nan, 0.3, 0.2],
        "is_now": [True, False, False, False],
    }
    ax = plot_power(power)
    assert [panel.get_xlabel() for panel in ax.figure.axes] == ["environments"]
    assert ax.lines[0].get_xydata().tolist() == [[2, 0.3], [4, 0.2]]
    assert ax.texts[:] == []
    nothing = plot_power({**power, "detectable_sd": [np.nan] * 4})
    assert to_png(nothing).startswith(b"\x89PNG")


def test_many_sizes_get_few_ticks():
    rows = [10 * 2**k for k in range(20)]
    now = [k == 3 for k in range(20)]
    ax = plot_power(
        {"environments": [3] * 20, "rows": rows, "detectable_sd": [0.1] * 20, "is_now": now}
    )
    assert len(ax.get_xticks()) <= 6
    assert to_png(ax).startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [0, 2])
def test_there_must_be_one_now(count):
    now = [k < count for k in range(5)]
    with pytest.raises(ValueError, match=f"{count} rows of the table are now"):
        plot_power({**POWER, "is_now": now})
