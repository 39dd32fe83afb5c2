"""From moments to models: candidate supports, the choice among them, and what should predict."""
