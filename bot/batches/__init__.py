"""Batches: several pictures of one wish, planned, accepted together, and laid out on a contact sheet."""
