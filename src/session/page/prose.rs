//! The Markdown of a reply as HTML. It may format words and name places to go to; it cannot bring
//! HTML of its own, load a picture, or lead anywhere but to the web and to mail.

use pulldown_cmark::{
    CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html::push_html,
};

use crate::session::page::{code, escaped};

pub(super) fn html(markdown: &str) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut shown = Shown::default();
    let events: Vec<_> =
        Parser::new_ext(markdown, options).filter_map(|it| shown.take(it)).collect();
    let mut html = String::with_capacity(markdown.len() * 2);
    push_html(&mut html, events.into_iter());
    html
}

#[derive(Default)]
struct Shown {
    /// A block of code that has begun: its language, and what stands in it.
    code: Option<(String, String)>,
    /// For each link and picture that has begun, whether it became a link.
    links: Vec<bool>,
}

impl Shown {
    fn take<'a>(&mut self, event: Event<'a>) -> Option<Event<'a>> {
        Some(match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
                return None;
            }
            Event::End(TagEnd::CodeBlock) => {
                let (language, text) = self.code.take()?;
                let code = code::highlighted(&text, &language);
                Event::Html(format!("<pre><code>{code}</code></pre>\n").into())
            }
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => {
                    *code += &text;
                    return None;
                }
                None => Event::Text(text),
            },
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            // The page has headings of its own.
            Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
                level: below(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }),
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below(level))),
            Event::Start(Tag::Link { link_type: LinkType::Email, dest_url, title, id }) => {
                let (link_type, dest_url) =
                    (LinkType::Autolink, format!("mailto:{dest_url}").into());
                return self.take(Event::Start(Tag::Link { link_type, dest_url, title, id }));
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let is_inside = self.links.contains(&true);
                let is_link = !is_inside && leads_somewhere(&dest_url);
                self.links.push(is_link);
                if !is_link {
                    return None;
                }
                let link = format!(
                    "<a href=\"{}\" rel=\"noopener noreferrer nofollow\">",
                    escaped(dest_url.trim())
                );
                Event::InlineHtml(link.into())
            }
            Event::End(TagEnd::Link | TagEnd::Image) => match self.links.pop() {
                Some(true) => Event::InlineHtml("</a>".into()),
                _ => return None,
            },
            event => event,
        })
    }
}

/// Whether a link may be followed: it is whole, and goes where a click does no harm.
fn leads_somewhere(url: &str) -> bool {
    let url = url.trim();
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    let is_of_web = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
    let is_mail = scheme.eq_ignore_ascii_case("mailto");
    let is_plain = !url.chars().any(|it| it.is_control() || it.is_whitespace());
    is_plain && (is_of_web && rest.starts_with("//") || is_mail && rest.contains('@'))
}

fn below(level: HeadingLevel) -> HeadingLevel {
    HeadingLevel::try_from((level as usize + 2).min(6)).expect("it is one of six")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(markdown: &str, expected: Expect) {
        expected.assert_eq(&html(markdown));
    }

    #[test]
    fn words_are_formatted() {
        check(
            "# Done\n\nI *did* `it`:\n\n- [x] one\n- two\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n",
            expect![[r#"
                <h3>Done</h3>
                <p>I <em>did</em> <code>it</code>:</p>
                <ul>
                <li><input disabled="" type="checkbox" checked=""/>
                one</li>
                <li>two</li>
                </ul>
                <table><thead><tr><th style="text-align: right">a</th><th>b</th></tr></thead><tbody>
                <tr><td style="text-align: right">1</td><td>2</td></tr>
                </tbody></table>
            "#]],
        );
        check(
            "```rust\nlet x = 1;\n```\n\n    indented <b>\n",
            expect![[r#"
            <pre><code><span class="k">let</span> x = <span class="n">1</span>;
            </code></pre>
            <pre><code>indented &lt;b&gt;
            </code></pre>
        "#]],
        );
    }

    #[test]
    fn links_lead_to_the_web_and_to_mail() {
        check(
            "[a](https://example.org/?a=1&b=\"2\") <me@example.org> <http://x.org>",
            expect![[r#"
                <p><a href="https://example.org/?a=1&amp;b=&quot;2&quot;" rel="noopener noreferrer nofollow">a</a> <a href="mailto:me@example.org" rel="noopener noreferrer nofollow">me@example.org</a> <a href="http://x.org" rel="noopener noreferrer nofollow">http://x.org</a></p>
            "#]],
        );
    }

    #[test]
    fn other_links_are_words() {
        check(
            "[a](javascript:alert(1)) [b](JaVaScRiPt:x) [c](data:text/html,x) [d](file:///etc/passwd) [e](/etc) [f](vbscript:x) [g](&#106;avascript:x) [h](java&#10;script:x) <javascript:x>",
            expect![[r#"
                <p>a b c d e f g h javascript:x</p>
            "#]],
        );
    }

    #[test]
    fn pictures_are_not_loaded() {
        check(
            "![a dog](https://example.org/dog.png \"t\") ![x](javascript:x)",
            expect![[r#"
            <p><a href="https://example.org/dog.png" rel="noopener noreferrer nofollow">a dog</a> x</p>
        "#]],
        );
        check(
            "[![in a link](https://a.org/x.png)](https://b.org)",
            expect![[r#"
            <p><a href="https://b.org" rel="noopener noreferrer nofollow">in a link</a></p>
        "#]],
        );
    }

    #[test]
    fn html_is_shown_and_not_obeyed() {
        check(
            "<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b </div></pre>",
            expect![[r#"
                <p>&lt;script&gt;alert(1)&lt;/script&gt;
                </p>
                <p>a &lt;img src=x onerror=alert(1)&gt; b &lt;/div&gt;&lt;/pre&gt;</p>
            "#]],
        );
        check(
            "```html\"><script>\n</code></pre><script>x</script>\n```",
            expect![[r#"
            <pre><code>&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;x&lt;/script&gt;
            </code></pre>
        "#]],
        );
        check(
            "<!-- a comment -->\n\n<style>*{display:none}</style>\n",
            expect![[r#"
            <p>&lt;!-- a comment --&gt;
            </p>
            <p>&lt;style&gt;*{display:none}&lt;/style&gt;
            </p>
        "#]],
        );
    }

    proptest! {
        #[test]
        fn nothing_becomes_an_element_that_we_do_not_make(text in "[a-z<>\"'&#;:/!\\[\\]()`\\-*_ \n=]{0,60}") {
            let html = html(&format!("{text}<script>{text}</script> ![]({text}) [a]({text})"));
            for part in html.split('<').skip(1) {
                let name: String = part.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                let ours = ["a", "p", "pre", "code", "span", "em", "strong", "del", "ul", "ol", "li", "h3", "h4", "h5", "h6", "blockquote", "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "input"];
                prop_assert!(ours.contains(&&*name), "{name} in {html}");
            }
        }
    }
}
