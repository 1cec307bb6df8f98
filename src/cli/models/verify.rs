//! `agent models verify`: whether the bytes are still those that were promised.

use std::io::IsTerminal;

use crate::cli::args::models::Verify;
use crate::cli::models::Here;
use crate::cli::report::sentence;
use crate::cli::{Exit, note, print};
use crate::models::{Found, State, Verdict, gigabytes, verify as look};
use crate::ui::visible;

pub(super) fn verify(here: &Here, wanted: &Verify) -> anyhow::Result<Exit> {
    let models: Vec<&Found> = match &wanted.model {
        Some(name) => here.forms(name)?,
        None => here.found.iter().collect(),
    };
    if models.is_empty() {
        note("there are no models here");
    }
    let mut wrong = 0;
    for model in models {
        let name = model.name();
        match &model.state {
            State::Whole => {}
            State::Partial => {
                note(&format!("{}: not downloaded to its end", visible(&name)));
                continue;
            }
            State::Broken(why) => {
                wrong += 1;
                print(&format!("WRONG  {}: {}\n", visible(&name), visible(why)))?;
                continue;
            }
        }
        if std::io::stderr().is_terminal() && 1 << 30 < model.size {
            note(&format!("reading {} of {}", gigabytes(model.size), visible(&name)));
        }
        for file in &model.files {
            let (word, remark) = match look(file, &mut |_| ()) {
                Ok(Verdict::Right) => ("ok", "its hash is right".to_owned()),
                Ok(Verdict::Sound) => {
                    ("ok", "its header is sound; it has no hash to compare with".to_owned())
                }
                Ok(Verdict::Wrong { hash }) => ("WRONG", format!("its hash is {hash}")),
                Ok(Verdict::Damaged(why)) => ("WRONG", why),
                Err(err) => ("WRONG", sentence(&err)),
            };
            wrong += usize::from(word == "WRONG");
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            print(&format!(
                "{word:<5}  {}  {}: {}\n",
                visible(&name),
                visible(&file),
                visible(&remark)
            ))?;
        }
    }
    if 0 < wrong {
        note("a model with a wrong file: remove it and download it again");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}
