"""The page for supervisors, operators and newcomers."""
