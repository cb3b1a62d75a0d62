"""Which frames to label."""
