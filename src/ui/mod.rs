//! The terminal, and nothing else is: events in, screen out; a person's lines in, input out.

mod answers;
mod approval;
mod ascii;
mod attention;
mod call_line;
mod cells;
mod context;
mod diff;
mod foot;
mod hanging;
mod in_question;
mod json;
mod keyboard;
mod markdown;
mod outcome;
mod outlet;
mod page;
mod palette;
#[cfg(test)]
mod paper;
mod plan;
mod screen;
mod status;
mod streams;
mod theme;
mod transfer;
mod visible;

pub(crate) use answers::numbers;
pub(crate) use approval::Amend;
pub(crate) use ascii::{ascii_alone, showable};
pub(crate) use attention::{Attention, Bell};
pub(crate) use context::context;
pub(crate) use diff::coloured_diff;
pub(crate) use hanging::in_lines;
pub(crate) use json::{Json, JsonForm, Opening, TurnEnd};
pub(crate) use keyboard::{
    Editing, Heed, HistoryFiles, Keyboard, Line, Offer, Suggest, Watching, Wish, Words, abandon,
    take_again,
};
pub(crate) use page::{PageStyle, page};
pub(crate) use palette::{Paint, Role, wear};
pub(crate) use plan::{MEND, Mend, REVIEW, Review, checklist};
pub(crate) use screen::{Screen, Style};
pub(crate) use status::{Status, hold_still};
pub(crate) use theme::Theme;
pub(crate) use transfer::{Transfer, TransferStyle, bytes};
pub(crate) use visible::{visible, visible_json, visible_line};
