//! Options and where each came from.
//!
//! Defaults, the user's file, the project's file, the environment and the command line are laid
//! over each other in this order. A project may only narrow what the person allows.

mod document;
mod example;
#[cfg(test)]
mod guide;
mod key;
mod live;
mod load;
mod origin;
mod project;
mod settings;
mod show;
mod value;

pub(crate) use example::example;
pub(crate) use live::{meant, set, show_some, values_of};
pub(crate) use load::{Flag, Loaded, Setting, Sources, UserFile, WrongFlag, load};
pub(crate) use origin::Origin;
pub(crate) use settings::{
    AfterEdit, Checks, Color, EditKeys, Marks, Notify, Settings, Ui, schema,
};
pub(crate) use show::show;
