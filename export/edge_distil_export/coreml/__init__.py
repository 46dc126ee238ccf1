"""Checkpoint -> Core ML package, with proof on any machine."""
