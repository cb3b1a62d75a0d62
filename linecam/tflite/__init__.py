"""From SavedModel to TFLite, what stands in such a file, and the runtime that the camera has."""
