"""How the texts of a table are understood: its heads, titles and rows, and what has to be asked."""
