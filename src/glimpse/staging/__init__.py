"""Where bytes wait on this host, how uploads come in, and who clears up what nobody needs any more."""
