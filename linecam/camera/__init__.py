"""The camera's arithmetic: from the sensor's frame to the network's input."""
