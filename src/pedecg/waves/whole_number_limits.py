"""How finely the delineator's network in whole numbers is rounded; see `integer_network`."""

EXACT = 2**24  # whole numbers up to this are exact in float32, and so are their sums
FEW = 16  # inputs of one sum, up to which more bits can go to the inputs than to the weights
BITS_FEW, BITS_MANY = 13, 12  # bits of the inputs of a convolution
SHARES = 2048  # steps of a lead's weight in the mean of all leads


def highest_input(n_inputs: int) -> int:
    """Return the largest whole number that an input of a sum of so many may be."""
    return int(2 ** (BITS_FEW if n_inputs <= FEW else BITS_MANY) - 1)
