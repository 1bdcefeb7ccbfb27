"""Text to graphs: tokens, one LALR loop, flat terms, and definitions put in the order of their use."""
