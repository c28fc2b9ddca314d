"""Jobs made from earlier jobs: again, vary, remix, upscale, repeat."""
