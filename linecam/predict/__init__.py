"""A bundle tried on frames, without a camera."""
