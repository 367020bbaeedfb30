"""Sweeps: axes to points to answers, on any concurrent.futures.Executor."""
