//! What Go says: its compiler and `vet`, and its tests, for people and as JSON.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::workspace::diagnostics::place::Place;
use crate::workspace::diagnostics::{FailedTest, Findings, Severity, Tally};

/// `calc/sub.go:6:9: undefined: x`
pub(super) fn build(lines: &[&str]) -> Findings {
    let diagnostic = |line: &&str| {
        let line = line.strip_prefix("vet: ").unwrap_or(line);
        let (place, rest) = Place::leading(line)?;
        let message = rest.strip_prefix(": ")?;
        let is_go = place.file.ends_with(".go") && 0 < place.column;
        is_go.then(|| place.diagnostic(Severity::Error, "", message))
    };
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}

pub(super) fn tests(lines: &[&str]) -> Findings {
    let mut run = Run::default();
    lines.iter().for_each(|it| run.line(it));
    run.findings
}

/// The tests of the package that is being tested: which package it is, is said last.
#[derive(Default)]
struct Run<'a> {
    findings: Findings,
    failed: Vec<&'a str>,
    /// What was said, and by which test.
    current: Option<&'a str>,
    said: Vec<(&'a str, &'a str)>,
}

impl<'a> Run<'a> {
    fn line(&mut self, line: &'a str) {
        let trimmed = line.trim_start();
        if let Some(name) =
            ["=== RUN ", "=== CONT ", "=== NAME "].iter().find_map(|it| trimmed.strip_prefix(it))
        {
            self.current = Some(name.trim());
        } else if let Some(name) = trimmed.strip_prefix("--- FAIL: ") {
            let name = name.split(' ').next().unwrap_or(name);
            self.failed.push(name);
            self.tally(|it| &mut it.failed);
            self.current = Some(name);
        } else if trimmed.starts_with("--- PASS: ") {
            self.tally(|it| &mut it.passed);
            self.current = None;
        } else if let Some(package) = end_of_package(line) {
            self.close(package);
        } else if let Some(current) = self.current {
            self.said.push((current, line));
        }
    }

    fn tally(&mut self, count: impl Fn(&mut Tally) -> &mut u32) {
        let count = count(self.findings.tally.get_or_insert_default());
        *count = count.saturating_add(1);
    }

    fn close(&mut self, package: &str) {
        let failed = std::mem::take(&mut self.failed);
        let mut said: HashMap<&str, Vec<&str>> = HashMap::new();
        self.said.drain(..).for_each(|(name, line)| said.entry(name).or_default().push(line));
        self.current = None;
        // A test with parts fails because of them.
        let parents: HashSet<_> = failed.iter().filter_map(|it| it.rsplit_once('/')).collect();
        let parents: HashSet<_> = parents.into_iter().map(|(parent, _)| parent).collect();
        for name in failed {
            let said = said.remove(name).unwrap_or_default();
            if !parents.contains(name) || !said.is_empty() {
                self.findings.tests.push(test(package, name, &said));
            }
        }
    }
}

/// The package in `FAIL example.org/sample/calc 0.007s`.
fn end_of_package(line: &str) -> Option<&str> {
    let mut parts = line.split('\t');
    let is_end = matches!(parts.next()?, "FAIL" | "ok  " | "ok");
    Some(parts.next()?.split(' ').next()?).filter(|_| is_end)
}

fn test(package: &str, name: &str, said: &[&str]) -> FailedTest {
    let place = said.iter().find_map(|it| {
        let (place, rest) = Place::leading(it.trim_start())?;
        (place.file.ends_with(".go") && !is_of_go(place.file)).then_some((place, rest))
    });
    let is_panic = |it: &&&str| it.starts_with("panic: ");
    let panic = said.iter().find(is_panic);
    let message = match (place, panic) {
        (_, Some(panic)) => (*panic).to_owned(),
        (Some((_, rest)), None) => {
            let after = said.iter().skip_while(|it| !it.ends_with(rest)).skip(1);
            let first = rest.strip_prefix(": ").unwrap_or(rest).to_owned();
            // What belongs to it is indented deeper.
            let more = after.take_while(|it| it.starts_with("        "));
            more.fold(first, |all, it| all + "\n" + it.trim())
        }
        (None, None) => said.join("\n"),
    };
    let (file, line) = match place {
        Some((place, _)) if place.file.contains('/') => (place.file.to_owned(), place.line),
        Some((place, _)) => (format!("{package}/{}", place.file), place.line),
        None => (String::new(), 0),
    };
    FailedTest { name: name.to_owned(), file, line, message }
}

/// Whether a frame is one of Go's own.
fn is_of_go(file: &str) -> bool {
    ["/src/testing/", "/src/runtime/"].iter().any(|it| file.contains(it))
}

/// What `go test -json` has told so far.
#[derive(Default)]
pub(super) struct Events {
    findings: Findings,
    /// What the tests that still run have said.
    said: HashMap<(String, String), Vec<String>>,
    /// The tests that have a part that failed.
    parents: HashSet<(String, String)>,
}

impl Events {
    pub(super) fn take(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str();
        let (Some(action), Some(test)) = (text("Action"), text("Test")) else { return };
        let key = (text("Package").unwrap_or_default().to_owned(), test.to_owned());
        match action {
            "output" => {
                let line = text("Output").unwrap_or_default().trim_end();
                let is_ours =
                    line.trim_start().starts_with("=== ") || line.trim_start().starts_with("--- ");
                if !is_ours && !line.is_empty() {
                    self.said.entry(key).or_default().push(line.to_owned());
                }
            }
            "pass" | "skip" | "fail" => self.settle(action, key),
            _ => {}
        }
    }

    fn settle(&mut self, action: &str, key: (String, String)) {
        let said = self.said.remove(&key).unwrap_or_default();
        let tally = self.findings.tally.get_or_insert_default();
        match action {
            "fail" => tally.failed = tally.failed.saturating_add(1),
            "pass" => tally.passed = tally.passed.saturating_add(1),
            _ => {}
        }
        let is_cause = !self.parents.contains(&key) || !said.is_empty();
        let (package, name) = key;
        if action == "fail" && is_cause {
            let said: Vec<&str> = said.iter().map(String::as_str).collect();
            self.findings.tests.push(test(&package, &name, &said));
        }
        if action == "fail"
            && let Some((parent, _)) = name.rsplit_once('/')
        {
            self.parents.insert((package, parent.to_owned()));
        }
    }

    pub(super) fn findings(self) -> Findings {
        self.findings
    }
}
