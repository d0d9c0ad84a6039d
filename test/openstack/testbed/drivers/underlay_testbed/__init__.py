"""Drivers that stand where a production cloud has agents and hosts."""
