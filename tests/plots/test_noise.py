import numpy as np
import pytest

from elinvar.plots import plot_noise, to_png

NOISE = {
    "batch_size": [10_000, 100, 1000],
    "error": [0.05, 2.0, 0.5],
    "error_low": [0.04, 1.8, 0.45],
    "error_high": [0.06, 2.5, 0.55],
    "invariant_signal": [1.0, 0.4, 0.9],
    "predicted": [0.05, np.inf, 0.52],
    "diverged": [0.0, 0.25, 0.0],
}


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_both_lines_and_the_prediction_are_drawn_in_order_of_the_batch():
    ax = plot_noise(NOISE)
    found = lines(ax)
    error = found["error, relative to |A*|"].get_xydata()
    assert error.tolist() == [[100, 2.0], [1000, 0.5], [10_000, 0.05]]
    assert found["invariant signal"].get_ydata().tolist() == [0.4, 0.9, 1.0]
    assert np.isnan(found["predicted error"].get_ydata()[0])
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_title(loc="left") == "Error below a tenth of the signal from batches of 10,000 on"
    assert to_png(ax).startswith(b"\x89PNG")


def test_the_critical_batch_is_marked_with_its_number():
    ax = plot_noise(NOISE, critical=333.7)
    assert [text.get_text() for text in ax.texts] == ["predicted: error = signal at 334"]
    assert any(line.get_xdata()[0] == 333.7 for line in ax.lines if len(line.get_xdata()) == 2)


def test_batches_that_diverged_are_crossed():
    marks = [line for line in plot_noise(NOISE).lines if line.get_marker() == "x"]
    assert [line.get_xdata() for line in marks] == [[100]]


def test_an_error_that_never_gets_small_is_said():
    ax = plot_noise({"batch_size": [10, 20], "error": [1, 1], "invariant_signal": [0, 0.1]})
    assert ax.get_title(loc="left") == "Error above a tenth of the signal at every batch size"
    assert "predicted error" not in lines(ax)


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        plot_noise({"batch_size": [], "error": [], "invariant_signal": []})
