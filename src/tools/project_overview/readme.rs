//! What a project says of itself first.

/// The most characters to take.
const MOST: usize = 300;

/// The first heading and the first paragraph, in one line.
pub(super) fn first_words(text: &str) -> Option<String> {
    let mut heading = None;
    let mut paragraph = String::new();
    for line in text.lines().map(str::trim) {
        let is_ornament =
            ["<", "[!", "![", "---", "===", "```"].iter().any(|it| line.starts_with(it));
        match line.trim_start_matches('#') {
            "" if paragraph.is_empty() => {}
            "" => break,
            _ if is_ornament => {}
            title if title.len() < line.len() => {
                if !paragraph.is_empty() {
                    break;
                }
                if heading.is_none() {
                    heading = Some(title.trim().to_owned());
                }
            }
            text => {
                paragraph += if paragraph.is_empty() { "" } else { " " };
                paragraph += text;
            }
        }
    }
    let paragraph = Some(paragraph).filter(|it| !it.is_empty());
    let words: Vec<_> = heading.into_iter().chain(paragraph).collect();
    let words = words.join(": ");
    let end = words.char_indices().nth(MOST).map(|it| it.0);
    let shown = end.map_or(words.clone(), |end| format!("{}…", words[..end].trim_end()));
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_and_the_paragraph_after_it() {
        let first = |it: &str| first_words(it).unwrap_or_default();
        assert_eq!(
            first("<p align=center>\n\n# Shelf\n\n[![build](x)](y)\n\nKeeps\nbooks.\n\nMore."),
            "Shelf: Keeps books."
        );
        assert_eq!(first("Shelf\n=====\nKeeps books."), "Shelf Keeps books.");
        assert_eq!(first("## Shelf\n## Use\ntext"), "Shelf: text");
        assert_eq!(first(""), "");
        assert_eq!(first(&"é".repeat(400)).chars().count(), 301);
    }
}
