"""Stand-ins for the outside world, held to the same contract tests as the real adapters."""
