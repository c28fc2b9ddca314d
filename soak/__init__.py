"""The whole bot under every fault at random, for minutes or hours: what was accepted must be delivered once.

The bot is a process of its own between a local Discord, a stand-in ComfyUI and a stand-in language model. A seed
decides which faults come when and what people do when; what follows from them depends on the machine's own timing.
"""
