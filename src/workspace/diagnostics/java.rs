//! What the build tools of Java say: the compiler through Maven, the tests of Maven and Gradle.
//! javac itself prints as gcc does.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Severity, Tally};

/// `[ERROR] /proj/src/main/java/A.java:[3,22] incompatible types`
pub(super) fn maven(lines: &[&str]) -> Findings {
    let diagnostic = |line: &&str| {
        let (word, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let severity = Severity::parse(&word.to_lowercase())?;
        let (file, rest) = rest.split_once(":[")?;
        let (line, rest) = leading_number(rest)?;
        let (column, rest) = leading_number(rest.strip_prefix(',')?)?;
        let place = Place { file, line, column };
        Some(place.diagnostic(severity, "", rest.strip_prefix("] ")?))
    };
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}

pub(super) fn tests(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        if let Some(name) = surefire(line).or_else(|| gradle(line)) {
            let section = &lines[n + 1..];
            let is_end = |it: &&str| {
                it.is_empty() || it.starts_with("[ERROR] ") || it.starts_with("[INFO] ")
            };
            let end = section.iter().take(60).position(is_end).unwrap_or(section.len().min(60));
            found.tests.push(test(&name, &section[..end]));
        } else if let Some(tally) = tally(line) {
            found.tally = Some(tally);
        }
    }
    found
}

/// `[ERROR] org.example.CalcTest.adds -- Time elapsed: 0.01 s <<< FAILURE!`
fn surefire(line: &str) -> Option<String> {
    let rest = line.strip_prefix("[ERROR] ")?;
    let rest = rest.strip_suffix(" <<< FAILURE!").or_else(|| rest.strip_suffix(" <<< ERROR!"))?;
    // The whole class has a line of the same end.
    let name = rest.split_once(" -- Time elapsed").or_else(|| rest.split_once("  Time elapsed"))?.0;
    (!name.starts_with("Tests run:")).then(|| name.to_owned())
}

/// `CalcTest > adds() FAILED`
fn gradle(line: &str) -> Option<String> {
    let name = line.strip_suffix(" FAILED")?;
    (name.contains(" > ") && !name.starts_with([' ', '>'])).then(|| name.to_owned())
}

fn test(name: &str, section: &[&str]) -> FailedTest {
    let is_frame = |it: &&&str| it.trim_start().starts_with("at ");
    let message: Vec<_> =
        section.iter().take_while(|it| !is_frame(it)).map(|it| it.trim()).collect();
    // A frame has the name of a file only; the class that was tested is the one to look at.
    let class = name.split(" > ").next().unwrap_or(name);
    let class = class.rsplit_once('.').filter(|_| !name.contains(" > ")).map_or(class, |it| it.0);
    let class = class.rsplit('.').next().unwrap_or(class);
    let place = section.iter().filter(is_frame).find_map(|it| {
        let inside =
            it.rsplit_once('(').map_or(it.trim_start().trim_start_matches("at "), |it| it.1);
        let (file, line) = inside.trim_end_matches(')').rsplit_once(':')?;
        let is_its = file.split('.').next() == Some(class);
        Some((file.to_owned(), line.parse().ok()?)).filter(|_| is_its)
    });
    let (file, line) = place.unwrap_or_default();
    FailedTest { name: name.to_owned(), file, line, message: message.join("\n") }
}

/// `[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0`, of all tests.
fn tally(line: &str) -> Option<Tally> {
    let counts = line.split_once("Tests run: ")?.1;
    if counts.contains("Time elapsed") {
        return None;
    }
    let mut numbers =
        counts.split(", ").map_while(|it| Some(leading_number(it.rsplit(": ").next()?)?.0));
    let (run, failures, errors) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let skipped = numbers.next().unwrap_or(0);
    let failed = failures.saturating_add(errors);
    Some(Tally { failed, passed: run.saturating_sub(failed).saturating_sub(skipped) })
}
