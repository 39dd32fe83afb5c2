"""Studies with torch, in small; what they say without it; and verdicts that numbers can turn."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from elinvar.datasets import load_mnist_digits
from elinvar.errors import DataError, MissingExtraError
from elinvar.studies import STUDIES, choose_studies, run_study, runnable_studies
from elinvar.studies._coloured_digits import draw
from elinvar.studies._network_width import NETWORKS, make_network
from elinvar.studies._sources import agreements, chosen
from elinvar.studies._sources import draw as draw_text

NAMES = ("network-width", "optimizers", "few-shot", "coloured-digits", "sources")
width, optimizers, few, digits, sources = (STUDIES[name] for name in NAMES)


def holds(claims):
    return [claim.holds for claim in claims]


@pytest.fixture(scope="module")
def optimized():
    config = dataclasses.replace(
        optimizers.quick,
        optimizers=("SGD", "AdamW"),
        step_sizes=(0.003, 0.1, 1.0),
        repetitions=2,
    )
    return run_study(optimizers, config)


@pytest.mark.needs("torch")
def test_sgd_keeps_the_bias_between_small_and_large_steps(optimized):
    sgd = optimized.summary.set_index("optimizer").loc["SGD"]
    assert sgd["best_step_size"] == 0.1 and sgd["recovers_A"] == "0.1"
    assert sgd["learns_nothing"] == "0.003" and sgd["diverges"] == "1"
    adam = optimized.summary.set_index("optimizer").loc["AdamW"]
    assert adam["learns_the_spurious_part"] != "nowhere" and adam["diverges"] == "nowhere"


def test_outcomes_of_numbers_that_are_known():
    config = dataclasses.replace(optimizers.quick, repetitions=3)
    ends = {
        0.01: (1.0, 0.01, 0.0, False),
        0.03: (0.9, 1.0, 0.9, False),
        0.1: (0.1, 1.0, 0.05, False),
        0.3: (np.nan, np.nan, np.nan, True),
    }
    rows = pd.DataFrame(
        [
            {"optimizer": "SGD", "step_size": size, "repetition": k, "error": end[0],
             "invariant_part": end[1], "spurious_part": end[2], "diverged": end[3]}
            for size, end in ends.items() for k in range(3)
        ]
    )  # fmt: skip
    outcomes = ["learns_nothing", "learns_the_spurious_part", "recovers_A", "diverges"]
    found = optimizers.summarise(rows, config)[outcomes].iloc[0].tolist()
    assert found == ["0.01", "0.03", "0.1", "0.3"]
    one_bad = rows.assign(error=rows["error"].where(rows["repetition"] > 0, 50.0))
    assert optimizers.summarise(one_bad, config)[outcomes].iloc[0].tolist() == found


@pytest.fixture(scope="module")
def sized():
    networks = ("32 units", "2 deep", "start 0.1", "start 3", "deep, start 0.3", "deep, start 5",
                "GELU, start 0.1", "GELU, start 10")  # fmt: skip
    return run_study(width, dataclasses.replace(width.quick, networks=networks))


@pytest.mark.needs("torch")
def test_small_starts_keep_and_large_ones_lose(sized):
    assert [claim.sentence for claim in sized.claims if not claim.holds] == []
    share = sized.summary.set_index("network")["invariant"]
    assert share["start 0.1"] > share["start 3"] + 0.3


@pytest.mark.needs("torch")
def test_exchanged_starts_fail(sized):
    names = {"start 0.1": "start 3", "start 3": "start 0.1"}
    turned = sized.summary.assign(network=sized.summary["network"].replace(names))
    turned = turned.sort_values(["group", "network"], kind="stable")
    assert holds(width.judge(turned, width.quick))[2] is False


@pytest.mark.needs("torch")
@pytest.mark.parametrize("name", ["32 units", "3 deep", "start 3", "GELU, start 10"])
def test_networks_start_as_nothing_at_any_scale(name):
    import torch

    model, step_size = make_network(NETWORKS[name], 6, seed=0)
    assert float(model(torch.randn(5, 6)).detach().abs().max()) < 1e-3
    assert 0 < step_size <= 0.4


@pytest.mark.needs("torch")
def test_environments_and_rows_carry_over():
    config = dataclasses.replace(
        few.quick, environments=(2, 8), rows=(50, 300), labelled=(0, 40), repetitions=1
    )
    result = run_study(few, config)
    first, last = result.summary.iloc[0], result.summary.iloc[-1]
    assert last["hetero_0"] < 0.5 * first["hetero_0"]
    assert last["hetero_0"] < 0.8 * last["pooled_0"]
    assert last["hetero_40"] < last["scratch_40"]
    exchanged = result.summary.rename(
        columns={"hetero_0": "scratch_0", "scratch_0": "hetero_0", "scratch_40": "hetero_40",
                 "hetero_40": "scratch_40"}
    )  # fmt: skip
    assert holds(few.judge(exchanged, config))[-2:] == [False, False]


SMALL = dataclasses.replace(
    digits.quick, source="scikit-learn", training=500, validation=250, components=25, steps=80
)


@pytest.fixture(scope="module")
def coloured():
    study = dataclasses.replace(digits, extras=("torch",))
    return run_study(study, SMALL)


@pytest.mark.needs("torch")
def test_colour_misleads_what_gain_and_gates_do_not(coloured):
    error = coloured.summary.set_index("method")["test_error"]
    assert min(error[["ERM", "HeteroSGD", "Fish"]]) > 0.7
    assert error["HeteroSGD, gain"] < 0.55 < error["HeteroSGD, gain, ReLU"]
    assert error["oracle, grey"] < 0.5


@pytest.mark.needs("torch")
def test_exchanged_methods_fail(coloured):
    names = {"HeteroSGD, gain": "ERM", "ERM": "HeteroSGD, gain"}
    turned = coloured.summary.assign(method=coloured.summary["method"].replace(names))
    assert not any(holds(digits.judge(turned, SMALL))[k] for k in (0, 1, 4))


def test_text_of_all_spreads_is_the_same_when_pooled():
    rng = np.random.default_rng(0)
    for spread in (0.0, 0.3, 0.9):
        rates = agreements(rng, 20_000, spread)
        assert abs(rates.mean() - 0.725) < 0.01 and np.ptp(rates) == pytest.approx(spread)
    contexts, following = draw_text(rng, np.array([1.0, 0.0]), 8000)
    agrees = contexts[:, 1] - 2 == following
    assert agrees[:4000].all() and not agrees[4000:].any()
    assert abs((contexts[:, 0] == following).mean() - 0.65) < 0.02


@pytest.mark.needs("torch")
@pytest.mark.parametrize("arm", ["1 source a batch", "64 sources a batch"])
def test_batches_of_one_source_find_what_holds_in_new_sources(arm):
    found = [
        sources.cell(rng=np.random.default_rng(seed), arm=arm, choice=2, repetition=seed,
                     steps=400, batch_size=512)
        for seed in range(2)
    ]  # fmt: skip
    accuracy = np.mean([row["new_sources"] for row in found])
    assert accuracy > 0.58 if arm.startswith("1 ") else accuracy < 0.55


def test_hypotheses_on_sources_can_fail():
    rows = [
        {"arm": arm, "repetition": k, "choice": choice, "new_sources": 0.6, "training": 0.7,
         "worst_training": 0.5 + 0.1 * (choice == 1)}
        for arm in sources.full.arms for k in range(2) for choice in range(3)
    ]  # fmt: skip
    table = sources.summarise(pd.DataFrame(rows), sources.full)
    # nothing makes a difference: what is said to matter fails, what is said not to holds
    assert holds(sources.judge(table, sources.full)) == [False] * 7 + [True] * 5
    apart = table.assign(new_sources=np.linspace(0.4, 0.9, len(table)))
    assert holds(sources.judge(apart, sources.full)) != [False] * 7 + [True] * 5
    assert set(table["step_size"]) == {0.3, 0.1, 0.003}  # the second, of each kind of model


def test_a_step_size_must_beat_a_coin_to_be_chosen():
    rows = {"arm": "direct", "repetition": [0, 0, 1, 1], "choice": [0, 1, 0, 1]}
    seen = {"training": [0.7, 0.5, 0.49, 0.5], "worst_training": [0.1, 0.4, 0.4, 0.3]}
    assert chosen(pd.DataFrame(rows | seen))["choice"].tolist() == [0, 1]


def test_the_rule_sees_no_test_label():
    rows = pd.DataFrame(
        {
            "method": ["ERM"] * 3,
            "setting": [0, 1, 2],
            "repetition": [0, 0, 0],
            "first_error": [0.10, 0.30, np.nan],
            "second_error": [0.20, 0.31, np.nan],
            "test_error": [0.0, 1.0, np.nan],
            "diverged": [False, False, True],
        }
    )
    gain = rows.assign(method="HeteroSGD, gain")
    (picked, _) = digits.summarise(pd.concat([rows, gain], ignore_index=True), SMALL).to_dict(
        "records"
    )
    assert picked["test_error"] == 1.0  # that of the second setting
    assert picked["tuned_on_test"] == 0.0 and picked["diverged"] == 1


def test_colours_go_with_labels_as_they_are_said_to():
    rng = np.random.default_rng(0)
    learn, other, test = draw(rng, "scikit-learn", 500, 250, 25, False)
    grey = draw(np.random.default_rng(0), "scikit-learn", 500, 250, 25, True)
    assert [len(y) for _, y in (*learn, *other, test)] == [500, 500, 250, 250, 297]
    np.testing.assert_array_equal(learn[0][1], grey[0][0][1])
    x = np.concatenate([part[0] for part in learn]).astype(float)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(x, rowvar=False), np.eye(25), atol=1e-3)
    # a least-squares reader of colour and shape errs as colour does, where it is turned
    w = np.linalg.lstsq(x, np.concatenate([part[1] for part in learn]) - 0.5, rcond=None)[0]
    errors = [np.mean((part[0] @ w > 0) != (part[1] > 0.5)) for part in (*other, test)]
    np.testing.assert_allclose(errors, [0.1, 0.2, 0.9], atol=0.08)


def test_mnist_digits_are_read_where_they_are_and_asked_for_where_not(monkeypatch, tmp_path):
    with pytest.raises(DataError, match="side=5"):
        load_mnist_digits(5)
    monkeypatch.setattr("elinvar.datasets._package_files.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"elinvar\[digits\]"):
        load_mnist_digits()


def test_mnist_digits_shrink_to_averages(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    monkeypatch.setattr("elinvar.datasets._mnist._COUNT", 50)
    table = np.column_stack([rng.integers(0, 256, (50, 784)), rng.integers(0, 10, 50)])
    path = tmp_path / "mnist_5k.csv.gz"
    pd.DataFrame(table).to_csv(path, header=False, index=False)
    monkeypatch.setattr("elinvar.datasets._mnist.find_folder", lambda *_, **__: tmp_path)
    small = load_mnist_digits(14)
    assert repr(small) == "Digits: 50 images of 14 x 14 pixels"
    square = table[3, :-1].reshape(28, 28)[:2, 2:4]
    assert small.images[3, 0, 1] == pytest.approx(square.mean() / 255, rel=1e-6)
    assert small.digits[3] == table[3, -1]


def without_torch(monkeypatch):
    real = sys.modules["importlib.util"].find_spec
    monkeypatch.setattr(
        "elinvar.studies._study.find_spec",
        lambda name: None if name in ("torch", "mlxtend") else real(name),
    )


def test_without_torch_the_others_run_and_one_sentence_says_what_is_left_out(monkeypatch):
    without_torch(monkeypatch)
    studies, sentence = runnable_studies(choose_studies(), named=False)
    assert [study.name for study in studies] == [name for name in STUDIES if name not in NAMES]
    assert sentence == (
        f"Left out: {', '.join(NAMES)} cannot run, because their optional packages are not "
        "installed; install them with: pip install 'elinvar[digits,torch]'"
    )
    with pytest.raises(MissingExtraError, match=r"optimizers cannot run.*'elinvar\[torch\]'"):
        runnable_studies(choose_studies(["optimizers", "scaling"]), named=True)
    with pytest.raises(MissingExtraError, match=r"pip install 'elinvar\[digits,torch\]'"):
        run_study(digits, SMALL)


def test_studies_are_listed_without_loading_torch():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from elinvar.cli._reproduce import list_studies; list_studies([], workers=1)\n"
        "assert sys.modules['torch'] is None"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == "" and "coloured-digits" in done.stdout
    assert "Needs what is not installed: pip install 'elinvar[torch]'" in done.stdout


def test_outcomes_are_drawn_and_strange_ones_refused():
    from elinvar.plots import plot_outcomes

    table = {"who": ["a", "a", "b"], "lr": [0.1, 1.0, 0.1], "outcome": ["fine", "bad", "bad"],
             "error": [0.123, np.inf, 5.0]}  # fmt: skip
    known = {"name": "who", "parameter": "lr", "value": "error"}
    ax = plot_outcomes(table, outcomes=("fine", "bad"), **known)
    assert [len(dots.get_offsets()) for dots in ax.collections] == [1, 2]
    assert [text.get_text() for text in ax.texts] == ["0.12", "5"]
    with pytest.raises(ValueError, match="bad"):
        plot_outcomes(table, outcomes=("fine",), **known)
