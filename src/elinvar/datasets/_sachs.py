"""Protein signalling in single cells under nine conditions, from the optional package cdt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from elinvar._base._words import check_names
from elinvar.datasets._dataset import Dataset
from elinvar.datasets._package_files import find_folder
from elinvar.errors import DataError, FileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROTEINS: Final = (
    "praf", "pmek", "plcg", "PIP2", "PIP3", "p44/42", "pakts473", "PKA", "PKC", "P38", "pjnk",
)  # fmt: skip

# The published files in their order, and how many cells each holds.
_CELLS: Final = {
    "CD3/CD28": 853,
    "ICAM-2": 902,
    "AKT inhibitor": 911,
    "G06976": 723,
    "Psitectorigenin": 810,
    "U0126": 799,
    "LY294002": 848,
    "PMA": 913,
    "b2cAMP": 707,
}
CONDITIONS: Final = tuple(_CELLS)

_ACTS_ON: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "AKT inhibitor": ("pakts473",),
        "G06976": ("PKC",),
        "Psitectorigenin": ("PIP2",),
        "U0126": ("pmek",),
        "PMA": ("PKC",),
        "b2cAMP": ("PKA",),
    }
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SachsDataset(Dataset):
    """Protein signalling, with what biologists hold to be true about it.

    Attributes
    ----------
    acts_on : mapping of str to tuple of str
        Condition -> the measured proteins that its reagent acts on directly, where that is certain.
    edges : tuple of (cause, effect)
        The consensus network.
    """

    acts_on: Mapping[str, tuple[str, ...]]
    edges: tuple[tuple[str, str], ...]

    @property
    def causes(self) -> tuple[str, ...]:
        """Direct causes of the target in the consensus network."""
        return tuple(cause for cause, effect in self.edges if effect == self.target)

    @property
    def support(self) -> "NDArray[np.bool_]":
        """Which of the features are direct causes of the target in the consensus network."""
        import numpy as np

        return np.array([feature in self.causes for feature in self.features])

    @property
    def acting_on_target(self) -> tuple[str, ...]:
        """Conditions whose reagent acts on the target itself: candidates to exclude."""
        return tuple(
            condition for condition, proteins in self.acts_on.items() if self.target in proteins
        )

    def without_acting(self) -> "SachsDataset":
        """Return the table without the conditions whose reagent acts on the target itself."""
        stays = ~self.frame[self.environment].isin(self.acting_on_target)
        return replace(self, frame=self.frame[stays].reset_index(drop=True))


def load_sachs(target: str = "praf", *, conditions: Sequence[str] | None = None) -> SachsDataset:
    """Load eleven phosphoproteins and phospholipids measured in 7,466 single cells.

    Each of the nine conditions stimulates human T cells with its own reagents: antibodies against
    CD3 and CD28 alone, then with ICAM-2, with one inhibitor each (of AKT; G06976; psitectorigenin;
    U0126; LY294002), and last PMA and b2cAMP, which activate without them. Values are
    log(max(x, 1)) of the fluorescence x.

    Parameters
    ----------
    target : str
        The protein to explain by the other ten.
    conditions : sequence of str, optional
        Keep these conditions only, of ``CD3/CD28``, ``ICAM-2``, ``AKT inhibitor``, ``G06976``,
        ``Psitectorigenin``, ``U0126``, ``LY294002``, ``PMA`` and ``b2cAMP``.

    Returns
    -------
    SachsDataset
        The environment is ``condition``.

    Raises
    ------
    MissingExtraError
        If the package cdt, which carries the data, is not installed. It is read, never imported.
    DataError
        If there is no such protein or condition.

    Notes
    -----
    ``acts_on`` lists reagents whose target is itself measured: the AKT inhibitor, G06976 (inhibits
    PKC), psitectorigenin (PIP2), U0126 (MEK), PMA (activates PKC) and b2cAMP (PKA). LY294002
    inhibits PI3K, which is not measured, and so reaches PIP3 and AKT at one remove.

    References
    ----------
    K. Sachs, O. Perez, D. Pe'er, D. A. Lauffenburger, G. P. Nolan, "Causal protein-signaling
    networks derived from multiparameter single-cell data", Science 308 (2005) 523-529.
    """
    import numpy as np
    import pandas as pd

    check_names([target], PROTEINS, "target")
    if isinstance(conditions, str) or (conditions is not None and not len(conditions)):
        raise DataError(f"conditions must be a list of some conditions; got {conditions!r}.")
    check_names(conditions or (), CONDITIONS, "condition")
    files = ("cyto_full_data.csv", "cyto_full_target.csv")
    what = "The protein signalling table comes with"
    folder = find_folder("cdt", "data/resources", files, what=what, extra="sachs")
    values, edges = (pd.read_csv(folder / name) for name in files)
    if tuple(values.columns) != PROTEINS or len(values) != sum(_CELLS.values()):
        raise FileError(
            f"{folder / files[0]} is not the table this version of elinvar knows "
            f"({sum(_CELLS.values()):,} rows of {len(PROTEINS)} proteins). "
            "Install the version it was made for: pip install 'elinvar[sachs]'"
        )
    logs = np.log(values.clip(lower=1.0).to_numpy())
    frame = pd.DataFrame(logs, columns=list(PROTEINS))
    frame["condition"] = np.repeat(np.array(CONDITIONS), list(_CELLS.values()))
    if conditions is not None:
        frame = frame[frame["condition"].isin(list(conditions))].reset_index(drop=True)
    return SachsDataset(
        name="protein signalling",
        frame=frame,
        target=target,
        environment="condition",
        features=tuple(protein for protein in PROTEINS if protein != target),
        acts_on=_ACTS_ON,
        edges=tuple((str(cause), str(effect)) for cause, effect in edges.to_numpy()),
        attribution=(
            "K. Sachs, O. Perez, D. Pe'er, D. A. Lauffenburger and G. P. Nolan (2005), "
            "Science 308:523-529; as in the package cdt."
        ),
        description="Flow cytometry of human T cells; values are log(max(fluorescence, 1)).",
    )
