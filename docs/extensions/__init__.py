"""Extensions of Sphinx that write pages of the site from the package, its tutorials and tests."""
