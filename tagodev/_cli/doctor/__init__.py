"""``tagodev doctor``: checks of the environment, the network and the account."""
