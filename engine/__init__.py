"""What PathFinder knows: alerts to incidents, incidents to fixes and people, load to patterns."""
