"""How the weights of grouping are fitted: what is learned from, what is chosen, and the fit."""
