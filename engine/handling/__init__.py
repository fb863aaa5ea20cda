"""What happens to alerts: each delivery once, grouped in one transaction, revised, muted, moved by people."""
