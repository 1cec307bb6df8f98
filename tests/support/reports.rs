//! A pipe in the project by which a command under test says how far it is.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::support::home::Home;
use crate::support::watched::{PATIENCE, Watched};

/// What is written to the pipe `report` of the project, as it comes.
pub struct Reports(Arc<Watched<String>>);

impl Reports {
    pub fn open(home: &Home) -> Self {
        home.program(Path::new("mkfifo"), &["report"]).run().assert_code(0);
        // Open for both, it has no end as long as we have it.
        let mut options = std::fs::File::options();
        let pipe = options.read(true).write(true).open(home.path("project/report"));
        let mut pipe = pipe.expect("the pipe is ours");
        let reports = Arc::new(Watched::<String>::default());
        let seen = reports.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(n @ 1..) = pipe.read(&mut bytes) {
                seen.change(|it| *it += &String::from_utf8_lossy(&bytes[..n]));
            }
        });
        Self(reports)
    }

    /// The first `count` lines, as soon as they are here.
    #[track_caller]
    pub fn lines(&self, count: usize) -> Vec<String> {
        let come = |it: &String| {
            let whole = it.split_inclusive('\n').filter_map(|it| it.strip_suffix('\n'));
            let lines: Vec<_> = whole.take(count).map(str::to_owned).collect();
            (lines.len() == count).then_some(lines)
        };
        let lines = self.0.wait(Instant::now() + PATIENCE, come);
        lines.unwrap_or_else(|| panic!("{count} reports, not {:?}", self.0.read(String::clone)))
    }
}
