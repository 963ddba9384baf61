"""Where wheels come from, as indexes, folders, bundles and builds."""
