"""A stack as its user meets it: commands run in it, exported, compared, examined."""
