"""A local copy of OSV's database: a folder of advisories, or the archive that a site mirrors."""

from envc.advisories.database import Advisories, read_advisories

__all__ = ["Advisories", "read_advisories"]
