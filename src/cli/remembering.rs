//! Which model a session goes on with: the one that it was with, if that is here.

use std::path::Path;

use crate::cli::choosing::chosen;
use crate::cli::job::Job;
use crate::cli::models::Here;
use crate::cli::note;
use crate::config::{Origin, Setting};
use crate::conversation::{Entry, Transcript};
use crate::models::Found;
use crate::ui::{visible, visible_line};

/// What becomes of the model that a session was with.
#[derive(Debug)]
enum Kept<'a> {
    Here(&'a Found),
    /// Nobody knows which of several it is.
    Doubtful,
    Gone,
}

impl Job<'_> {
    /// From now on the model of a session that goes on is worked with, unless another was named when the
    /// program was started; whether that is another than before. What cannot be is said and left.
    pub(super) fn go_on_with_its_model(&mut self, transcript: &Transcript) -> anyhow::Result<bool> {
        let Some(model) = newest_model(transcript) else { return Ok(false) };
        // A server that is not ours has the models that it has.
        if self.settings.server.url.is_some() || was_named(&self.values) {
            return Ok(false);
        }
        let usual = chosen(self.around, &self.settings).map(|it| it.file);
        if usual.as_ref().is_ok_and(|it| is_file_of(it, model)) {
            return Ok(false);
        }
        // Why that cannot be is said by who needs a model.
        let Ok(here) = Here::look(self.around, &self.settings) else { return Ok(false) };
        let called = visible_line(model, 60);
        let found = match kept(&here.found, model) {
            Kept::Here(found) => found,
            Kept::Doubtful => {
                note(&format!(
                    "several models here are called {called}, as that of this session; `-m` names one"
                ));
                return Ok(false);
            }
            Kept::Gone => {
                note(&format!(
                    "this session was with {called}, which is not among the models here"
                ));
                return Ok(false);
            }
        };
        if usual.is_ok_and(|it| it == found.path) {
            return Ok(false);
        }
        let (name, path) = (found.name(), found.path.display().to_string());
        let is_it = here.file(self.around, &name).is_ok_and(|(it, _)| it == found.path);
        self.settings.model = Some(if is_it { name.clone() } else { path });
        self.remember_model()?;
        let name = visible(&name).into_owned();
        note(&format!("going on with {name}, as this session did; `/model` or `-m` takes another"));
        Ok(true)
    }
}

/// What the newest answer of a session is from.
fn newest_model(transcript: &Transcript) -> Option<&str> {
    let mut models = transcript.entries().iter().filter_map(|it| match it {
        Entry::Reply(reply) if !reply.model.is_empty() => Some(reply.model.as_str()),
        _ => None,
    });
    models.next_back()
}

/// Whether what is worked with was said with the start of this very program.
fn was_named(values: &[Setting]) -> bool {
    let named = values.iter().filter(|it| matches!(&*it.key, "model" | "server.url"));
    named.into_iter().any(|it| matches!(it.origin, Origin::Flag(_) | Origin::Environment(_)))
}

/// A server of a session's own calls a model by the name of its file.
fn is_file_of(file: &Path, model: &str) -> bool {
    file.file_name().is_some_and(|it| it == model)
}

/// The one in the background calls it as we do.
fn is_called(found: &Found, model: &str) -> bool {
    is_file_of(&found.path, model) || found.name() == model
}

fn kept<'a>(found: &'a [Found], model: &str) -> Kept<'a> {
    let alike: Vec<_> = found.iter().filter(|it| it.is_usable() && is_called(it, model)).collect();
    match alike[..] {
        [] => Kept::Gone,
        [one] => Kept::Here(one),
        _ => Kept::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Reply;

    fn reply(model: &str) -> Entry {
        Entry::Reply(Reply { model: model.to_owned(), ..Reply::default() })
    }

    #[test]
    fn the_newest_answer_that_names_a_model_counts() {
        let transcript = [reply("one.gguf"), reply("two.gguf"), reply("")].into_iter().collect();
        assert_eq!(newest_model(&transcript), Some("two.gguf"));
        assert_eq!(newest_model(&Transcript::default()), None);
    }

    #[test]
    fn what_was_said_with_the_start_counts_more() {
        let named = |origin| {
            let (key, value, secret) = ("model".to_owned(), None, false);
            was_named(&[Setting { key, value, origin, secret }])
        };
        assert!(named(Origin::Flag("--model".to_owned())));
        assert!(named(Origin::Environment("AGENT_MODEL".to_owned())));
        assert!(!named(Origin::User("config.toml".into())) && !named(Origin::Here));
    }
}
