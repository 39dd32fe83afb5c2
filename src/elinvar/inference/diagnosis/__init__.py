"""The pre-flight: whether these environments can answer, before any fit."""
