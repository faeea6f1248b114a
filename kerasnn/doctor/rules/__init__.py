"""Rules: each yields a finding where the measurements show a fault."""
