//! All settings as a table: what is set to what, and by whom.

use crate::config::Setting;

/// A line a key: its name, its value, and where that came from.
pub(crate) fn show(settings: &[Setting]) -> String {
    let values: Vec<_> = settings.iter().map(shown_value).collect();
    let wide = |all: &mut dyn Iterator<Item = usize>| all.max().unwrap_or_default();
    let name_width = wide(&mut settings.iter().map(|it| it.key.len()));
    // A long value must not push all the others' origins off the screen.
    let value_width = wide(&mut values.iter().map(|it| it.chars().count())).min(40);
    let line = |(it, value): (&Setting, &String)| {
        format!("{:name_width$}  {value:value_width$}  {}\n", it.key, it.origin)
    };
    settings.iter().zip(&values).map(line).collect()
}

fn shown_value(setting: &Setting) -> String {
    match &setting.value {
        None => "unset".to_owned(),
        Some(_) if setting.secret => "(secret)".to_owned(),
        Some(value) => without_password(value.to_string()),
    }
}

/// An address may hold a password: `http://me:secret@host`.
fn without_password(text: String) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text };
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once('@') {
        Some((secret, _)) => format!("{scheme}://(secret){}", &rest[secret.len()..]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::config::{Flag, Sources, UserFile, load, show};

    #[test]
    fn each_value_is_shown_with_its_origin_and_no_secret_is() {
        let sources = Sources {
            user: UserFile::None,
            project: None,
            environment: vec![
                ("AGENT_SERVER_API_KEY".into(), "hunter2".into()),
                ("AGENT_SERVER_URL".into(), "http://me:hunter2@host/v1".into()),
            ],
            flags: vec![Flag {
                name: "--temperature".into(),
                key: "sampling.temperature".into(),
                value: 0.5.into(),
            }],
            directory: "/".into(),
            home: None,
        };
        expect![[r#"
            model                  unset                                     default
            permission             unset                                     default
            max_turns              100                                       default
            system_prompt          unset                                     default
            append_system_prompt   unset                                     default
            instructions           true                                      default
            permissions.allow      []                                        default
            permissions.ask        []                                        default
            permissions.deny       []                                        default
            server.url             "http://(secret)@host/v1"                 AGENT_SERVER_URL
            server.api_key         (secret)                                  AGENT_SERVER_API_KEY
            server.address         "127.0.0.1:7435"                          default
            server.keep_minutes    30.0                                      default
            server.gigabytes       unset                                     default
            server.keep_alive      false                                     default
            llama.program          unset                                     default
            llama.port             unset                                     default
            llama.context          unset                                     default
            llama.slots            1                                         default
            llama.gpu_layers       unset                                     default
            llama.threads          unset                                     default
            llama.batch            unset                                     default
            llama.cache_type       unset                                     default
            llama.keep_gigabytes   4                                         default
            llama.keep_seconds     2                                         default
            llama.silence          30                                        default
            llama.args             []                                        default
            models.folders         []                                        default
            engine.api             "https://api.github.com/repos/ggml-org/llama.cpp"  default
            engine.downloads       "https://github.com/ggml-org/llama.cpp/releases"  default
            sampling.temperature   0.5                                       --temperature
            sampling.top_k         unset                                     default
            sampling.top_p         unset                                     default
            sampling.min_p         unset                                     default
            sampling.max_tokens    unset                                     default
            sampling.mirostat      unset                                     default
            sampling.mirostat_tau  unset                                     default
            sampling.mirostat_eta  unset                                     default
            sampling.seed          unset                                     default
            commands.timeout       120                                       default
            commands.environment   []                                        default
            sandbox.readable       []                                        default
            sandbox.writable       []                                        default
            sandbox.reveal         []                                        default
            sandbox.hosts          []                                        default
            sandbox.level          "auto"                                    default
            checks.check           unset                                     default
            checks.lint            unset                                     default
            checks.test            unset                                     default
            checks.format          unset                                     default
            checks.after_edit      "auto"                                    default
            checks.attempts        3                                         default
            ui.color               "auto"                                    default
            ui.theme               "auto"                                    default
            ui.plain               false                                     default
            ui.marks               "auto"                                    default
            ui.notify              "auto"                                    default
            ui.notify_after        10                                        default
            ui.title               true                                      default
            ui.keys                "emacs"                                   default
        "#]]
        .assert_eq(&show(&load(sources).unwrap().values));
    }
}
