//! Options and where each came from.
