"""Pure decisions: no I/O, no clock, no luck; whatever they need is an argument."""
