"""One user's network: its training thread, and what the page receives of it."""
