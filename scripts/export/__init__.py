"""Turns published models into txt2img bundles (models/README.md describes the format)."""
