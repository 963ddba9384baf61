"""Plans to generations: staged, linked, made durable, and switched to in one step.

`directory` (what stands where), `build` (a plan carried out), `publish` (staging → generation →
`current`), `verify` (is the disk what the manifest says?). Nothing is imported here: the path of
a run that has nothing to do needs `directory` alone.
"""
