"""What is done with a graph: both sweeps, derivative products, and what is special about a point."""
