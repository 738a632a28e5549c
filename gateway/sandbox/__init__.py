"""Both upstreams, simulated over real HTTP on loopback: scripted by the prompt, with books that tests compare."""
