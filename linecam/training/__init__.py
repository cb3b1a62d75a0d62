"""Pretraining without labels, and finetuning with them."""
