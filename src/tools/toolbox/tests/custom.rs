//! Tools that the person defined, as the model meets them.

use super::*;

fn with(command: Value) -> World {
    let definition = json!({
        "name": "say", "description": "Says words.", "effect": "executes", "command": command,
        "parameters": {
            "type": "object",
            "properties": {
                "words": {"type": "string"},
                "times": {"type": "integer"},
                "more": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["words"],
        },
    });
    let mut world = World::new(&[], Limits::default());
    let tool = CustomTool::parse(&definition.to_string()).unwrap();
    world.toolbox.specs.push(tool.spec().clone());
    world.toolbox.custom.push(tool);
    world
}

#[track_caller]
fn check_tool(command: Value, args: Value, expected: Expect) {
    expected.assert_eq(&with(command).shown("say", &args.to_string()));
}

#[test]
fn arguments_become_elements_of_a_list() {
    let list = json!(["printf", "[%s]\n", "--times={times}", "{words}", "{more}", "a{words}b"]);
    check_tool(
        list.clone(),
        json!({"words": "x y"}),
        expect![[r#"
        Done (exit 0)
        [x y]
        [ax yb]
        [exit 0]
    "#]],
    );
    check_tool(
        list,
        json!({"words": "$(id); `id`", "times": -1, "more": ["'", "\"; exit 3"]}),
        expect![[r#"
            Done (exit 0)
            [--times=-1]
            [$(id); `id`]
            [']
            ["; exit 3]
            [a$(id); `id`b]
            [exit 0]
        "#]],
    );
}

#[test]
fn arguments_become_text_in_a_script_wherever_they_stand() {
    let script = json!("echo {words} \"[{words}]\" ${HOME:-none} {times}; echo {a,b} | cat");
    check_tool(
        script.clone(),
        json!({"words": "$(id)  `id`", "times": 2}),
        expect![[r#"
        Done (exit 0)
        $(id)  `id` [$(id)  `id`] none 2
        a b
        [exit 0]
    "#]],
    );
    check_tool(
        script,
        json!({"words": "\"; exit 3; '"}),
        expect![[r#"
        Done (exit 0)
        "; exit 3; ' ["; exit 3; '] none 
        a b
        [exit 0]
    "#]],
    );
}

#[test]
fn a_tool_that_fails_or_is_called_wrongly_says_so() {
    check_tool(
        json!("echo no >&2; exit 4"),
        json!({"words": ""}),
        expect![[r#"
        Failed (exit 4)
        no
        [exit 4]
    "#]],
    );
    check_tool(
        json!(["no-such-program"]),
        json!({"words": ""}),
        expect![[r#"
        Failed (exit 127)
        sh: line 1: exec: no-such-program: not found
        [exit 127]
    "#]],
    );
    check_tool(
        json!("true"),
        json!({}),
        expect![[r#"
        Malformed (not understood)
        `words` is missing. Nothing was done. `say` takes {words: string, times?: integer, more?: [string]}
    "#]],
    );
    check_tool(
        json!("true"),
        json!({"words": "a\u{0}b"}),
        expect![[r#"
        Failed (not started)
        an argument holds a NUL byte
    "#]],
    );
}

#[test]
fn whatever_an_argument_holds_it_is_one_word() {
    let world = with(json!("printf %s {words} > one; printf %s \"{words}\" > two"));
    let listed = with(json!(["sh", "-c", "printf %s \"$1\" > one", "sh", "{words}"]));
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    runner
        .run(&"[ a*?$(){};'\"`\\\\\n~é-]{0,10}", |words| {
            let args = json!({"words": words}).to_string();
            prop_assert_eq!(world.call("say", &args).status, Status::Done);
            prop_assert_eq!(listed.call("say", &args).status, Status::Done);
            let read = [world.read("one"), world.read("two"), listed.read("one")];
            prop_assert_eq!(read, [words.clone(), words.clone(), words]);
            Ok(())
        })
        .unwrap();
}
