"""Installation media: ISO images read without mounting them, told apart, copied and verified."""
