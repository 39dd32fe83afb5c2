"""Why a step sees several environments, and what to do about it, in words."""

from elinvar.neural.auditing._observation import Observation
from elinvar.neural.batches._epoch_sampler import EpochSampler
from elinvar.neural.batches._loaders import samplers_of

_MIXED = [
    "Single batches mix environments already: draw them with EnvironmentBatchSampler, on several "
    "processes too."
]


def advice(loader: object, ranks: list[Observation], accumulate: int) -> tuple[str, ...]:
    """Return what is to be said about a loader.

    Parameters
    ----------
    loader : DataLoader or sampler
    ranks : list of Observation
        What each process sees.
    accumulate : int
        Batches of a process in a step.

    Returns
    -------
    tuple of str
        One sentence, or a few, for each thing.
    """
    if len({name for seen in ranks for name in seen.names}) == 1:
        return ("There is only one environment, so HeteroSGD and PooledSGD are the same.",)
    mixed = any(len(batch) > 1 for seen in ranks for batch in seen.batches)
    notes = _sharding(loader) or (_MIXED if mixed else _apart(ranks))
    notes = [*notes, *_processes(ranks)]
    if not mixed and accumulate > 1 and _accumulation_mixes(ranks, accumulate):
        notes.append(
            f"Gradients of {accumulate} batches are added up, and these come from different "
            f"environments: take order='blocks' with block={accumulate}, or one larger batch."
        )
    if not getattr(loader, "in_order", True) and getattr(loader, "num_workers", 0) > 1:
        notes.append(
            "With in_order=False workers may overtake each other, so batches need not come in the "
            "order counted here: leave it at True."
        )
    return tuple(notes)


def _sharding(loader: object) -> list[str]:
    """Explain samplers that hand out batches of another one to processes, as Accelerate's do."""
    links = list(samplers_of(loader))
    shards = [
        link
        for link in links
        if getattr(link, "num_processes", 1) > 1 and hasattr(link, "process_index")
    ]
    if not shards or not any(hasattr(link, "environments") for link in links):
        return []
    remedy = (
        "prepare the model and the optimiser only, and leave the loader out of prepare(), for the "
        "sampler shares its batches out itself"
    )
    if any(isinstance(link, EpochSampler) and link.num_replicas > 1 for link in links):
        return [f"Accelerate shares out batches that are shares of a process already: {remedy}."]
    if not shards[0].split_batches:
        return [
            "Accelerate gives each process another batch of the sampler, hence another "
            f"environment, and averages their gradients: {remedy}, or set split_batches=True."
        ]
    if any(getattr(link, "small", None) == "shrink" for link in links):
        return [
            "Accelerate leaves out batches that are shorter than batch_size, so environments that "
            "shrink are never seen: take small='repeat'."
        ]
    return []


def _apart(ranks: list[Observation]) -> list[str]:
    """Explain processes that see one environment each, and not the same."""
    for step, together in enumerate(zip(*(seen.batches for seen in ranks), strict=False)):
        if all(len(batch) == 1 for batch in together):
            pairs = zip(ranks, together, strict=True)
            names = list(dict.fromkeys(seen.names[next(iter(batch))] for seen, batch in pairs))
            if len(names) > 1:
                return [
                    f"Processes read different environments at the same step (batch {step}: "
                    f"{names[0]!r} and {names[1]!r}), and their gradients are averaged: use "
                    "EnvironmentBatchSampler, with the same seed, labels and epoch in all."
                ]
    return []


def _processes(ranks: list[Observation]) -> list[str]:
    """Explain what processes do to each other besides."""
    notes = []
    if len({len(seen.batches) for seen in ranks}) > 1:
        notes.append(
            "Processes have different numbers of batches, so some will wait for the others for "
            "ever."
        )
    if len(ranks) > 1 and ranks[0].rows and len({seen.rows for seen in ranks}) == 1:
        notes.append(
            f"All {len(ranks)} processes read the same rows, so they do the work of one: share "
            "the batch out, as EnvironmentBatchSampler does unless num_replicas=1 is given."
        )
    return notes


def _accumulation_mixes(ranks: list[Observation], accumulate: int) -> bool:
    """Tell whether accumulated batches of one process come from several environments."""
    return any(
        len({code for batch in seen.batches[first : first + accumulate] for code in batch}) > 1
        for seen in ranks
        for first in range(0, len(seen.batches), accumulate)
    )
