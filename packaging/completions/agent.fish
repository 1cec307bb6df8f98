# Read by fish when `agent` is first completed: what is installed says itself what it completes.
agent completions fish | source
