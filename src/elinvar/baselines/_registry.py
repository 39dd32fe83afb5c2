"""Every method under the name by which the command knows it."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from elinvar.baselines._anchor import AnchorRegressor
from elinvar.baselines._anchor_boosting import AnchorBoostingRegressor
from elinvar.baselines._and_mask import ANDGradientRegressor, ANDMaskRegressor
from elinvar.baselines._boosting import BoostingRegressor, LogisticBoostingRegressor
from elinvar.baselines._causalicp import CausalICPRegressor
from elinvar.baselines._constant import ConstantRegressor
from elinvar.baselines._dantzig import CausalDantzigRegressor
from elinvar.baselines._drig import DRIGRegressor
from elinvar.baselines._eills import EILLSRegressor
from elinvar.baselines._elastic_net import ElasticNetRegressor, LassoRegressor
from elinvar.baselines._era_splitting import EraSplittingRegressor
from elinvar.baselines._fair import FAIRRegressor
from elinvar.baselines._fair_network import FAIRNetworkRegressor
from elinvar.baselines._fish import FishRegressor
from elinvar.baselines._fishr import FishrRegressor
from elinvar.baselines._fixed_effects import FixedEffectsRegressor
from elinvar.baselines._forest import ForestRegressor
from elinvar.baselines._group_dro import GroupDRORegressor
from elinvar.baselines._group_dro_boosting import GroupDROBoostingRegressor
from elinvar.baselines._icp import ICPRegressor
from elinvar.baselines._iga import IGARegressor
from elinvar.baselines._irmv1 import IRMv1Regressor
from elinvar.baselines._kclass import KClassRegressor
from elinvar.baselines._logistic import (
    InvariantLogisticRegressor,
    LogisticRegressor,
    TransferLogisticRegressor,
)
from elinvar.baselines._maximin import MaximinRegressor
from elinvar.baselines._neg_dro import NegDRORegressor
from elinvar.baselines._nonlinear_icp import NonlinearICPRegressor
from elinvar.baselines._oracle import OracleRegressor
from elinvar.baselines._penalised_network import CORALNetworkRegressor, IRMNetworkRegressor
from elinvar.baselines._pooled import PooledRegressor
from elinvar.baselines._random_intercept import RandomInterceptRegressor
from elinvar.baselines._ridge import RidgeRegressor
from elinvar.baselines._stabilised import StabilisedRegressor
from elinvar.baselines._subsets import MOST_FEATURES
from elinvar.baselines._vrex import VRExRegressor
from elinvar.datasets import Task
from elinvar.estimators import HeteroSGDRegressor, InvariantRegressor, TransferRegressor

Returns = Literal["predictions", "coefficients", "selection"]


@dataclass(frozen=True)
class Baseline:
    """A method: how it is made, what may be tuned, where it applies, what it returns.

    Attributes
    ----------
    name : str
        Lower-case name.
    title : str
        What it is, in a few words.
    estimator : estimator
        Not fitted, with its default parameters.
    grid : mapping of str to tuple
        Hyper-parameters to choose among, for one rule that serves all methods; empty: nothing to
        choose. The default parameters are on the grid.
    returns : {"predictions", "coefficients", "selection"}
        The most that it answers: predictions alone; also linear coefficients; also ``selected_``.
    package : str
        Optional package behind it; empty if none.
    fewest_environments : int
        The fewest it works with.
    most_features : int, optional
        The most it works with.
    instruments : bool
        Whether it needs an environment more than features.
    tasks : tuple of str
        Targets it is meant for; a classification target is 0/1 and, unless the method says
        otherwise, regressed on.

    Examples
    --------
    >>> from elinvar.baselines import BASELINES
    >>> from elinvar.datasets import make_eills
    >>> data = make_eills(n_samples=1000, rng=0)
    >>> model = BASELINES["eills"].make().fit(data.X, data.y, environments=data.environments)
    >>> model.coef_[:3].round(1)
    array([ 3. ,  2. , -0.5])
    >>> BASELINES["eills"].why_not(n_environments=3, n_features=20)
    'tries all subsets: at most 16 features'
    """

    name: str
    title: str
    estimator: Any
    _: KW_ONLY
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: MappingProxyType({}))
    returns: Returns = "coefficients"
    package: str = ""
    fewest_environments: int = 1
    most_features: int | None = None
    instruments: bool = False
    tasks: tuple[Task, ...] = ("regression", "classification")

    def why_not(self, n_environments: int, n_features: int, task: Task = "regression") -> str:
        """Return why the method does not apply to such data, or "" if it does.

        Parameters
        ----------
        n_environments : int
            Training environments.
        n_features : int
            Columns.
        task : {"regression", "classification"}
            Kind of target.
        """
        if n_environments < self.fewest_environments:
            return f"needs {self.fewest_environments} environments"
        if self.most_features is not None and n_features > self.most_features:
            return f"tries all subsets: at most {self.most_features} features"
        if self.instruments and n_environments <= n_features:
            return f"needs more environments than features: {n_features + 1}"
        if task not in self.tasks:
            return f"not meant for {task}"
        return ""

    def make(self, **parameters: Any) -> Any:
        """Return a new estimator, not fitted.

        Parameters
        ----------
        **parameters
            Parameters other than the default.
        """
        return clone(self.estimator).set_params(**parameters)

    def candidates(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of the grid.

        Yields
        ------
        dict
            Parameters for `make`.
        """
        yield from ParameterGrid({name: list(values) for name, values in self.grid.items()})


_PENALTIES = (0.0, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4)
_TREES = (30, 100)

_ALL = (
    Baseline("constant", "mean of the target", ConstantRegressor(), returns="selection"),
    Baseline("pooled", "least squares over all rows", PooledRegressor()),
    Baseline("oracle", "least squares on the true support", OracleRegressor(), returns="selection"),
    Baseline(
        "ridge",
        "ridge regression over all rows",
        RidgeRegressor(),
        grid={"penalty": (1e-4, 1e-3, 0.01, 0.1, 1.0)},
    ),
    Baseline(
        "lasso", "lasso, chosen on left-out environments", LassoRegressor(), returns="selection"
    ),
    Baseline(
        "elasticnet",
        "elastic net, chosen on left-out environments",
        ElasticNetRegressor(),
        returns="selection",
    ),
    Baseline(
        "boosting",
        "boosted trees over all rows",
        BoostingRegressor(),
        grid={"n_trees": _TREES, "max_leaf_nodes": (7, 31)},
        returns="predictions",
    ),
    Baseline("forest", "random forest over all rows", ForestRegressor(), returns="predictions"),
    Baseline(
        "logistic",
        "logistic regression over all rows",
        LogisticRegressor(),
        grid={"strength": (0.01, 0.1, 1.0, 100.0)},
        tasks=("classification",),
    ),
    Baseline(
        "logisticboosting",
        "boosted trees on the logistic loss",
        LogisticBoostingRegressor(),
        grid={"n_trees": _TREES, "max_leaf_nodes": (7, 31)},
        returns="predictions",
        tasks=("classification",),
    ),
    Baseline(
        "randomintercept",
        "least squares with a random level for each environment",
        RandomInterceptRegressor(),
    ),
    Baseline(
        "fixedeffects", "least squares with a level for each environment", FixedEffectsRegressor()
    ),
    Baseline(
        "anchor",
        "anchor regression",
        AnchorRegressor(),
        grid={"gamma": (1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1e3, 1e4)},
        package="ivmodels",
    ),
    Baseline(
        "kclass",
        "instrumental variables, environments as instruments",
        KClassRegressor(),
        grid={"kappa": ("tsls", "liml", "fuller")},
        package="ivmodels",
        fewest_environments=2,
        instruments=True,
    ),
    Baseline(
        "anchorboosting",
        "boosted trees on the anchor loss",
        AnchorBoostingRegressor(),
        grid={"gamma": (1.0, 5.0, 20.0, 100.0), "n_trees": _TREES},
        returns="predictions",
        package="anchorboosting",
    ),
    Baseline(
        "erasplitting",
        "boosted trees whose splits pay in every environment",
        EraSplittingRegressor(),
        grid={"n_trees": _TREES, "max_leaf_nodes": (7, 31)},
        returns="predictions",
    ),
    Baseline(
        "directionalerasplitting",
        "boosted trees whose splits point the same way in every environment",
        EraSplittingRegressor(criterion="direction"),
        grid={"n_trees": _TREES, "max_leaf_nodes": (7, 31)},
        returns="predictions",
    ),
    Baseline(
        "groupdroboosting",
        "boosted trees that follow the worst environment",
        GroupDROBoostingRegressor(),
        grid={"weight_step": (0.0, 0.1, 1.0), "n_trees": _TREES},
        returns="predictions",
    ),
    Baseline(
        "causalicp",
        "invariant causal prediction (Bonferroni)",
        CausalICPRegressor(),
        grid={"level": (0.01, 0.05)},
        returns="selection",
        package="causalicp",
        fewest_environments=2,
        tasks=("regression",),
    ),
    Baseline(
        "icp",
        "invariant causal prediction (Fisher)",
        ICPRegressor(),
        grid={"level": (0.01, 0.05)},
        returns="selection",
        package="invariant_causal_prediction",
        fewest_environments=2,
        tasks=("regression",),
    ),
    Baseline(
        "nonlinearicp",
        "invariant causal prediction with boosted trees",
        NonlinearICPRegressor(),
        grid={"level": (0.01, 0.05)},
        returns="predictions",
        fewest_environments=2,
        tasks=("regression",),
    ),
    Baseline(
        "eills",
        "focused invariance penalty over all subsets",
        EILLSRegressor(),
        grid={"penalty": (1.0, 4.0, 12.0, 36.0, 100.0, 300.0), "standardize": (False, True)},
        returns="selection",
        fewest_environments=2,
        most_features=MOST_FEATURES,
    ),
    Baseline(
        "fair",
        "adversarial invariance penalty over all subsets",
        FAIRRegressor(),
        grid={"penalty": (1.0, 4.0, 12.0, 36.0, 100.0, 300.0)},
        returns="selection",
        fewest_environments=2,
        most_features=MOST_FEATURES,
    ),
    Baseline(
        "fairnetwork",
        "networks on gates against opponents in each environment",
        FAIRNetworkRegressor(),
        grid={"penalty": (10.0, 36.0)},
        returns="predictions",
        package="torch",
        fewest_environments=2,
    ),
    Baseline(
        "dantzig",
        "causal Dantzig",
        CausalDantzigRegressor(),
        grid={"penalty": (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)},
        returns="selection",
        fewest_environments=2,
    ),
    Baseline(
        "stabilised",
        "average over sets that are stable and predict well",
        StabilisedRegressor(),
        grid={"stability_level": (0.01, 0.1, 0.5)},
        fewest_environments=2,
    ),
    Baseline("maximin", "the variance that is surely explained", MaximinRegressor()),
    Baseline(
        "drig",
        "invariant gradients against a reference environment",
        DRIGRegressor(),
        grid={"gamma": (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)},
    ),
    Baseline(
        "negdro",
        "worst mixture of risks with negative weights",
        NegDRORegressor(),
        grid={"gamma": (0.0, 0.3, 1.0, 5.0, 20.0)},
        fewest_environments=2,
    ),
    Baseline(
        "irmv1", "invariant risk minimisation", IRMv1Regressor(), grid={"penalty": _PENALTIES}
    ),
    Baseline(
        "irmnetwork",
        "network with the penalty of invariant risk minimisation",
        IRMNetworkRegressor(),
        grid={"penalty": (1.0, 100.0, 1e4)},
        returns="predictions",
        package="torch",
    ),
    Baseline(
        "coralnetwork",
        "network whose hidden moments agree between environments",
        CORALNetworkRegressor(),
        grid={"penalty": (0.1, 1.0, 10.0)},
        returns="predictions",
        package="torch",
    ),
    Baseline(
        "vrex", "risk extrapolation by variance", VRExRegressor(), grid={"penalty": _PENALTIES}
    ),
    Baseline(
        "andmask",
        "gradient steps where signs agree",
        ANDMaskRegressor(),
        grid={"threshold": (0.5, 0.8, 1.0), "weight_decay": (0.0, 1e-3, 1e-2, 0.1, 1.0)},
    ),
    Baseline(
        "andgradient",
        "steps along the geometric mean of gradients",
        ANDGradientRegressor(),
        grid={"weight_decay": (0.0, 1e-3, 1e-2, 0.1, 1.0)},
    ),
    Baseline(
        "iga",
        "gradients with small variance between environments",
        IGARegressor(),
        grid={"penalty": _PENALTIES},
    ),
    Baseline(
        "fishr", "equal variances of gradients", FishrRegressor(), grid={"penalty": _PENALTIES}
    ),
    Baseline(
        "groupdro",
        "smallest worst risk",
        GroupDRORegressor(),
        grid={"adjustment": (0.0, 0.3, 1.0, 3.0, 10.0)},
    ),
    Baseline(
        "fish",
        "gradient matching",
        FishRegressor(),
        grid={"step_size": (0.1, 0.3, 1.0), "meta_step": (0.1, 0.5)},
    ),
    Baseline(
        "elinvar-auto",
        "this library: the best forecast for environments like those seen",
        InvariantRegressor(),
        returns="selection",
    ),
    Baseline(
        "elinvar-invariant",
        "this library: the invariant model, for environments that may differ otherwise",
        InvariantRegressor(predictor="invariant"),
        returns="selection",
    ),
    Baseline(
        "elinvar-forecast",
        "this library: a mixture of curves and trees, of features whose relation holds",
        TransferRegressor(),
        returns="predictions",
        tasks=("regression",),
    ),
    Baseline(
        "elinvar-classifier-auto",
        "this library, logistic: the best forecast for environments like those seen",
        InvariantLogisticRegressor(),
        returns="selection",
        tasks=("classification",),
    ),
    Baseline(
        "elinvar-classifier-invariant",
        "this library, logistic: the invariant model",
        InvariantLogisticRegressor(predictor="invariant"),
        returns="selection",
        tasks=("classification",),
    ),
    Baseline(
        "elinvar-forecast-classifier",
        "this library: the same mixture for classes",
        TransferLogisticRegressor(),
        returns="predictions",
        tasks=("classification",),
    ),
    Baseline(
        "heterosgd",
        "this library, the paper's stochastic steps on gates",
        HeteroSGDRegressor(random_state=0),
        grid={"gain": (1.0, 3.0, 10.0)},
    ),
)

BASELINES: Final[Mapping[str, Baseline]] = MappingProxyType({one.name: one for one in _ALL})
"""Every method by name."""
