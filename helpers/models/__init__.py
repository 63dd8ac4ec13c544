"""The networks of the course, one module per family: blocks, networks, published counts."""
