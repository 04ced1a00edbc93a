"""Parts of `tls.host_certificate`."""
