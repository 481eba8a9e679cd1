"""Renderers: a value in, text or a document out. Reporters show events as they come."""
