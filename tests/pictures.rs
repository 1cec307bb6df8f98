//! The pictures of the README: the real program on a terminal, at a real llama-server with a model that
//! plays a script, drawn as SVG. `scripts/pictures` runs it.

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vt100::Color;

use crate::support::home::Run;
use crate::support::play::Play;
use crate::support::terminal::{ENTER, Terminal};

/// What stands before each line that a person types.
const PROMPT: &str = "› ";

fn main() {
    let Some(play) = Play::new() else { return };
    let made = [
        answer(&play, "answer-dark", DARK, (28, 96)),
        answer(&play, "answer-light", LIGHT, (28, 96)),
        answer(&play, "answer-narrow", DARK, (38, 58)),
        leave(&play),
        plan(&play),
        help(&play),
        models(&play),
        first_run(),
    ];
    for path in made.iter().flatten() {
        #[expect(clippy::print_stdout, reason = "whoever made them wants to know where they are")]
        {
            println!("{}", path.display());
        }
    }
}

/// A project with a bug.
fn project(play: &Play) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/demo/shell");
    for name in ["calendar.sh", "test.sh"] {
        let text = std::fs::read_to_string(demo.join(format!("{name}.txt"))).expect("it is text");
        play.home.file(&format!("home/calendar/{name}"), &text);
    }
}

/// A conversation in that project with a model that plays `script`, waiting for its first line.
fn talk(play: &Play, script: &Value, look: Look, size: (u16, u16)) -> Terminal {
    project(play);
    let model = play.model("home/scripted", script);
    let run = play.agent(&["-m", &model]).in_dir("home/calendar");
    let terminal = lit(run, look).terminal(size.0, size.1);
    terminal.wait_for("/help");
    terminal.wait_for(PROMPT.trim_end());
    terminal
}

fn lit(run: Run, look: Look) -> Run {
    run.env("COLORTERM", "truecolor").env("COLORFGBG", if look.is_light { "0;15" } else { "15;0" })
}

fn answer(play: &Play, name: &str, look: Look, size: (u16, u16)) -> Option<PathBuf> {
    let words = "`calendar.sh` is a very small calendar in the shell.\n\n\
        - `is_leap_year` says whether February has 29 days in a year\n\
        - `days_in_february` prints **28** or **29**\n\n\
        ```sh\ndays_in_february 2024   # 29\n```\n\n\
        | file | what it is |\n|---|---|\n| `calendar.sh` | the two functions |\n\
        | `test.sh` | four years, and what they should have |\n\n\
        One thing looks wrong: the rule for full centuries is missing, so *1900* is taken for a leap year.";
    let read = json!({"name": "read_file", "arguments": {"paths": ["calendar.sh", "test.sh"]}});
    let script = json!([
        {"content": "Let me look.", "tool_calls": [read]},
        {"content": words},
    ]);
    let mut terminal = talk(play, &script, look, size);
    say(&mut terminal, "what is in this project?");
    terminal.wait_for("a leap year.");
    terminal.wait_until("the next prompt", waits);
    draw(&terminal, name, look, "agent")
}

fn leave(play: &Play) -> Option<PathBuf> {
    let script = include_str!("../src/cli/demo/shell/script.json");
    let script = serde_json::from_str(script).expect("it is JSON");
    let mut terminal = talk(play, &script, DARK, (36, 96));
    say(&mut terminal, "fix the failing test");
    terminal.wait_for("sh test.sh");
    terminal.wait_until("a question", asks);
    say(&mut terminal, "y");
    terminal.wait_until("the question about the edit", |it| it.contains("edit_file") && asks(it));
    draw(&terminal, "leave-dark", DARK, "agent")
}

fn plan(play: &Play) -> Option<PathBuf> {
    let plan = json!({
        "goal": "February knows full centuries",
        "steps": [
            {"what": "Leave out centuries that 400 does not divide", "files": ["calendar.sh"],
             "run": "sh test.sh", "look": ""},
            {"what": "Test 2100 and 2400 as well", "files": ["test.sh"], "run": "sh test.sh", "look": ""},
            {"what": "Say in a comment where the rule comes from", "files": ["calendar.sh"],
             "run": "", "look": "the comment names the calendar"},
        ],
        "risks": ["years before 1582 follow another calendar"],
    });
    let read = json!({"name": "read_file", "arguments": {"paths": ["calendar.sh", "test.sh"]}});
    let script = json!([
        {"content": "I will look first.", "tool_calls": [read]},
        {"content": "I know enough to plan."},
        {"content": plan.to_string()},
    ]);
    let mut terminal = talk(play, &script, DARK, (28, 96));
    say(&mut terminal, "/plan mend the leap years");
    terminal.wait_for("risk:");
    terminal.wait_until("a question", asks);
    draw(&terminal, "plan-dark", DARK, "agent")
}

fn help(play: &Play) -> Option<PathBuf> {
    let mut terminal = talk(play, &json!([{"content": "Done."}]), LIGHT, (48, 118));
    say(&mut terminal, "/help");
    terminal.wait_for("twice, it leaves");
    terminal.wait_until("the next prompt", waits);
    draw(&terminal, "help-light", LIGHT, "agent")
}

fn models(play: &Play) -> Option<PathBuf> {
    let script = json!([{"content": "Done."}]);
    let folder = "home/.local/share/agent/models";
    play.home.file(&format!("{folder}/.keep"), "");
    for (name, megabytes) in [("Qwen3.5-4B-Q4_K_M", 2740), ("Qwen3.5-9B-Q4_K_M", 5680)] {
        let path = play.model(&format!("{folder}/{name}"), &script);
        let file = std::fs::OpenOptions::new().write(true).open(path).expect("it was written");
        // It takes no room: nothing stands behind what was written.
        file.set_len(megabytes << 20).expect("a file can be longer");
    }
    let shell = "printf '$ agent models list\\n'; \"$AGENT\" models list; \
                 printf '\\n$ agent models catalog\\n'; \"$AGENT\" models catalog; printf '\\n$ '; read _";
    let run = play.home.program(Path::new("sh"), &["-c", shell]).in_dir("home");
    let run = lit(run.env("AGENT", env!("CARGO_BIN_EXE_agent")), DARK);
    let terminal = run.terminal(44, 132);
    terminal.wait_until("the end", |it| it.ends_with("\n$"));
    draw(&terminal, "models-dark", DARK, "agent models")
}

fn first_run() -> Option<PathBuf> {
    let home = support::home::Home::new();
    home.file("home/calendar/calendar.sh", "");
    let run = home.agent(&["explain this project"]).in_dir("home/calendar");
    let run = lit(run.env("PATH", "/usr/bin:/bin"), DARK);
    let terminal = run.terminal(14, 146);
    terminal.wait_until("a question", asks);
    draw(&terminal, "first-run-dark", DARK, "agent \"explain this project\"")
}

/// Whether the last line waits for the next prompt.
fn waits(screen: &str) -> bool {
    screen.lines().next_back().is_some_and(|it| it.trim_end() == PROMPT.trim_end())
}

fn asks(screen: &str) -> bool {
    screen.lines().next_back().is_some_and(|it| it.trim_end().ends_with([':', '?', '>']))
}

fn say(terminal: &mut Terminal, line: &str) {
    terminal.send(line);
    terminal.send(ENTER);
}

/// The colours of a terminal.
#[derive(Clone, Copy)]
struct Look {
    is_light: bool,
    ground: &'static str,
    ink: &'static str,
    frame: &'static str,
    sixteen: [&'static str; 16],
}

const DARK: Look = Look {
    is_light: false,
    ground: "#16181d",
    ink: "#d7dae0",
    frame: "#2b2f38",
    sixteen: [
        "#3a3f4b", "#e4707a", "#8cc379", "#d9b36c", "#6cb0ee", "#c586e0", "#5bb8c4", "#d7dae0",
        "#7a8291", "#f08a93", "#a5d894", "#ebca8b", "#8cc5f7", "#d7a3ee", "#7fd0da", "#ffffff",
    ],
};

const LIGHT: Look = Look {
    is_light: true,
    ground: "#fbfbf9",
    ink: "#24272e",
    frame: "#dcdcd6",
    sixteen: [
        "#24272e", "#b3222f", "#2f7a2b", "#8a5a00", "#1c5fb0", "#8d2aa8", "#0e6f7d", "#8b909a",
        "#6a707c", "#c93a46", "#3d8f38", "#a06a00", "#2f74c8", "#a344bd", "#1d8494", "#4a4f59",
    ],
};

/// Pixels of one cell, and around all.
const WIDE: f64 = 8.4;
const HIGH: f64 = 18.0;
const MARGIN: f64 = 16.0;
const BAR: f64 = 34.0;

/// Cells that look alike, side by side.
struct Piece {
    text: String,
    at: u16,
    columns: u16,
    style: String,
    ground: Option<String>,
}

fn draw(terminal: &Terminal, name: &str, look: Look, title: &str) -> Option<PathBuf> {
    let svg = terminal.look(|screen| svg(screen, look, title));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/pictures/{name}.svg"));
    std::fs::write(&path, svg).expect("the folder is there");
    Some(path)
}

fn svg(screen: &vt100::Screen, look: Look, title: &str) -> String {
    let (rows, columns) = screen.size();
    let lines: Vec<_> = (0..rows.get()).map(|it| pieces(screen, it, look)).collect();
    let used = lines.iter().rposition(|it| !it.is_empty()).map_or(1, |it| it + 1);
    let width = f64::from(columns.get()) * WIDE + 2.0 * MARGIN;
    let height = used as f64 * HIGH + BAR + MARGIN;
    let (ground, ink, frame) = (look.ground, look.ink, look.frame);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n\
         <rect x=\".5\" y=\".5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"9\" fill=\"{ground}\" \
         stroke=\"{frame}\"/>\n",
        escaped(title),
        width - 1.0,
        height - 1.0
    );
    for (n, colour) in ["#e4707a", "#d9b36c", "#8cc379"].iter().enumerate() {
        let _ =
            writeln!(svg, "<circle cx=\"{}\" cy=\"17\" r=\"5.5\" fill=\"{colour}\"/>", 20 + 18 * n);
    }
    let _ = writeln!(
        svg,
        "<g font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" \
         fill=\"{ink}\">"
    );
    for (row, line) in lines.iter().enumerate() {
        let top = BAR + row as f64 * HIGH;
        for it in line {
            let (x, wide) = (MARGIN + f64::from(it.at) * WIDE, f64::from(it.columns) * WIDE);
            if let Some(ground) = &it.ground {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{HIGH}\" fill=\"{ground}\"/>"
                );
            }
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\"{}>{}</text>",
                top + 13.5,
                it.style,
                escaped(&it.text)
            );
        }
    }
    svg + "</g>\n</svg>\n"
}

/// What stands in a row, without the blanks around it.
fn pieces(screen: &vt100::Screen, row: u16, look: Look) -> Vec<Piece> {
    let (_, columns) = screen.size();
    let mut pieces: Vec<Piece> = Vec::new();
    for column in 0..columns.get() {
        let Some(cell) = screen.cell(row, column).filter(|it| !it.is_wide_continuation()) else {
            continue;
        };
        let (style, ground) = style(cell, look);
        let columns = if cell.is_wide() { 2 } else { 1 };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match pieces.last_mut() {
            Some(last) if last.style == style && last.ground == ground => {
                last.text += text;
                last.columns += columns;
            }
            _ => pieces.push(Piece { text: text.to_owned(), at: column, columns, style, ground }),
        }
    }
    pieces.iter_mut().for_each(tidy);
    pieces.retain(|it| it.ground.is_some() || !it.text.trim().is_empty());
    pieces
}

/// Names the home as anybody's, and takes away the blanks on both sides.
fn tidy(it: &mut Piece) {
    let begins = it.text.match_indices("/tmp/ag").next().map(|(at, _)| at);
    if let Some(at) = begins {
        let end = (at + "/tmp/agXXXXX/home".len()).min(it.text.len());
        if it.text.is_char_boundary(end) {
            it.text.replace_range(at..end, "/home/you");
        }
    }
    // How fast it was, and what is free just now, would make another picture each time.
    if let Some((before, rest)) = it.text.split_once(" written at ")
        && let Some((_, after)) = rest.split_once("/s")
    {
        it.text = format!("{before} written{after}");
    }
    if it.text.starts_with("this machine:") {
        it.text.truncate(it.text.find(',').unwrap_or(it.text.len()));
    }
    if it.ground.is_some() {
        return;
    }
    let before = it.text.len() - it.text.trim_start().len();
    it.at += u16::try_from(before).unwrap_or_default();
    it.text = it.text.trim().to_owned();
    it.columns =
        u16::try_from(unicode_width::UnicodeWidthStr::width(it.text.as_str())).unwrap_or(0);
}

/// Attributes of the text, and what is behind it.
fn style(cell: &vt100::Cell, look: Look) -> (String, Option<String>) {
    let (mut ink, mut ground) = (colour(cell.fgcolor(), look), colour(cell.bgcolor(), look));
    if cell.inverse() {
        let ours = (look.ground.to_owned(), look.ink.to_owned());
        (ink, ground) = (Some(ground.unwrap_or(ours.0)), Some(ink.unwrap_or(ours.1)));
    }
    let mut style = ink.map(|it| format!(" fill=\"{it}\"")).unwrap_or_default();
    for (is_so, attribute) in [
        (cell.bold(), " font-weight=\"bold\""),
        (cell.italic(), " font-style=\"italic\""),
        (cell.underline(), " text-decoration=\"underline\""),
        (cell.dim(), " opacity=\".62\""),
    ] {
        style += if is_so { attribute } else { "" };
    }
    (style, ground)
}

fn colour(it: Color, look: Look) -> Option<String> {
    match it {
        Color::Default => None,
        Color::Idx(n @ 0..16) => Some(look.sixteen[usize::from(n)].to_owned()),
        Color::Idx(n @ 16..232) => {
            let step = |it: u8| if it == 0 { 0 } else { 55 + 40 * it };
            let n = n - 16;
            Some(format!("#{:02x}{:02x}{:02x}", step(n / 36), step(n / 6 % 6), step(n % 6)))
        }
        Color::Idx(n) => {
            let grey = 8 + 10 * (n - 232);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
    }
}

fn escaped(text: &str) -> String {
    // Who draws it makes one blank of several, but for those that do not break.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(' ', "\u{a0}")
}
