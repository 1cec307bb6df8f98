//! The loop: decide the next step, take it, record what happened.
