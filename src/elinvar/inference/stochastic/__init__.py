"""One-environment steps on the gates, and how large they may be."""
