"""From files to the model: the only room that knows file formats."""
