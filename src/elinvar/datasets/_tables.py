"""Real tables that come with the package."""

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from elinvar.datasets._dataset import Dataset

if TYPE_CHECKING:
    import pandas as pd

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_RUSH = (7, 8, 16, 17, 18)
_WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


def load_penguins() -> Dataset:
    """Load body measurements of 333 penguins of three species.

    Explain ``body_mass_g`` by ``bill_length_mm``, ``bill_depth_mm``, ``flipper_length_mm`` and
    ``sex``; the environment is ``species``. Species differ in level: at equal other measurements a
    deeper bill goes with a lighter body when all birds are pooled, and with a heavier one within
    every species.

    Returns
    -------
    Dataset
        The frame also holds ``island`` and ``year``. Of 344 birds, the eleven whose sex is unknown,
        two of them without any measurement, are left out.

    References
    ----------
    K. B. Gorman, T. D. Williams, W. R. Fraser, "Ecological sexual dimorphism and environmental
    variability within a community of Antarctic penguins (genus Pygoscelis)", PLoS ONE 9(3) (2014).

    Examples
    --------
    >>> load_penguins()
    Dataset(penguins: 333 rows, target 'body_mass_g', 3 environments by 'species', 4 features)
    """
    features = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "sex")
    frame = _read("penguins.csv.gz", "sex").dropna(subset=[*features, "body_mass_g"])
    return Dataset(
        name="penguins",
        frame=frame.reset_index(drop=True),
        target="body_mass_g",
        environment="species",
        features=features,
        categorical=("sex",),
        attribution=(
            "K. B. Gorman, T. D. Williams and W. R. Fraser (2014), Palmer Station Antarctica LTER; "
            "as in the palmerpenguins package of A. M. Horst, A. P. Hill and K. B. Gorman. CC0."
        ),
        description=(
            "Adult penguins near Palmer Station, 2007 to 2009: lengths in mm, body mass in g. "
            "Eleven of 344 birds were left out: their sex is unknown, and two of them were not "
            "measured either."
        ),
    )


def load_bikes() -> Dataset:
    """Load the hourly number of bikes hired in Washington, D.C., in 2011.

    Explain ``log_bikers``, the natural logarithm of the bikes hired in an hour, by the hour, the
    day and the weather; the environment is ``season``. No feature tells the season by itself:
    ``month`` and ``day`` (of the year) do, so they are columns of the frame but not features.
    ``workingday`` follows from ``weekday`` and ``holiday``, and ``atemp`` (felt temperature)
    nearly from ``temp``; they are no features by default either, nor are ``night`` (hours 0 to 5)
    and ``rush_hour`` (7, 8, 16, 17 and 18), two coarse words for ``hour``.

    Returns
    -------
    Dataset
        ``hour``, ``weekday`` and ``weather`` are categorical, also in the frame's types; months
        and weekdays are ordered as in the calendar.

    Notes
    -----
    Seasons are named after the calendar: code 1 of the source is 21 December to 20 March, here
    ``winter``. The single hour of heavy rain joined the level ``rain or snow``. ``temp``
    is (t + 8)/47 with t in degrees Celsius; ``humidity`` and ``windspeed`` were divided by their
    largest values, 100 and 67.

    References
    ----------
    H. Fanaee-T, J. Gama, "Event labeling combining ensemble detectors and background knowledge",
    Progress in Artificial Intelligence 2 (2014) 113-127. Data: doi:10.24432/C5W894.

    Examples
    --------
    >>> load_bikes()
    Dataset(bikes: 8,645 rows, target 'log_bikers', 4 environments by 'season', 7 features)
    """
    import numpy as np

    categorical = ("hour", "weekday", "weather")
    frame = _read("bikes.csv.gz", *categorical)
    for name, order in (("month", _MONTHS), ("weekday", _WEEKDAYS)):
        frame[name] = frame[name].astype("category").cat.reorder_categories(order, ordered=True)
    hour = frame["hour"].astype(int)
    return Dataset(
        name="bikes",
        frame=frame.assign(
            night=hour.lt(6).astype(float),
            rush_hour=hour.isin(_RUSH).astype(float),
            log_bikers=np.log(frame["bikers"]),
        ),
        target="log_bikers",
        environment="season",
        features=("hour", "weekday", "holiday", "weather", "temp", "humidity", "windspeed"),
        categorical=categorical,
        attribution=(
            "H. Fanaee-T (2013), Bike Sharing, UCI Machine Learning Repository, "
            "doi:10.24432/C5W894; the hours of 2011, as in the ISLP package. CC BY 4.0."
        ),
        description=(
            "Bikes hired an hour in 2011, on a logarithmic scale. Columns were renamed, codes "
            "spelled out, the counts of casual and registered riders (which add up to the target) "
            "left out, and the one hour of heavy rain joined to 'rain or snow'."
        ),
    )


def _read(name: str, *categorical: str) -> "pd.DataFrame":
    import pandas as pd

    with as_file(files("elinvar.datasets") / "data" / name) as path:
        return pd.read_csv(path).astype(dict.fromkeys(categorical, "category"))
