"""Version directories and server files, published whole or not at all."""
