"""Rules of a step: how the batches of a step become the direction that an optimiser follows."""
