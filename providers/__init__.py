"""One package per upstream, pure: no adapter does I/O. How to add one: README.md beside this file."""
