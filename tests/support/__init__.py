"""What several test folders share: a gateway on the sandbox, over real HTTP."""
