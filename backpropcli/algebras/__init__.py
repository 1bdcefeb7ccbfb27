"""What values are: an algebra says what a constant is and what a primitive does; a fold interprets a graph in it."""
