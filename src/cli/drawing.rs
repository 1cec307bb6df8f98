//! How all is drawn: from what the terminal is, what the person wishes, and themes of their own.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::cli::job::Job;
use crate::cli::surroundings::Surroundings;
use crate::config::{Color, EditKeys, Marks, Notify, Ui};
use crate::conversation::{Plan, Transcript};
use crate::permission::ConsentFile;
use crate::ui::{
    self, Attention, Bell, Editing, HistoryFiles, Keyboard, Screen, Style, Theme, visible,
};

/// What needs no file.
const BUILT_IN: [&str; 4] = ["auto", "dark", "light", "none"];

/// From now on all that is printed is drawn so.
pub(super) fn draw_by(around: &Surroundings, wishes: &Ui) -> anyhow::Result<()> {
    let theme = theme_of(around, &wishes.theme)?;
    ui::wear(&theme.looks);
    ui::ascii_alone(match wishes.marks {
        Marks::Auto => !around.shows_marks(),
        Marks::Unicode => false,
        Marks::Ascii => true,
    });
    ui::hold_still(wishes.plain || around.is_dumb());
    colored::control::set_override(has_colours(around, wishes, std::io::stderr().is_terminal()));
    Ok(())
}

/// For a command whose answer goes to standard output, where elsewhere colours are for what goes beside it.
pub(super) fn colour_output(around: &Surroundings, wishes: &Ui) {
    colored::control::set_override(has_colours(around, wishes, std::io::stdout().is_terminal()));
}

/// Whether what goes there has colours. A reader of screens would read them out.
fn has_colours(around: &Surroundings, wishes: &Ui, is_terminal: bool) -> bool {
    let is_quiet = around.variable("NO_COLOR").is_some();
    let is_forced = around.variable("CLICOLOR_FORCE").is_some_and(|it| it != "0");
    match wishes.color {
        _ if wishes.theme == "none" => false,
        Color::Auto if wishes.plain => false,
        Color::Auto => !is_quiet && (is_forced || is_terminal && !around.is_dumb()),
        Color::Always => true,
        Color::Never => false,
    }
}

/// What a name means: one of ours, or a file of the person's.
fn theme_of(around: &Surroundings, name: &str) -> anyhow::Result<Theme> {
    let is_light = match name {
        "auto" | "none" => None,
        "dark" => Some(false),
        "light" => Some(true),
        name => return own_theme(around, name),
    };
    Ok(Theme { is_light, ..Theme::default() })
}

fn own_theme(around: &Surroundings, name: &str) -> anyhow::Result<Theme> {
    let own = own_names(around);
    let Some(folder) = folder(around).filter(|_| own.iter().any(|it| it == name)) else {
        let all = BUILT_IN.iter().copied().chain(own.iter().map(|it| &**it));
        let near = all.map(|it| (strsim::osa_distance(name, it), it)).min();
        let near = near.filter(|(distance, _)| *distance <= name.chars().count() / 3);
        let near = near.map(|(_, it)| format!("; did you mean `{}`?", visible(it)));
        bail!(
            "there is no theme `{}`{}\nhint: {}",
            visible(name),
            near.unwrap_or_default(),
            themes(around)
        );
    };
    let file = folder.join(format!("{name}.toml"));
    let context = || format!("cannot read `{}`", file.display());
    let text = std::fs::read_to_string(&file).with_context(context)?;
    Theme::parse(&text)
        .map_err(|err| anyhow!(err))
        .with_context(|| format!("cannot understand the theme `{}`", file.display()))
}

/// The names of all, ours first.
pub(super) fn theme_names(around: &Surroundings) -> Vec<String> {
    let ours = BUILT_IN.iter().map(|it| (*it).to_owned());
    // A name that acts on the terminal is not typed for anybody.
    ours.chain(own_names(around).into_iter().filter(|it| visible(it) == *it)).collect()
}

/// The names that there are, in words.
pub(super) fn themes(around: &Surroundings) -> String {
    let own: Vec<_> = own_names(around).iter().map(|it| format!("`{}`", visible(it))).collect();
    let own = match (&own[..], folder(around)) {
        ([], Some(folder)) => {
            format!("; your own would be in `{}`", visible(&folder.display().to_string()))
        }
        ([], None) => String::new(),
        (own, _) => format!("; your own: {}", own.join(", ")),
    };
    format!("the themes are `dark`, `light`, `auto`, and `none` for no colours{own}")
}

fn folder(around: &Surroundings) -> Option<PathBuf> {
    Some(around.config_dir()?.join("themes"))
}

fn own_names(around: &Surroundings) -> Vec<String> {
    let entries = folder(around).and_then(|it| std::fs::read_dir(it).ok());
    let files = entries.into_iter().flatten().flatten();
    let name = |file: std::fs::DirEntry| {
        Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned())
    };
    let mut names: Vec<_> = files.filter_map(name).collect();
    names.sort();
    names
}

impl Job<'_> {
    pub(super) fn keyboard(&self) -> Option<Keyboard> {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let history = self.around.state_dir().ok().map(|state| HistoryFiles {
            of_project: ConsentFile::new(&state, self.workspace.root()).beside("history"),
            all: state.join("history"),
        });
        let editing = match self.settings.ui.keys {
            _ if self.around.is_dumb() => Editing::Terminal,
            EditKeys::Emacs => Editing::Emacs,
            EditKeys::Vi => Editing::Vi,
        };
        let keyboard = terminal.then(|| Keyboard::edited_by(editing, history))?;
        if let Some(attention) = self.attention() {
            keyboard.attend(attention);
        }
        Some(keyboard)
    }

    /// How the person is called who looks elsewhere, if they are.
    fn attention(&self) -> Option<Attention> {
        let wishes = &self.settings.ui;
        if wishes.notify == Notify::Never || !self.style().live {
            return None;
        }
        let said = |name| self.around.variable(name).and_then(|it| it.to_str()).unwrap_or_default();
        let is_multiplexed = ["TMUX", "STY"].iter().any(|it| self.around.variable(it).is_some());
        Some(Attention {
            bell: Bell::of(said("TERM_PROGRAM"), said("TERM"), is_multiplexed),
            always: wishes.notify == Notify::Always,
            after: Duration::from_secs(wishes.notify_after.into()),
            place: self.project(),
        })
    }

    /// What the window is called in a conversation, if anything.
    pub(super) fn title(&self) -> Option<String> {
        let is_wanted = self.settings.ui.title && self.style().live;
        is_wanted.then(|| format!("agent · {}", self.project()))
    }

    fn project(&self) -> String {
        let name = self.workspace.root().file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// How to draw. The colours of notes are set with it.
    pub(super) fn style(&self) -> Style {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let dumb = self.around.is_dumb();
        let wishes = &self.settings.ui;
        let plain = wishes.plain;
        // What cannot be read was reported when it was chosen.
        let base = theme_of(self.around, &wishes.theme).unwrap_or_default().is_light;
        let coloured = |is_terminal| has_colours(self.around, wishes, is_terminal);
        colored::control::set_override(coloured(stderr.is_terminal()));
        let size = rustix::termios::tcgetwinsize(&stderr);
        let (may_colour, live) =
            (coloured(stdout.is_terminal()), !plain && stderr.is_terminal() && !dumb);
        let is_told = self.around.variable("COLORFGBG").is_some();
        Style {
            width: size.map_or(80, |it| usize::from(it.ws_col).max(20)),
            colour_words: may_colour,
            light: base.unwrap_or_else(|| self.around.is_light()),
            asks: base.is_none() && !is_told && may_colour && live,
            layout: stdout.is_terminal() && !dumb && !plain && self.form.is_none(),
            live: live && !is_pipe(&stdout),
            wraps: live,
            apart: stderr.is_terminal() && is_pipe(&stdout),
            verbose: self.verbose,
        }
    }

    pub(super) fn screen(&self, keyboard: Option<Keyboard>, transcript: &Transcript) -> Screen {
        let (stdout, stderr, style) = (std::io::stdout(), std::io::stderr(), self.style());
        // What is said in a form is not for people; whoever asked for it shows them what it means.
        let out: Box<dyn std::io::Write> =
            if self.form.is_some() { Box::new(std::io::sink()) } else { Box::new(stdout) };
        let mut screen = Screen::new(out, Box::new(stderr), style, keyboard);
        if let Some(reply) = transcript.reply() {
            screen.recall(reply);
        }
        screen.recall_plan(Plan::of(transcript.entries()));
        screen
    }
}

/// What is piped on may end up on the terminal beside our moving line.
fn is_pipe(stdout: &std::io::Stdout) -> bool {
    use rustix::fs::{FileType, fstat};
    fstat(stdout).is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Fifo)
}
