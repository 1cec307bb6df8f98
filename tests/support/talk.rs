//! A conversation at a terminal: waits for the prompt before it types, and leaves.

use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::terminal::{CTRL_D, ENTER, Terminal};

const PROMPT: &str = "›";

pub struct Talk {
    pub terminal: Terminal,
    host: String,
}

impl Talk {
    /// A conversation that waits for its first line.
    #[track_caller]
    pub fn open(home: &Home, server: &FaultServer, args: &[&str]) -> Self {
        let talk = Self::begin(home.agent(args).server(server));
        Self { host: server.url().trim_start_matches("http://").to_owned(), ..talk }
    }

    /// The same by any run of the program.
    #[track_caller]
    pub fn begin(run: Run) -> Self {
        let terminal = run.env("NO_COLOR", "1").terminal(40, 100);
        terminal.wait_for("/help");
        let talk = Self { terminal, host: "nowhere".to_owned() };
        talk.prompted();
        talk
    }

    /// The same with colours.
    #[track_caller]
    pub fn coloured(run: Run) -> Self {
        let terminal = run.terminal(40, 100);
        terminal.wait_for("/help");
        let talk = Self { terminal, host: "nowhere".to_owned() };
        talk.prompted();
        talk
    }

    /// Waits for an empty prompt: only then do keys mean a line.
    #[track_caller]
    pub fn prompted(&self) {
        self.offered("");
    }

    /// Waits for a prompt in which these words stand already.
    #[track_caller]
    pub fn offered(&self, words: &str) {
        let line = format!("{PROMPT} {words}");
        self.terminal.wait_until(&format!("`{line}` on the last line"), |screen| {
            screen.lines().next_back().is_some_and(|it| it.trim_end() == line.trim_end())
        });
    }

    /// Types one line at the prompt.
    #[track_caller]
    pub fn enter(&mut self, line: &str) {
        self.prompted();
        self.terminal.send(line);
        self.terminal.send(ENTER);
    }

    /// Types one line at the prompt and waits until this is on the screen.
    #[track_caller]
    pub fn say(&mut self, line: &str, until: &str) {
        self.enter(line);
        self.terminal.wait_for(until);
    }

    /// Leaves; what is on the screen then, without the header.
    #[track_caller]
    pub fn leave(mut self) -> String {
        self.prompted();
        self.terminal.send(CTRL_D);
        let (code, screen) = self.terminal.finish();
        assert_eq!(code, Some(0), "{screen}");
        let told = |it: &&str| !it.starts_with("agent 0.") && !it.contains("tokens read,");
        let lines: Vec<_> = screen.lines().filter(told).collect();
        lines.join("\n").replace(&self.host, "[SERVER]")
    }
}
