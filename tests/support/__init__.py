"""What the tests share: wheels built from recipes, a loopback index, sites on disk."""
