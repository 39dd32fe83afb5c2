"""How peer methods train networks on tables: adversaries, and penalties between environments."""
