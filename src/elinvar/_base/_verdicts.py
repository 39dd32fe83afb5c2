"""How many effects keep what in a new environment, by the verdicts on them."""

from collections.abc import Sequence

KEEP_SIZE = ("invariant", "nearly invariant")
KEEP_SIGN = (*KEEP_SIZE, "same direction")
CHANGE = ("varies", "spurious")


def kept(verdicts: Sequence[str], *, on: str = "", rest: bool = False) -> str:
    """Say how many effects keep their sign, and how many their size, in a new environment.

    Parameters
    ----------
    verdicts : sequence of str
        One for each effect.
    on : str
        What effects are on.
    rest : bool
        Whether to say what became of the others, too.
    """
    size, sign, change = (
        sum(kind in kinds for kind in verdicts) for kinds in (KEEP_SIZE, KEEP_SIGN, CHANGE)
    )
    what = _share(sign, len(verdicts)) + f" on {on}" * bool(on)
    if not sign:
        said = f"{what} is sure to keep its sign in a new place"
    elif size == sign:
        said = f"{what} {_verb(size, 'keep')} {_own(size)} size in a new place"
    else:
        said = f"{what} {_verb(sign, 'keep')} {_own(sign)} sign in a new place"
        said += f", {size} {_own(size)} size" * bool(size)
    if not rest:
        return said
    none, unknown = (verdicts.count(kind) for kind in ("no effect", "undecided"))
    others = [f"{change} {_verb(change, 'change')}"] * bool(change)
    others += [f"{none} {'is' if none == 1 else 'are'} too small to matter"] * bool(none)
    others += [f"{unknown} {'is' if unknown == 1 else 'are'} undecided"] * bool(unknown)
    return "; ".join([said, ", ".join(others)]) if others else said


def _share(count: int, total: int) -> str:
    if not count:
        return "No effect"
    if count == total:
        return f"All {total} effects" if total > 1 else "The effect"
    return f"{count} of {total} effects"


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb


def _own(count: int) -> str:
    return "its" if count == 1 else "their"
