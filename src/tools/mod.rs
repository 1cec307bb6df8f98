//! One file, one tool: its arguments and what it does.
