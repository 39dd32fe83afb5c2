"""Data seen as environments: arrays, frames and files in; Environments and Moments out."""
