//! What else an argument is called by models that learnt it from other tools, and what they say
//! that asks for nothing.
//!
//! Only names with the same meaning *and the same unit*: a `timeout` in milliseconds or a `limit`
//! of lines is no `timeout_seconds` and no `end_line`.

/// A tool, or all of them; other names; the name here. A name that stands more than once means the
/// first that the tool has.
const ALIASES: &[(Option<&str>, &[&str], &str)] = &[
    (
        Some("find_files"),
        &["glob", "glob_pattern", "file_pattern", "include", "name", "file_name", "filename"],
        "pattern",
    ),
    (
        Some("search"),
        &["query", "regex", "regexp", "search_pattern", "regex_pattern", "search_query"],
        "pattern",
    ),
    (
        Some("search"),
        &["include", "include_pattern", "file_pattern", "glob_pattern", "file_glob"],
        "glob",
    ),
    (Some("search"), &["context_lines", "lines_of_context"], "context"),
    (Some("list_files"), &["max_depth", "levels"], "depth"),
    (Some("list_files"), &["ext", "file_extension"], "extension"),
    (Some("read_file"), &["line_start", "first_line", "from_line"], "start_line"),
    (Some("read_file"), &["line_end", "last_line", "to_line"], "end_line"),
    (Some("write_file"), &["contents", "text", "file_text", "file_content", "data"], "content"),
    (
        None,
        &[
            "file_path",
            "file",
            "file_name",
            "filename",
            "path_to_file",
            "target_file",
            "absolute_path",
            "relative_path",
            "relative_workspace_path",
        ],
        "path",
    ),
    (
        None,
        &[
            "path",
            "file_path",
            "file",
            "file_name",
            "filename",
            "files",
            "file_paths",
            "filenames",
            "file_names",
            "path_to_file",
            "target_file",
            "absolute_path",
            "relative_path",
            "relative_workspace_path",
        ],
        "paths",
    ),
    (
        None,
        &["directory", "dir", "folder", "dir_path", "directory_path", "dir_name", "folder_path"],
        "path",
    ),
    (
        None,
        &[
            "directory",
            "dir",
            "folder",
            "dir_path",
            "working_directory",
            "working_dir",
            "workdir",
            "work_dir",
            "current_directory",
        ],
        "cwd",
    ),
    (None, &["cmd", "command_line", "shell_command", "bash_command", "script"], "command"),
    (None, &["timeout_secs", "timeout_sec", "timeout_in_seconds"], "timeout_seconds"),
    (None, &["old_string", "old_str", "old_text", "old_content", "old_code", "search"], "old"),
    (
        None,
        &["new_string", "new_str", "new_text", "new_content", "new_code", "replace", "replacement"],
        "new",
    ),
    (None, &["changes", "replacements"], "edits"),
];

/// Words about a call, which ask for nothing.
const REMARKS: &[&str] = &[
    "explanation",
    "description",
    "reason",
    "reasoning",
    "rationale",
    "thought",
    "thoughts",
    "comment",
    "purpose",
    "intent",
    "justification",
    "summary",
    "title",
    "task_progress",
    "security_risk",
    "instructions",
    "instruction",
    "tool_call_id",
];

/// Choices that other tools offer; made so, they ask for what is done here anyway.
const USUAL: &[(&str, &str)] = &[
    ("replace_all", "false"),
    ("requires_approval", "false"),
    ("is_background", "false"),
    ("run_in_background", "false"),
    ("background", "false"),
    ("append", "false"),
    ("output_mode", "content"),
    ("encoding", "utf-8"),
    ("encoding", "utf8"),
    ("expected_replacements", "1"),
    ("line_numbers", "true"),
    ("show_line_numbers", "true"),
];

/// What an argument of `tool` by this name may be called here, the likeliest first.
pub(super) fn names_for<'a>(tool: &'a str, name: &'a str) -> impl Iterator<Item = &'static str> {
    let key = key(name);
    let rows = ALIASES.iter().filter(move |(only, others, _)| {
        only.is_none_or(|it| it == tool) && others.iter().any(|it| same(it, &key))
    });
    rows.map(|(.., target)| *target)
}

/// Whether an argument that a tool does not have can be passed over; `value` in plain letters.
pub(super) fn is_idle(name: &str, value: Option<&str>) -> bool {
    let key = key(name);
    REMARKS.iter().any(|it| same(it, &key))
        || USUAL.iter().any(|(it, usual)| {
            same(it, &key) && value.is_some_and(|it| it.eq_ignore_ascii_case(usual))
        })
}

/// A name without case, underscores and dashes: `filePath` and `file_path` are one.
pub(super) fn key(name: &str) -> String {
    let letters = name.chars().filter(|it| !matches!(it, '_' | '-' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

fn same(name: &str, key: &str) -> bool {
    name.chars().filter(|it| *it != '_').eq(key.chars())
}
