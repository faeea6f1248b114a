"""Version directories, published whole or not at all, and the server's files beside them."""
