"""The console: one page for people, rendered here, without scripts or anything from elsewhere."""
