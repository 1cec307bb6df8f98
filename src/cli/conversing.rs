//! Conversations at the terminal, one after the other: the person may go from one session to another.

use std::sync::Arc;

use crate::agent::{Desk, Grants, Interrupt};
use crate::cli::Exit;
use crate::cli::beginning::{Begun, Which};
use crate::cli::commands::Ground;
use crate::cli::drawing::theme_names;
use crate::cli::editor::Editor;
use crate::cli::job::{Job, close, put_down, store};
use crate::cli::models::places;
use crate::cli::own_commands::{self, AtHand, Loaded};
use crate::cli::planning::Person;
use crate::cli::report::report;
use crate::cli::sandbox::keeping_secrets;
use crate::cli::serving::Serving;
use crate::cli::suggesting::Suggestions;
use crate::cli::talk::{Left, talk};
use crate::cli::undo::counted;
use crate::conversation::{Entry, Event, Front, Permission, Transcript};
use crate::permission::Trust;
use crate::tools::Toolbox;
use crate::ui::{Keyboard, Screen, visible, visible_line};

/// A session and what is made for it alone.
pub(super) struct Place {
    pub(super) begun: Begun,
    pub(super) toolbox: Toolbox,
    pub(super) grants: Grants,
}

impl Job<'_> {
    /// Talks until the person leaves the program. How, and the transcript of the last session.
    pub(super) async fn converse(
        &mut self,
        keyboard: &Keyboard,
        (mut place, mut serving): (Place, Serving),
        trust: &Trust,
        (interrupt, leave): (Interrupt, Interrupt),
    ) -> anyhow::Result<(Exit, Transcript)> {
        let editor = Editor::new(self.around);
        let person = Person { keyboard, interrupt: &interrupt, leave: &leave, editor: &editor };
        let _titled = self.title().map(|it| keyboard.entitle(it));
        let mut came_from = None;
        loop {
            let Place { begun, toolbox, grants } = place;
            let (id, confinement) = (begun.id.clone(), toolbox.confinement(true));
            let mut screen = self.screen(Some(keyboard.clone()), &begun.transcript);
            screen.amend_with(Box::new(Editor::new(self.around)));
            let mut desk = self.desk(begun, toolbox, (serving, screen), interrupt.clone(), grants);
            desk.front().note(&self.header(Ground::Project, confinement.as_deref()));
            let lines = [came_from.take(), where_it_stands(&desk.transcript)];
            lines.iter().flatten().for_each(|it| desk.front().note(it));
            let workspace = Arc::clone(&self.workspace);
            let here = (self.around, &*workspace, &*id);
            let mut at_hand = self.at_hand(confinement.as_deref(), trust, &mut desk);
            self.suggest(keyboard, &at_hand);
            let next = loop {
                match talk(&mut desk, &person, here, (self, &mut at_hand)).await {
                    Ok(Left::Program(exit)) => break Err(Ok(exit)),
                    Ok(Left::Session(which)) => match self.go_to(which, trust) {
                        Ok(next) => break Ok(next),
                        // The person stays where they are.
                        Err(err) => report(&err),
                    },
                    Err(err) => break Err(Err(err)),
                }
            };
            match next {
                Ok((next, is_with_another)) => {
                    let is_kept = !desk.transcript.entries().is_empty();
                    came_from = is_kept.then(|| self.came_from(&id)).flatten();
                    place = next;
                    interrupt.clear();
                    (serving, _) = put_down(desk, interrupt.fired()).await;
                    if is_with_another {
                        // Two of them may not fit beside each other.
                        serving.stop().await;
                        serving = self.serving().await.unwrap_or_else(|err| {
                            report(&err);
                            Serving::Down
                        });
                    }
                }
                Err(exit) => {
                    interrupt.clear();
                    let stop = async {
                        tokio::select! { () = interrupt.fired() => {}, () = leave.fired() => {} }
                    };
                    let transcript = close(desk, stop).await;
                    return exit.map(|it| (it, transcript));
                }
            }
        }
    }

    /// What the person has at hand here, besides the session.
    fn at_hand(
        &self,
        confinement: Option<&str>,
        trust: &Trust,
        desk: &mut Desk<Serving, Screen>,
    ) -> AtHand {
        let is_trusted = |path: &str, bytes: &[u8]| trust.holds(path, bytes);
        let loaded = own_commands::load(self.around, &self.workspace, is_trusted);
        let Loaded { own, untrusted, warnings } = loaded;
        warnings.iter().for_each(|it| desk.front().show(&Event::Warning(it)));
        let permissions = self.settings.permission.unwrap_or(Permission::Ask);
        let permissions = match toml::to_string(&self.settings.permissions) {
            Ok(rules) if !rules.trim().is_empty() => format!("{permissions}\n{}", rules.trim_end()),
            _ => permissions.to_string(),
        };
        let permissions = visible(&permissions).into_owned();
        let (header, prompts) = (self.header(Ground::Project, confinement), self.prompts.clone());
        let confinement = confinement.map(str::to_owned);
        let (model, model_from) = (self.settings.model.clone(), desk.transcript.entries().len());
        let ground = Ground::Project;
        AtHand {
            ground,
            own,
            untrusted,
            header,
            permissions,
            confinement,
            prompts,
            model,
            model_from,
        }
    }

    pub(super) fn suggest(&self, keyboard: &Keyboard, at_hand: &AtHand) {
        // Another thread looks for files, with a workspace of its own.
        let Ok(workspace) = self.around.workspace() else { return };
        let root = workspace.root().to_owned();
        let own = at_hand.own.iter().map(|it| it.name.clone()).collect();
        let store = store(self.around).ok();
        let (places, keys) = (
            places(self.around, &self.settings),
            self.values.iter().map(|it| it.key.clone()).collect(),
        );
        let (ground, themes) = (at_hand.ground, theme_names(self.around));
        keyboard.suggest(Box::new(Suggestions {
            ground,
            workspace,
            store,
            root,
            own,
            places,
            keys,
            themes,
        }));
    }

    /// How to go back, where the person did not just choose between two.
    fn came_from(&self, id: &str) -> Option<String> {
        match self.session {
            Which::New => Some(format!("a new session; `/load {id}` goes back to the other")),
            Which::Fork(..) => Some(format!("a copy of {id}, which stays as it is")),
            Which::Old(_) | Which::Unsaved => None,
        }
    }

    /// Opens another session, with a history of files of its own; and whether it goes on with another
    /// model.
    fn go_to(&mut self, which: Which, trust: &Trust) -> anyhow::Result<(Place, bool)> {
        let before = std::mem::replace(&mut self.session, which);
        let told = std::mem::take(&mut self.warnings);
        let begun = self.begin().and_then(|begun| {
            let workspace = keeping_secrets(self.around.workspace()?, &self.settings)?;
            Ok((begun, Arc::new(workspace)))
        });
        let (begun, workspace) = begun.inspect_err(|_| self.session = before)?;
        self.workspace = workspace;
        let grants = self.heed();
        let toolbox = self.toolbox(Some(&begun), true, trust);
        // What holds for all sessions was said with the first.
        self.warnings.retain(|it| !told.contains(it));
        let is_with_another = match self.session {
            // With whom matters less than that it goes on.
            Which::Old(_) => self.go_on_with_its_model(&begun.transcript).unwrap_or_else(|err| {
                report(&err);
                false
            }),
            Which::New | Which::Fork(..) | Which::Unsaved => false,
        };
        Ok((Place { begun, toolbox, grants }, is_with_another))
    }
}

/// What a person wants to be reminded of in a session that goes on.
fn where_it_stands(transcript: &Transcript) -> Option<String> {
    let prompts = transcript.entries().iter().filter_map(|it| match it {
        Entry::Prompt(words) => Some(words),
        _ => None,
    });
    let (count, last) = prompts.fold((0, None), |(count, _), it| (count + 1, Some(it)));
    let last = visible_line(last?, 60);
    Some(format!("going on after {}, the last: {last}", counted(count, "prompt")))
}
