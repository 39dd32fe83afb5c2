"""A network for numbers, on the features that HeteroSGD keeps."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elinvar.environments import Environments
from elinvar.errors import DataError
from elinvar.estimators import EnvironmentRegressor
from elinvar.neural.mlp._agreement import agreement_of_numbers
from elinvar.neural.mlp._estimator import Judge, NetworkEstimator

Floats = NDArray[np.float64]


class InvariantMLPRegressor(NetworkEstimator, EnvironmentRegressor):
    r"""A two-layer network on the features whose effect holds in all environments.

    In three stages: a network with a gate in front of each feature is trained by HeteroSGD with a
    gain, which closes gates of features whose effect differs between environments; networks on
    nested sets of features, in the order of the gates, are trained anew on all rows; and the one
    is kept that would be least hurt by environments more different still, by how far environments
    disagree about what it leaves unexplained. Features and target are standardised inside. Where
    they disagree too much about every network, the pooled one answers, and ``notes_`` say so.

    Use `InvariantRegressor` where effects are linear: it is exact there, and far faster.

    Parameters
    ----------
    hidden : int
        Units of the network; an odd number is rounded up.
    activation : {"relu", "gelu"}
        Of the units.
    gain : float >= 0
        :math:`\kappa` of the steps, as in `HeteroStep`. Above 1, effects that only change in size
        are suppressed too; larger ones need smaller steps.
    step_size : float or "auto"
        Of plain SGD. "auto": .3 / (1 + gain), halved until training stays bounded.
    batch_size : int
        Rows of each environment in a step; all of its rows if it has fewer.
    n_steps : int
        Steps of HeteroSGD.
    refit_steps : int
        Steps of Adam on all rows, for each set of features.
    tolerance : float in [0, 1]
        Networks with a larger ``disagreement_`` are not kept.
    pooled : bool
        Use all features and no environments, for comparison.
    device : str
        Where torch trains: "cpu", "cuda", ...
    random_state : int, RandomState, Generator or None
        Of starts and batches. None: different in each fit.

    Attributes
    ----------
    selected_ : boolean ndarray of shape (n_features,)
        The features that the network uses.
    gates_ : ndarray of shape (n_features,)
        Gates at the end of HeteroSGD; NaN if there was none, or it diverged.
    status_ : {"accepted", "approximate", "rejected", "pooled_only"}
        Whether the network passes the test at the level 1 / n, or disagreement is within
        ``tolerance`` though it does not (a network is never exact), or no network is kept, or
        nothing was tested.
    p_value_ : float
        Of the test that environments agree about the network.
    disagreement_ : float
        Upper limit of the share of what is left unexplained that models of their own would spare.
    notes_ : tuple of str
        What the user should know, in sentences.
    network_ : TwoLayerNetwork
        The network, on standardised columns of the selected features.
    step_size_ : float
        Of HeteroSGD.
    environments_ : tuple of str
        The environments seen.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420, for HeteroSGD. The gates, the gain and
    the choice are own derivations.

    Examples
    --------
    >>> import numpy as np
    >>> from elinvar.neural import InvariantMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> place = np.repeat(["north", "south"], 500)
    >>> X = rng.normal(size=(1000, 2))
    >>> y = np.abs(X[:, 0]) + rng.normal(size=1000) / 5
    >>> X[:, 1] += np.where(place == "north", 3, -2) * y
    >>> model = InvariantMLPRegressor(n_steps=300, refit_steps=150, random_state=0)
    >>> model = model.fit(X, y, environments=place)
    >>> model.status_, model.selected_
    ('accepted', array([ True, False]))
    """

    intercept_ = 0.0
    environment_intercepts_ = None
    _learned_name = "network_"

    def fit(self, X: ArrayLike, y: ArrayLike, *, environments: ArrayLike | None = None) -> Self:
        """Find the features, and train the network.

        Parameters
        ----------
        X : array-like or frame of shape (n, n_features)
            Features; text columns of a frame are categorical.
        y : array-like of shape (n,)
            Target.
        environments : array-like of shape (n,), optional
            Label of each row's environment. None, or a single label: the pooled network.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If the data cannot be used, or torch does not know the device.
        """
        self._validate_params()
        rows = self._read(X, y, environments)
        self._target_center, self._target_scale = float(rows.y.mean()), float(rows.y.std())
        if not self._target_scale > 0:
            raise DataError("The target does not vary: there is nothing to explain.")
        self._search(rows, (rows.y - self._target_center) / self._target_scale, None, _judge(rows))
        return self

    def _without_intercept(self, encoded: Floats) -> Floats:
        prediction: Floats = self._target_center + self._target_scale * self._output(encoded)
        return prediction


def _judge(rows: Environments) -> Judge:
    center, scale = rows.y.mean(), rows.y.std()
    return lambda output, used: agreement_of_numbers(
        center + scale * output, used, rows.y, rows.codes
    )
