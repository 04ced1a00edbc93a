"""This machine's own files and what it knows of others: /etc/hosts, known_hosts, addresses of names, host keys."""
