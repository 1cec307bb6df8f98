//! From the path a person gave to the model file that was meant.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::models::gguf::{self, Header};

/// A file that looks like a model. A directory stands for the one model in it. Links are not
/// resolved: the parts of a split model are found by the name of the first.
pub(crate) fn locate(path: &Path) -> anyhow::Result<PathBuf> {
    read(path).map(|it| it.0)
}

/// The same, and its header. What is damaged is told by us: a server that reads it may do anything.
pub(crate) fn read(path: &Path) -> anyhow::Result<(PathBuf, Header)> {
    let name = path.display();
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(err) if err.kind() == ErrorKind::NotFound => bail!("{}", not_there(path)),
        Err(err) => return Err(err).with_context(|| format!("cannot read `{name}`")),
    };
    let file = if metadata.is_dir() { the_one_in(path)? } else { path.to_owned() };
    check(&file)?;
    let (_, header) = gguf::parts(&file)?;
    Ok((file, header))
}

/// Whether the file begins like a model.
fn check(file: &Path) -> anyhow::Result<()> {
    const MAGIC: &[u8] = b"GGUF";
    /// The magic, the version, and two counts.
    const SHORTEST: u64 = 24;
    let name = file.display();
    let cannot_read = || format!("cannot read `{name}`");
    // A pipe would be waited for, and a device has no end.
    let metadata = file.metadata().with_context(cannot_read)?;
    if !metadata.is_file() {
        bail!("`{name}` is not a file");
    }
    let mut start = Vec::new();
    let opened = File::open(file).with_context(cannot_read)?;
    opened.take(MAGIC.len() as u64).read_to_end(&mut start).with_context(cannot_read)?;
    if start.is_empty() {
        bail!("`{name}` is empty\nhint: download the model again");
    }
    if start != MAGIC {
        bail!("`{name}` is not a GGUF file\nhint: models are files whose name ends in `.gguf`");
    }
    if metadata.len() < SHORTEST {
        bail!("`{name}` is cut off\nhint: download the model again");
    }
    Ok(())
}

/// The model in a directory: its only one, or the first part of its only one.
fn the_one_in(dir: &Path) -> anyhow::Result<PathBuf> {
    let name = dir.display();
    let mut models: Vec<_> = names_in(dir)
        .with_context(|| format!("cannot read the directory `{name}`"))?
        .into_iter()
        .filter(|it| it.ends_with(".gguf") && !is_later_part(it))
        .collect();
    models.sort();
    match &models[..] {
        [] => bail!("`{name}` is a directory without a model\nhint: models end in `.gguf`"),
        [model] => Ok(dir.join(model)),
        several => {
            let list: Vec<_> = several.iter().map(|it| format!("`{it}`")).collect();
            bail!(
                "`{name}` is a directory with several models\nhint: name one: {}",
                list.join(", ")
            )
        }
    }
}

/// Whether this is a part of a split model other than its first, which leads to the others:
/// `…-00002-of-00003.gguf`.
fn is_later_part(name: &str) -> bool {
    let parts = name.strip_suffix(".gguf").and_then(|it| it.rsplit_once("-of-"));
    let Some((rest, count)) = parts else { return false };
    let Some((_, part)) = rest.rsplit_once('-') else { return false };
    let is_number = |it: &str| it.len() == 5 && it.bytes().all(|it| it.is_ascii_digit());
    is_number(part) && is_number(count) && part != "00001"
}

/// That there is no such file, and which one may have been meant.
fn not_there(path: &Path) -> String {
    const CLOSE: f64 = 0.8;
    let mut told = format!("`{}` does not exist", path.display());
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return told };
    let name = name.to_string_lossy();
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let alike = |it: &str| strsim::jaro_winkler(&it.to_lowercase(), &name.to_lowercase());
    let nearest = names_in(dir).unwrap_or_default();
    let nearest = nearest.iter().map(|it| (alike(it), it)).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((alike, nearest)) = nearest
        && CLOSE < alike
    {
        told += &format!("\nhint: did you mean `{nearest}`?");
    }
    told
}

fn names_in(dir: &Path) -> std::io::Result<Vec<String>> {
    let names = dir.read_dir()?.flatten().map(|it| it.file_name().to_string_lossy().into_owned());
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const WHOLE: &str = "GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    /// Makes `files` in a directory and locates `path` there. In what is told, `~` is the directory.
    #[track_caller]
    fn check(files: &[(&str, &str)], path: &str, expected: Expect) {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        for (name, content) in files {
            let file = root.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let told = match locate(&root.join(path)) {
            Ok(file) => file.display().to_string(),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&told.replace(root.to_str().unwrap(), "~"));
    }

    #[test]
    fn a_model_is_itself() {
        check(&[("qwen.gguf", WHOLE)], "qwen.gguf", expect!["~/qwen.gguf"]);
    }

    #[test]
    fn a_name_that_is_nearly_right_gets_a_hint() {
        check(
            &[("Qwen3-4B.gguf", WHOLE), ("x", "")],
            "qwen3-4b.guf",
            expect![[r#"
            `~/qwen3-4b.guf` does not exist
            hint: did you mean `Qwen3-4B.gguf`?"#]],
        );
        check(&[("Qwen3-4B.gguf", WHOLE)], "llama.gguf", expect!["`~/llama.gguf` does not exist"]);
        check(&[], "no/such/dir.gguf", expect!["`~/no/such/dir.gguf` does not exist"]);
    }

    #[test]
    fn a_directory_stands_for_its_only_model() {
        check(&[("m/a.gguf", WHOLE), ("m/README", "")], "m", expect!["~/m/a.gguf"]);
        check(
            &[("m/a-00002-of-00002.gguf", WHOLE), ("m/a-00001-of-00002.gguf", WHOLE)],
            "m",
            expect!["~/m/a-00001-of-00002.gguf"],
        );
    }

    #[test]
    fn a_directory_with_several_models_or_none_is_an_error() {
        check(
            &[("m/b.gguf", WHOLE), ("m/a.gguf", WHOLE)],
            "m",
            expect![[r#"
            `~/m` is a directory with several models
            hint: name one: `a.gguf`, `b.gguf`"#]],
        );
        check(
            &[("m/README", "")],
            "m",
            expect![[r#"
            `~/m` is a directory without a model
            hint: models end in `.gguf`"#]],
        );
    }

    #[test]
    fn a_file_that_is_no_whole_model_is_told_by_its_fault() {
        check(
            &[("m.gguf", "")],
            "m.gguf",
            expect![[r#"
            `~/m.gguf` is empty
            hint: download the model again"#]],
        );
        check(
            &[("m.gguf", "GGUF\x03")],
            "m.gguf",
            expect![[r#"
            `~/m.gguf` is cut off
            hint: download the model again"#]],
        );
        check(
            &[("m.gguf", "GG")],
            "m.gguf",
            expect![[r#"
            `~/m.gguf` is not a GGUF file
            hint: models are files whose name ends in `.gguf`"#]],
        );
        check(
            &[("m.gguf", "<html>")],
            "m.gguf",
            expect![[r#"
            `~/m.gguf` is not a GGUF file
            hint: models are files whose name ends in `.gguf`"#]],
        );
    }

    #[test]
    fn what_is_not_a_file_is_not_opened() {
        let error = locate(Path::new("/dev/null")).unwrap_err().to_string();
        assert_eq!(error, "`/dev/null` is not a file");
    }
}
