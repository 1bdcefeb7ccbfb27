"""How points come in: values, files and streams, each read strictly."""
