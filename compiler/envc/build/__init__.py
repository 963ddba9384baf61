"""Source distributions and folders to wheels, in isolation (PEP 517, 518, 643).

Source ──metadata──▶ the text of METADATA        Source ──wheel──▶ Built
"""

from envc.build.builder import Builder, Built, Tool
from envc.build.git import Repository
from envc.build.source import Source

__all__ = ["Builder", "Built", "Repository", "Source", "Tool"]
