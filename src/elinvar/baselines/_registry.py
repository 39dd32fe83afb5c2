"""Every method under the name by which the command knows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from elinvar.baselines._anchor import AnchorRegressor
from elinvar.baselines._anchor_boosting import AnchorBoostingRegressor
from elinvar.baselines._and_mask import ANDGradientRegressor, ANDMaskRegressor
from elinvar.baselines._boosting import BoostingRegressor
from elinvar.baselines._causalicp import CausalICPRegressor
from elinvar.baselines._constant import ConstantRegressor
from elinvar.baselines._dantzig import CausalDantzigRegressor
from elinvar.baselines._eills import MOST_FEATURES, EILLSRegressor
from elinvar.baselines._elastic_net import ElasticNetRegressor, LassoRegressor
from elinvar.baselines._fish import FishRegressor
from elinvar.baselines._fishr import FishrRegressor
from elinvar.baselines._fixed_effects import FixedEffectsRegressor
from elinvar.baselines._group_dro import GroupDRORegressor
from elinvar.baselines._icp import ICPRegressor
from elinvar.baselines._iga import IGARegressor
from elinvar.baselines._irmv1 import IRMv1Regressor
from elinvar.baselines._kclass import KClassRegressor
from elinvar.baselines._logistic import InvariantLogisticRegressor, LogisticRegressor
from elinvar.baselines._oracle import OracleRegressor
from elinvar.baselines._pooled import PooledRegressor
from elinvar.baselines._vrex import VRExRegressor
from elinvar.estimators import HeteroSGDRegressor, InvariantRegressor

Task = Literal["regression", "classification"]
Returns = Literal["predictions", "coefficients", "selection"]


@dataclass(frozen=True, kw_only=True)
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
    Baseline(
        name="constant",
        title="mean of the target",
        estimator=ConstantRegressor(),
        returns="selection",
    ),
    Baseline(name="pooled", title="least squares over all rows", estimator=PooledRegressor()),
    Baseline(
        name="oracle",
        title="least squares on the true support",
        estimator=OracleRegressor(),
        returns="selection",
    ),
    Baseline(
        name="lasso",
        title="lasso, chosen on left-out environments",
        estimator=LassoRegressor(),
        returns="selection",
    ),
    Baseline(
        name="elasticnet",
        title="elastic net, chosen on left-out environments",
        estimator=ElasticNetRegressor(),
        returns="selection",
    ),
    Baseline(
        name="boosting",
        title="boosted trees over all rows",
        estimator=BoostingRegressor(),
        grid={"n_trees": _TREES, "max_leaf_nodes": (7, 31)},
        returns="predictions",
    ),
    Baseline(
        name="logistic",
        title="logistic regression over all rows",
        estimator=LogisticRegressor(),
        grid={"strength": (0.01, 0.1, 1.0, 100.0)},
        tasks=("classification",),
    ),
    Baseline(
        name="fixedeffects",
        title="least squares with a level for each environment",
        estimator=FixedEffectsRegressor(),
    ),
    Baseline(
        name="anchor",
        title="anchor regression",
        estimator=AnchorRegressor(),
        grid={"gamma": (1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1e3, 1e4)},
        package="ivmodels",
    ),
    Baseline(
        name="kclass",
        title="instrumental variables, environments as instruments",
        estimator=KClassRegressor(),
        grid={"kappa": ("tsls", "liml", "fuller")},
        package="ivmodels",
        fewest_environments=2,
        instruments=True,
    ),
    Baseline(
        name="anchorboosting",
        title="boosted trees on the anchor loss",
        estimator=AnchorBoostingRegressor(),
        grid={"gamma": (1.0, 5.0, 20.0, 100.0), "n_trees": _TREES},
        returns="predictions",
        package="anchorboosting",
    ),
    Baseline(
        name="causalicp",
        title="invariant causal prediction (Bonferroni)",
        estimator=CausalICPRegressor(),
        grid={"level": (0.01, 0.05)},
        returns="selection",
        package="causalicp",
        fewest_environments=2,
        tasks=("regression",),
    ),
    Baseline(
        name="icp",
        title="invariant causal prediction (Fisher)",
        estimator=ICPRegressor(),
        grid={"level": (0.01, 0.05)},
        returns="selection",
        package="invariant_causal_prediction",
        fewest_environments=2,
        tasks=("regression",),
    ),
    Baseline(
        name="eills",
        title="focused invariance penalty over all subsets",
        estimator=EILLSRegressor(),
        grid={"penalty": (1.0, 4.0, 12.0, 36.0, 100.0, 300.0), "standardize": (False, True)},
        returns="selection",
        fewest_environments=2,
        most_features=MOST_FEATURES,
    ),
    Baseline(
        name="dantzig",
        title="causal Dantzig",
        estimator=CausalDantzigRegressor(),
        grid={"penalty": (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)},
        returns="selection",
        fewest_environments=2,
    ),
    Baseline(
        name="irmv1",
        title="invariant risk minimisation",
        estimator=IRMv1Regressor(),
        grid={"penalty": _PENALTIES},
    ),
    Baseline(
        name="vrex",
        title="risk extrapolation by variance",
        estimator=VRExRegressor(),
        grid={"penalty": _PENALTIES},
    ),
    Baseline(
        name="andmask",
        title="gradient steps where signs agree",
        estimator=ANDMaskRegressor(),
        grid={"threshold": (0.5, 0.8, 1.0), "weight_decay": (0.0, 1e-3, 1e-2, 0.1, 1.0)},
    ),
    Baseline(
        name="andgradient",
        title="steps along the geometric mean of gradients",
        estimator=ANDGradientRegressor(),
        grid={"weight_decay": (0.0, 1e-3, 1e-2, 0.1, 1.0)},
    ),
    Baseline(
        name="iga",
        title="gradients with small variance between environments",
        estimator=IGARegressor(),
        grid={"penalty": _PENALTIES},
    ),
    Baseline(
        name="fishr",
        title="equal variances of gradients",
        estimator=FishrRegressor(),
        grid={"penalty": _PENALTIES},
    ),
    Baseline(
        name="groupdro",
        title="smallest worst risk",
        estimator=GroupDRORegressor(),
        grid={"adjustment": (0.0, 0.3, 1.0, 3.0, 10.0)},
    ),
    Baseline(
        name="fish",
        title="gradient matching",
        estimator=FishRegressor(),
        grid={"step_size": (0.1, 0.3, 1.0), "meta_step": (0.1, 0.5)},
    ),
    Baseline(
        name="elinvar",
        title="this library, defaults",
        estimator=InvariantRegressor(),
        returns="selection",
    ),
    Baseline(
        name="elinvar-classifier",
        title="this library, logistic, defaults",
        estimator=InvariantLogisticRegressor(),
        returns="selection",
        tasks=("classification",),
    ),
    Baseline(
        name="heterosgd",
        title="this library, the paper's stochastic steps on gates",
        estimator=HeteroSGDRegressor(random_state=0),
        grid={"gain": (1.0, 3.0, 10.0)},
    ),
)

BASELINES: Final[Mapping[str, Baseline]] = MappingProxyType({one.name: one for one in _ALL})
"""Every method by name."""
