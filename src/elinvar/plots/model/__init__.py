"""Figures of one fitted model and of its environments before the fit."""
