"""SavedModels: what TF Serving serves."""
