//! The project on disk: resolve beneath the root, walk, edit atomically.
