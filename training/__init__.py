"""Batch jobs: history in, model versions and scored files out. `python -m training VERB`."""
