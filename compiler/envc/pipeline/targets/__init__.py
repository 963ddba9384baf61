"""Target directories: what is materialized, kept, verified, repaired and wanted there."""
