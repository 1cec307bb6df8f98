//! The llama-server program: find it, start it, know why it failed, end it.
