"""Real tables and generators with known answers."""
