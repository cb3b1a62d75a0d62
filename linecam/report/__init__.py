"""The page that says what was built and how good it is, and the tables and charts of the studies."""
