//! The terminal, and nothing else is.
