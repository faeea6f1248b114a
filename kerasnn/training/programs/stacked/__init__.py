"""Programs that train several models of one architecture at once."""
