"""What an optimiser step really sees: the environments of a loader, counted."""
