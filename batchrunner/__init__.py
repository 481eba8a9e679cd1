"""batchrunner."""
