//! Completions for shells: clap's script, with the names of models and sessions put in, which a hidden
//! command of ours says.

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

use crate::cli::args::{Completable, Options, Typed};
use crate::cli::models::Here;
use crate::cli::suggesting::session_names;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, configuration, help, job, print};
use crate::ui::visible;

/// Where a name can be typed.
struct Place {
    /// The subcommands before it; `None` where it counts behind any.
    path: Option<String>,
    /// The option it belongs to; `None` if it stands by itself.
    option: Option<(Option<char>, String)>,
    what: &'static str,
}

pub(super) fn script(shell: Shell) -> anyhow::Result<Exit> {
    print(&written(shell))?;
    Ok(Exit::Done)
}

/// What there is, a line each. What goes wrong would only stand in the person's line.
pub(super) fn words(
    around: &Surroundings,
    options: &Options,
    what: Completable,
) -> anyhow::Result<Exit> {
    let words = match what {
        Completable::Models => models(around, options),
        Completable::Sessions => sessions(around),
        Completable::Topics => Ok(help::topics()),
    };
    let words = words.unwrap_or_default();
    print(&words.iter().map(|it| format!("{it}\n")).collect::<String>())?;
    Ok(Exit::Done)
}

fn models(around: &Surroundings, options: &Options) -> anyhow::Result<Vec<String>> {
    let settings = configuration::load(around, options, &around.workspace()?)?.settings;
    let here = Here::look(around, &settings)?;
    let names = here.found.iter().map(|it| it.name().to_string());
    let mut names: Vec<_> = names.filter(|it| visible(it) == *it).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn sessions(around: &Surroundings) -> anyhow::Result<Vec<String>> {
    Ok(session_names(&job::store(around)?, around.workspace()?.root()))
}

fn written(shell: Shell) -> String {
    let mut command = named();
    let places = places(&command);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "agent", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script + &bash(&places),
        Shell::Zsh => zsh(&script),
        Shell::Fish => patient(&script) + &fish(&places),
        _ => script,
    }
}

/// What has a name: no command of ours alone, and no prompt, for which zsh would take the name of a
/// subcommand.
fn named() -> Command {
    let whole = Typed::command();
    let options = whole.get_arguments().filter(|it| !it.is_positional());
    let commands = whole.get_subcommands().filter(|it| !it.is_hide_set());
    Command::new("agent")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(options.cloned())
        .subcommands(commands.cloned())
}

/// What a value is called says what it is, so that no place is forgotten.
fn what_is(arg: &Arg) -> Option<&'static str> {
    let name = arg.get_value_names()?.first()?.as_str();
    match name {
        "MODEL" | "MODEL|PROMPT" => Some("models"),
        "NAME|ID" => Some("sessions"),
        "TOPIC|COMMAND" => Some("topics"),
        _ => None,
    }
}

fn places(command: &Command) -> Vec<Place> {
    let mut found = Vec::new();
    gather(command, "", &mut found);
    found
}

fn gather(command: &Command, path: &str, found: &mut Vec<Place>) {
    for arg in command.get_arguments() {
        let Some(what) = what_is(arg) else { continue };
        let option = arg.get_long().map(|it| (arg.get_short(), it.to_owned()));
        let path = option.is_none().then(|| path.to_owned());
        if option.is_none() || found.iter().all(|it| it.option != option) {
            found.push(Place { path, option, what });
        }
    }
    for sub in command.get_subcommands() {
        gather(sub, format!("{path} {}", sub.get_name()).trim_start(), found);
    }
}

/// Bash takes a colon for the end of a word, so the line is read here: names have colons.
fn bash(places: &[Place]) -> String {
    let mut options = String::new();
    let mut paths = String::new();
    for Place { path, option, what } in places {
        if let Some((short, long)) = option {
            let short = short.map(|it| format!("-{it}|")).unwrap_or_default();
            options += &format!("        {short}--{long}) what={what} ;;\n");
        }
        if let Some(path) = path {
            paths += &format!("            *' {path} ') what={what} ;;\n");
        }
    }
    format!(
        r#"
_agent_named() {{
    local line=${{COMP_LINE:0:COMP_POINT}} what= before= path=' ' word one
    word=${{line##*[[:space:]]}}
    for one in ${{line%"$word"}}; do
        [[ $one == -* || $one == agent ]] || path+="$one "
        before=$one
    done
    case $before in
{options}        *) case " ${{path# }}" in
{paths}        esac ;;
    esac
    if [[ -z $what || $word == -* ]]; then
        _agent "$@"
        return
    fi
    COMPREPLY=()
    while IFS= read -r one; do
        [[ $one == "$word"* ]] || continue
        one=${{one#"${{word%"${{word##*:}}"}}"}}
        COMPREPLY+=("$(printf %q "$one")")
    done < <(agent complete "$what" 2>/dev/null)
}}
complete -F _agent_named -o bashdefault -o default agent
"#
    )
}

/// In zsh's script each value has a place of its own, by the name that is shown.
fn zsh(script: &str) -> String {
    let mut named = String::new();
    for line in script.lines() {
        let what = match line {
            it if it.contains(":MODEL:_default") || it.contains("'::model --") => "models",
            it if it.contains("':model --") || it.contains("'*::words -- The model,") => "models",
            it if it.contains("'*::words -- A guide,") => "topics",
            it if it.contains(":NAME|ID:_default") || it.contains(":session --") => "sessions",
            _ => "default",
        };
        named += &line.replace(":_default'", &format!(":_agent_{what}'"));
        named.push('\n');
    }
    // With one colon less, options may stand behind a first word.
    let named = named.replace(":_agent_default'", ":_default'").replace("'*::", "'*:");
    let Some((head, body)) = named.split_once('\n') else { return named };
    format!(
        r#"{head}

_agent_models() {{ local -a names; names=("${{(@f)$(agent complete models 2>/dev/null)}}"); compadd -a names; }}
_agent_topics() {{ local -a names; names=("${{(@f)$(agent complete topics 2>/dev/null)}}"); compadd -a names; }}
_agent_sessions() {{ local -a names; names=("${{(@f)$(agent complete sessions 2>/dev/null)}}"); compadd -a names; }}
{body}"#
    )
}

/// An option whose value is to be completed has none yet, which clap's script takes for a mistake:
/// what stands before it tells which command it is.
fn patient(script: &str) -> String {
    const PARSED: &str = "argparse -s (__fish_agent_global_optspecs) -- $cmd 2>/dev/null\n";
    let again = format!("{PARSED}    or begin\n        set -e cmd[-1]\n        {PARSED}    end\n");
    script.replacen(PARSED, &again, 1)
}

fn fish(places: &[Place]) -> String {
    let mut text = String::new();
    for Place { path, option, what } in places {
        let from = format!("-a \"(agent complete {what} 2>/dev/null)\"");
        if let Some((short, long)) = option {
            let short = short.map(|it| format!("-s {it} ")).unwrap_or_default();
            text += &format!("complete -c agent {short}-l {long} -x {from}\n");
        }
        let Some(path) = path else { continue };
        let seen = path.split(' ').map(|it| format!("__fish_seen_subcommand_from {it}"));
        let seen = seen.collect::<Vec<_>>().join("; and ");
        text += &format!("complete -c agent -n \"{seen}\" -f {from}\n");
    }
    text
}
