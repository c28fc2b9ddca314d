"""The language model's server: chat completions, and unloading its model from the GPU."""
