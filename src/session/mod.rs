//! What survives: the journal, its replay, the list of sessions.
