"""Steps by the exact law, compiled: on whole matrices, by triangles, on narrow factors."""
