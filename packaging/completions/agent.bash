# Read by bash at the first Tab behind `agent`: what is installed says itself what it completes.
eval "$(agent completions bash)"
