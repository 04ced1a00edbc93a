"""What the scripts that xCAT ships mean as steps."""
