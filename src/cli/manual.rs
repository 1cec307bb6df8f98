//! The man page, made from what can be typed. Only the test that holds the file equal makes it; packages
//! take the file.

use clap::Command;
use clap_mangen::Man;

use crate::cli::help;

/// A quote that stays one when it is copied.
const QUOTE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

type Section = fn(&Man, &mut dyn std::io::Write) -> std::io::Result<()>;

/// One page for all: a person looks for words in it.
fn manual() -> String {
    // What a short help leaves out is not to be left out here.
    let mut command = help::whole().mut_args(|it| it.hide_short_help(false));
    command.build();
    let name = format!("agent {}", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.clone()).date("").source(name).manual("User Commands");
    let mut text = QUOTE.to_owned();
    let sections: [Section; 5] = [
        |it, out| it.render_title(out),
        |it, out| it.render_name_section(out),
        |it, out| it.render_synopsis_section(out),
        |it, out| it.render_description_section(out),
        |it, out| it.render_options_section(out),
    ];
    sections.iter().for_each(|it| text += &rendered(&page, *it));
    command.get_subcommands().for_each(|it| put(&mut text, it));
    let extra = rendered(&page, |it, out| it.render_extra_section(out));
    text += &extra.replace(".SH EXTRA", ".SH EXAMPLES").replace("Examples:\n", "");
    text += ".SH \"SEE ALSO\"\n`agent help` lists guides, `agent help TOPIC` shows one.\n";
    text
}

/// A subcommand and its own, but for what counts behind any.
fn put(text: &mut String, command: &Command) {
    if command.is_hide_set() || command.get_name() == "help" && command.has_subcommands() {
        return;
    }
    let everywhere = ["help", "config", "directory"];
    let mut own = command.clone();
    for id in everywhere {
        if own.get_arguments().any(|it| it.get_id() == id) {
            own = own.mut_arg(id, |it| it.hide(true));
        }
    }
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let page = Man::new(own);
    *text += &format!(".SH \"{}\"\n", name.to_uppercase());
    *text += &without_title(&rendered(&page, |it, out| it.render_description_section(out)));
    *text += ".PP\n";
    *text += &without_title(&rendered(&page, |it, out| it.render_synopsis_section(out)));
    *text += &without_title(&rendered(&page, |it, out| it.render_options_section(out)));
    command.get_subcommands().for_each(|it| put(text, it));
}

fn rendered(page: &Man, section: Section) -> String {
    let mut bytes = Vec::new();
    section(page, &mut bytes).expect("memory takes it");
    let text = String::from_utf8(bytes).expect("it is text");
    // What makes a quote of ours a quote is said again for each section, and once is enough.
    let lines = text.lines().filter(|it| !it.starts_with(".ie") && !it.starts_with(".el"));
    lines.map(|it| format!("{}\n", it.trim_end())).collect()
}

fn without_title(section: &str) -> String {
    let lines = section.lines().filter(|it| !it.starts_with(".SH"));
    lines.map(|it| format!("{it}\n")).collect()
}

#[test]
fn the_man_page_says_what_can_be_typed() {
    expect_test::expect_file!["../../docs/agent.1"].assert_eq(&manual());
}
