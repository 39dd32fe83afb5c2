"""Effects of features: refits, effects in each environment, their spread, and verdicts on them."""
