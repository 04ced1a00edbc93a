"""xCAT's commands: what somebody typed, to what is said and what shall change. No input or output of their own."""
