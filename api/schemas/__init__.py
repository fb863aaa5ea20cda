"""The JSON shapes of the wire: what is asked, what is answered. The nouns themselves are `engine.domain`'s."""
