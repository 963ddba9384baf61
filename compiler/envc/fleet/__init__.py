"""The wanted state of many nodes, and what travels to them."""
