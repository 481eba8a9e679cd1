"""Batch services: facts about each, dialects that speak to them, and the one client that sends."""
