"""The compiled copy of an inventory: never used when a file differs, brought up to date by the files that do."""
