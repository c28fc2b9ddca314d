"""The values that everything else works with: jobs, deliveries, conversations, voice samples. No I/O."""
