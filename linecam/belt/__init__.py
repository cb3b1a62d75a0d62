"""The built-in line: a conveyor belt with medical masks, drawn from a seed."""
