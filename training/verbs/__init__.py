"""What each verb of `python -m training` does; one module per verb, so that each loads only what it needs."""
