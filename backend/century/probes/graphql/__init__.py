"""Probes and heartbeats in the schema."""
