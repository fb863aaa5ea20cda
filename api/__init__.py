"""The scoring API and the console: HTTP in, the engine asked, JSON or one page out."""
