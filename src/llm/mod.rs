//! The wire to a model server: request, stream, reply, errors, retries.
