//! One file, one tool: its arguments and what it does.
//!
//! What the model reads about a tool stands in `tools/<name>.json` beside `src`; a test holds it
//! equal to the argument types here. A tool reaches only what its function takes.

mod after_edit;
mod answer;
mod arguments;
mod aside;
mod ask_user;
mod budget;
mod check;
mod checks;
mod command_output;
mod commands;
mod custom;
mod diff;
mod edit_file;
mod enclosure;
mod fetch_url;
mod find_files;
mod find_out;
mod foresight;
mod git;
mod git_commit;
mod glob;
mod instructed;
mod large_file;
mod list_files;
mod lookup;
mod output;
mod page;
mod project_overview;
mod read_file;
mod report;
mod run_command;
mod search;
mod seen;
mod shell;
mod taken_back;
mod toolbox;
mod trial;
mod turned_away;
mod update_plan;
mod write_file;

pub(crate) use answer::Failure;
pub(crate) use arguments::{json_in, resolve, understand};
pub(crate) use aside::Aside;
pub(crate) use ask_user::outcome as answered;
pub(crate) use budget::Budget;
pub(crate) use checks::{AfterEdit, CheckRules};
pub(crate) use custom::CustomTool;
pub(crate) use enclosure::{Bounds, Enclosure, Unconfinable};
pub(crate) use fetch_url::asked_by;
pub(crate) use foresight::Foresight;
pub(crate) use toolbox::{Limits, Means, Sights, Toolbox, built_in, demands, more_paths};
pub(crate) use trial::{Claim, Trial};
pub(crate) use update_plan::steps as plan_said;
