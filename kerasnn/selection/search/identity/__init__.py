"""Identity of a search: what has to be equal for a journal to be continued."""
