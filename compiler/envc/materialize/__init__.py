"""Plans to generations: staged, linked, made durable, and switched to in one step.

`directory` (what stands where), `build` (a plan carried out), `publish` (staging → generation →
`current`), `verify` (is the disk what the manifest says?).
"""

from envc.materialize.build import LinkMode
from envc.materialize.directory import Directory, Shape
from envc.materialize.publish import Publication, PublishedLayer, publish
from envc.materialize.verify import Problem, verify_tree

__all__ = [
    "Directory",
    "LinkMode",
    "Problem",
    "Publication",
    "PublishedLayer",
    "Shape",
    "publish",
    "verify_tree",
]
