"""Figures: arrays and tables in, matplotlib axes out; nothing is computed here."""
