"""What the commands of `python -m api` do."""
