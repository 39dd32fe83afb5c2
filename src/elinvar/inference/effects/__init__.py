"""Effects of features on the target: in each environment, over all of them, and in a new one."""

from elinvar.inference.effects._random_effects import between_sd, random_effects

__all__ = ["between_sd", "random_effects"]
