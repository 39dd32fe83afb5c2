"""The training loop, and what it keeps so that a killed run goes on."""
