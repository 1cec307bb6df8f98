//! The wire to a model server: request, stream, reply, errors, retries.
//!
//! Speaks the OpenAI chat form as llama-server does; what only llama-server has is used when it
//! is there and missed when it is not.

mod ask;
mod chunk;
mod count;
mod error;
mod fold;
mod gauge;
mod leave;
mod props;
mod request;
mod retry;
mod sampling;
mod server;
mod slot;
mod spoken;
mod sse;
mod thoughts;
mod warm;

pub(crate) use ask::{ask, ask_or_hurry};
pub(crate) use count::count;
pub(crate) use error::AskError;
pub(crate) use gauge::{Gauge, most};
pub(crate) use leave::leave;
pub(crate) use props::{Props, props};
pub(crate) use request::{Constants, Request};
pub(crate) use retry::retry_after;
pub(crate) use sampling::Sampling;
pub(crate) use server::{Address, Server};
pub(crate) use slot::{restore, save};
pub(crate) use spoken::{Veil, hear};
pub(crate) use thoughts::forgets;
pub(crate) use warm::warm;
