"""What pages of the gallery claim is so."""

import runpy
from pathlib import Path

import pytest

GALLERY = Path(__file__).parents[2] / "examples" / "gallery"


@pytest.fixture(autouse=True)
def closed_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def test_moments_of_four_hospitals_answer_as_all_rows_do(capsys):
    page = runpy.run_path(str(GALLERY / "data" / "plot_1_moments_add_up.py"))
    assert abs(page["rows"].coef_ - page["model"].coef_).max() < 1e-9
    assert page["model"].status_ == page["rows"].status_ == "accepted"
    assert all(page["sent"][name] < page["kept"][name] for name in page["tables"])
    assert "bill" in capsys.readouterr().out


def test_packed_text_is_pure_by_tokens_and_usual_packing_is_not(capsys):
    pytest.importorskip("torch")
    page = runpy.run_path(str(GALLERY / "networks" / "plot_4_text.py"))
    said = capsys.readouterr().out
    assert said.index("Audit: pooled") < said.index("Audit: hetero")
    assert "75% are from the commonest source, by rows" in said
    assert all(len(set((batch // 1000).ravel().tolist())) == 1 for batch in page["pure"])


def test_a_model_of_what_holds_leaves_the_misleading_colour_out(capsys):
    page = runpy.run_path(str(GALLERY / "data" / "plot_4_coloured_digits.py"))
    pooled, shapes, holds = page["share_right"](page["new"].X, page["new"].y).values()
    assert pooled < 0.3 and min(shapes, holds) > 0.6
    assert "uses the colour: False" in capsys.readouterr().out


def test_the_steps_behind_a_fit_find_the_causes(capsys):
    page = runpy.run_path(str(GALLERY / "own" / "plot_5_inside_a_fit.py"))
    assert (page["selection"].gates == page["known"].support).all()
    assert page["p_values"][page["truth"]] > 0.05 > page["p_values"][~page["truth"]].max()


def test_runs_of_the_questions_lie_near_their_lines(capsys):
    page = runpy.run_path(str(GALLERY / "paper" / "plot_6_when_and_how_well.py"))
    expected = page["share"] * page["np"].deg2rad(page["degrees"])
    assert abs(page["found"] / expected - 1).max() < 0.2
