"""The connection to Discord: the client, command registration, and what Discord's refusals mean."""
