"""Predictions, and the figures that are made of them."""
