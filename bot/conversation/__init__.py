"""Talk: who is addressed, what the model is told, what it answers, and what is remembered.

Knows nothing of Discord's library: people's words come in as values, a character's words leave through the
`TurnPresenter` protocol in `service`.
"""
