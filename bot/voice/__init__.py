"""Speech: which text a character speaks, with which sample of its voice, and where its turns are spoken unasked."""
