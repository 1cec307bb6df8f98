//! The server's state as lines for people.

use crate::models::gigabytes;
use crate::serving::{Model, Stage, Status};
use crate::ui::visible;

pub(super) fn status(url: &str, status: &Status) -> String {
    let mut text = format!(
        "serving at {url} (process {}, agent {}), for {}\n",
        status.pid,
        visible(&status.version),
        span(status.up_seconds)
    );
    let used = status.models.iter().fold(0_u64, |sum, it| sum.saturating_add(it.need_bytes));
    text += &format!("models take {} of {}\n", gigabytes(used), gigabytes(status.room_bytes));
    if 0 < status.waiting {
        text += &format!("{} waiting for a model\n", status.waiting);
    }
    text + &models(status)
}

pub(super) fn models(status: &Status) -> String {
    if status.models.is_empty() {
        return "no model is loaded\n".to_owned();
    }
    let longest = status.models.iter().map(|it| it.name.chars().count()).max();
    let width = longest.unwrap_or(0).clamp(4, 60);
    let mut text = format!(
        "{:<width$}  {:<8}  {:>8}  {:>7}  {:>9}  {:>9}  until\n",
        "name", "state", "memory", "context", "read/s", "written/s"
    );
    for it in &status.models {
        text += &format!(
            "{:<width$}  {:<8}  {:>8}  {:>7}  {:>9}  {:>9}  {}\n",
            visible(&it.name),
            state(it),
            gigabytes(it.memory_bytes.unwrap_or(it.need_bytes)),
            it.context.map_or("-".to_owned(), |it| it.to_string()),
            figure(it.read_per_second),
            figure(it.written_per_second),
            until(it),
        );
    }
    text
}

fn state(it: &Model) -> String {
    match (it.state, it.loaded) {
        (Stage::Loading, Some(part)) => format!("{:.0} %", part * 100.0),
        (Stage::Loading, None) => "loading".to_owned(),
        (Stage::Idle, _) => "idle".to_owned(),
        (Stage::Busy, _) if 1 < it.answering => format!("busy ({})", it.answering),
        (Stage::Busy, _) => "busy".to_owned(),
        (Stage::Ending, _) => "ending".to_owned(),
    }
}

fn until(it: &Model) -> String {
    match (it.state, it.goes_in_seconds) {
        (Stage::Idle, Some(seconds)) => format!("in {}", span(seconds)),
        (Stage::Idle, None) => "it is unloaded".to_owned(),
        _ => "-".to_owned(),
    }
}

fn figure(it: Option<f64>) -> String {
    it.map_or("-".to_owned(), |it| if it < 100.0 { format!("{it:.1}") } else { format!("{it:.0}") })
}

/// `45 s`, `12 min`, `3 h`, `2 days`.
fn span(seconds: u64) -> String {
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", seconds / 60),
        6000..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn model() -> Model {
        Model {
            name: "org/repo:Q4_K_M".to_owned(),
            path: String::new(),
            quant: None,
            state: Stage::Idle,
            loaded: None,
            pid: Some(7),
            log: None,
            need_bytes: 5_000_000_000,
            memory_bytes: Some(4_800_000_000),
            context: Some(32768),
            answering: 0,
            answers: 3,
            read_per_second: Some(812.4),
            written_per_second: Some(41.26),
            idle_seconds: Some(9),
            goes_in_seconds: Some(1791),
        }
    }

    #[test]
    fn each_model_has_a_line() {
        let busy = Model { state: Stage::Busy, answering: 2, goes_in_seconds: None, ..model() };
        let loading = Model {
            name: "new\u{1b}[2J".to_owned(),
            state: Stage::Loading,
            loaded: Some(0.5),
            memory_bytes: None,
            context: None,
            read_per_second: None,
            written_per_second: None,
            ..model()
        };
        let whole = Status {
            version: "0.1.0".to_owned(),
            pid: 6,
            address: String::new(),
            up_seconds: 7200,
            settings: String::new(),
            room_bytes: 24_000_000_000,
            waiting: 1,
            models: vec![model(), busy, loading],
        };
        expect![[r#"
            serving at http://127.0.0.1:7435/v1 (process 6, agent 0.1.0), for 2 h
            models take 15 GB of 24 GB
            1 waiting for a model
            name             state       memory  context     read/s  written/s  until
            org/repo:Q4_K_M  idle        4.8 GB    32768        812       41.3  in 29 min
            org/repo:Q4_K_M  busy (2)    4.8 GB    32768        812       41.3  -
            new␛[2J          50 %          5 GB        -          -          -  -
        "#]]
        .assert_eq(&status("http://127.0.0.1:7435/v1", &whole));
    }

    #[test]
    fn time_is_told_as_people_do() {
        let told = [0, 99, 150, 6000, 200_000].map(span);
        assert_eq!(told, ["0 s", "99 s", "2 min", "1 h", "2 days"]);
    }
}
