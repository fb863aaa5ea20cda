"""What happens to questions: past incidents, people, coming load, and what is on record."""
