//! The program against a model server that misbehaves: each form of the wire, and what becomes of it.

mod support;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::child::Finished;
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::request::Request;
use crate::support::response::{Gate, Response, call, calls, say};
use crate::support::wire;

// What a server may say instead of an answer.

#[test]
fn a_wrong_key_is_told_and_not_tried_again() {
    check(
        vec![Response::unauthorized()],
        expect![[r#"
        exit 1, 1 requests
        --- stdout
        --- stderr
        error: the model server wants another key: Invalid API Key
        hint: set `server.api_key` or AGENT_SERVER_API_KEY
    "#]],
    );
}

#[test]
fn an_overflow_has_a_sentence_of_its_own() {
    check(
        vec![Response::overflow(15018, 4096)],
        expect![[r#"
            exit 1, 1 requests
            --- stdout
            --- stderr
            error: the conversation has 15018 tokens, the model's window 4096
            hint: shorten the prompt, or give the server a larger window (`llama.context`)
        "#]],
    );
}

#[test]
fn another_refusal_is_told_in_the_words_of_the_server() {
    check(
        vec![Response::bad_request("Invalid tool_choice: junk")],
        expect![[r#"
        exit 1, 1 requests
        --- stdout
        --- stderr
        error: the model server refused the request (400): Invalid tool_choice: junk
    "#]],
    );
}

/// S04.
#[test]
fn a_server_error_is_asked_once_more() {
    check(
        vec![Response::server_error("boom"), say("Well.")],
        expect![[r#"
        exit 0, 2 requests
        --- stdout
        Well.
        --- stderr
        the model server refused the request (500): boom; asking again in [TIME]
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

/// S04.
#[test]
fn a_server_error_that_stays_is_told() {
    check(
        vec![Response::server_error("boom")],
        expect![[r#"
        exit 1, 2 requests
        --- stdout
        --- stderr
        the model server refused the request (500): boom; asking again in [TIME]
        error: the model server refused the request (500): boom
    "#]],
    );
}

/// S04.
#[test]
fn a_server_that_loads_is_waited_for_and_said_to() {
    let loading = Response::loading();
    check(
        vec![loading.clone(), loading.clone(), loading, say("Awake.")],
        expect![[r#"
        exit 0, 4 requests
        --- stdout
        Awake.
        --- stderr
        the model is being loaded
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

#[test]
fn a_server_that_loads_when_it_is_first_met_is_waited_for_too() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Awake.")]));
    server.on("GET", "/props", Response::loading());
    let run = home.agent(&["hello"]).server(&server).start();
    // When it has asked again, its first question was answered.
    server.request(1);
    server.on("GET", "/props", Response::json(200, &wire::props(32_768)));
    shows(
        &run.finish(),
        Some(&server),
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        Awake.
        --- stderr
        the model is being loaded
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

#[test]
fn what_may_pass_is_asked_for_four_times_more_and_then_told() {
    let garbage = FaultServer::script(vec![Response::garbage()]);
    let proxy = FaultServer::script(vec![Response::bad_gateway()]);
    let homes = [Home::new(), Home::new(), Home::new()];
    // Side by side, since all of them wait.
    let absent = homes[0].agent(&["--server-url", "http://127.0.0.1:1", "hello"]).start();
    let other = homes[1].agent(&["hello"]).server(&garbage).start();
    let page = homes[2].agent(&["hello"]).server(&proxy).start();
    shows(
        &absent.finish(),
        None,
        expect![[r#"
            exit 1
            --- stdout
            --- stderr
            cannot reach the model server at http://127.0.0.1:1: connection refused; asking again in [TIME]
            cannot reach the model server at http://127.0.0.1:1: connection refused; asking again in [TIME]
            cannot reach the model server at http://127.0.0.1:1: connection refused; asking again in [TIME]
            cannot reach the model server at http://127.0.0.1:1: connection refused; asking again in [TIME]
            error: cannot reach the model server at http://127.0.0.1:1: connection refused
            hint: does it run there?
        "#]],
    );
    shows(
        &other.finish(),
        Some(&garbage),
        expect![[r#"
            exit 1, 5 requests
            --- stdout
            --- stderr
            cannot reach the model server at [SERVER]: invalid http version parsed; asking again in [TIME]
            cannot reach the model server at [SERVER]: invalid http version parsed; asking again in [TIME]
            cannot reach the model server at [SERVER]: invalid http version parsed; asking again in [TIME]
            cannot reach the model server at [SERVER]: invalid http version parsed; asking again in [TIME]
            error: cannot reach the model server at [SERVER]: invalid http version parsed
            hint: does it run there?
        "#]],
    );
    shows(
        &page.finish(),
        Some(&proxy),
        expect![[r#"
        exit 1, 5 requests
        --- stdout
        --- stderr
        the model server refused the request (502): 502 Bad Gateway 502 Bad Gateway nginx; asking again in [TIME]
        the model server refused the request (502): 502 Bad Gateway 502 Bad Gateway nginx; asking again in [TIME]
        the model server refused the request (502): 502 Bad Gateway 502 Bad Gateway nginx; asking again in [TIME]
        the model server refused the request (502): 502 Bad Gateway 502 Bad Gateway nginx; asking again in [TIME]
        error: the model server refused the request (502): 502 Bad Gateway 502 Bad Gateway nginx
    "#]],
    );
}

#[test]
fn a_connection_closed_before_an_answer_is_made_again() {
    check(
        vec![Response::hang_up(), say("Now.")],
        expect![[r#"
        exit 0, 2 requests
        --- stdout
        Now.
        --- stderr
        cannot reach the model server at [SERVER]: connection closed before message completed; asking again in [TIME]
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

/// S09.
#[test]
fn words_of_a_cut_answer_are_void_and_said_to_be() {
    check(
        vec![Response::stream().text("one two ").cut(), say("one two three")],
        expect![[r#"
        exit 0, 2 requests
        --- stdout
        one two 
        one two three
        --- stderr
        the model server's answer broke off: unexpected eof during chunk size line; what it said is void; asking again in [TIME]
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

#[test]
fn an_error_in_mid_stream_is_an_error() {
    let failed = Response::stream().text("one ").error_event("the template is broken");
    check(
        vec![failed.clone(), say("two")],
        expect![[r#"
        exit 0, 2 requests
        --- stdout
        one 
        two
        --- stderr
        the model server gave up: the template is broken; what it said is void; asking again in [TIME]
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
    check(
        vec![failed],
        expect![[r#"
        exit 1, 2 requests
        --- stdout
        one 
        one 
        --- stderr
        the model server gave up: the template is broken; what it said is void; asking again in [TIME]
        error: the model server gave up: the template is broken
    "#]],
    );
}

/// S07.
#[test]
fn half_a_character_is_no_answer() {
    check(
        vec![Response::stream().text("caf").half_a_character(), say("café")],
        expect![[r#"
        exit 0, 2 requests
        --- stdout
        caf
        café
        --- stderr
        the model server's answer broke off: unexpected eof during chunk size line; what it said is void; asking again in [TIME]
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

/// S05.
#[test]
fn bytes_that_are_not_text_are_no_answer() {
    let bytes = b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n";
    check(
        vec![Response::bare_stream().bytes(bytes)],
        expect![[r#"
        exit 1, 1 requests
        --- stdout
        --- stderr
        error: what the server sent is not an answer: bytes that are not text
        hint: is there an OpenAI-compatible server at this address?
    "#]],
    );
}

/// S06.
#[test]
fn a_page_that_claims_success_is_no_answer() {
    check(
        vec![Response::bad_gateway().status(200)],
        expect![[r#"
        exit 1, 1 requests
        --- stdout
        --- stderr
        error: what the server sent is not an answer: `<html>`
        hint: is there an OpenAI-compatible server at this address?
    "#]],
    );
}

#[test]
fn json_that_is_no_stream_is_no_answer() {
    check(
        vec![Response::json(200, &json!({"error": "no such model"}))],
        expect![[r#"
        exit 1, 1 requests
        --- stdout
        --- stderr
        error: what the server sent is not an answer: `{"error":"no such model"}`
        hint: is there an OpenAI-compatible server at this address?
    "#]],
    );
}

/// S12.
#[test]
fn a_wrong_content_type_does_not_matter() {
    check(
        vec![say("Plain.").content_type("text/plain")],
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        Plain.
        --- stderr
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

/// S11.
#[test]
fn a_line_without_an_end_is_given_up() {
    let endless = vec![b'x'; 17 << 20];
    check(
        vec![Response::bare_stream().bytes(&endless).stall()],
        expect![[r#"
        exit 1, 1 requests
        --- stdout
        --- stderr
        error: what the server sent is not an answer: a line without an end
        hint: is there an OpenAI-compatible server at this address?
    "#]],
    );
}

#[test]
fn signs_of_life_say_nothing() {
    let alive = Response::stream().ping().progress(100, 40, 70).ping().text("Here.").ping();
    check(
        vec![alive.finish("stop")],
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        Here.
        --- stderr
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

#[test]
fn a_slow_first_byte_is_waited_for() {
    let (home, gate) = (Home::new(), Gate::closed());
    let server = FaultServer::script(vec![say("late").held_until(&gate)]);
    let run = home.agent(&["hello"]).server(&server).start();
    server.chat(0);
    assert_eq!(run.stdout(), "");
    gate.open();
    shows(
        &run.finish(),
        Some(&server),
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        late
        --- stderr
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

/// S09.
#[test]
fn a_reason_without_a_done_is_an_end() {
    let ended = Response::stream().text("Fine.").chunk(wire::finish("stop"));
    check(
        vec![ended.clone()],
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        Fine.
        --- stderr
    "#]],
    );
    check(
        vec![ended.until_close()],
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        Fine.
        --- stderr
    "#]],
    );
}

/// S07, S08, S12: as slowly as can be, and split everywhere.
#[test]
fn an_answer_in_single_bytes_is_the_same() {
    check(
        vec![say("héllo ✓ 😀").in_single_bytes()],
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        héllo ✓ 😀
        --- stderr
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

#[test]
fn a_foreign_server_is_asked_for_the_model_it_names_and_for_nothing_of_llama_server() {
    let home = Home::new();
    let answer = Response::stream().text("Hi.").finish_without_figures("stop");
    let server = FaultServer::foreign(vec![answer]);
    let run = home.agent(&["hello"]).server(&server).run();
    shows(
        &run,
        Some(&server),
        expect![[r#"
        exit 0, 1 requests
        --- stdout
        Hi.
        --- stderr
    "#]],
    );
    let body = &server.chat(0).body;
    assert_eq!(body["model"], "fault");
    assert_eq!(body.get("return_progress"), None);
}

#[test]
fn a_server_in_trouble_is_not_taken_for_a_foreign_one() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    server.on("GET", "/props", Response::server_error("boom"));
    shows(
        &home.agent(&["hello"]).server(&server).run(),
        Some(&server),
        expect![[r#"
        exit 1, 0 requests
        --- stdout
        --- stderr
        the model server refused the request (500): boom; asking again in [TIME]
        error: the model server refused the request (500): boom
    "#]],
    );
    server.on("GET", "/props", Response::bad_gateway());
    let before = server.requests().len();
    let run = home.agent(&["hello"]).server(&server).start();
    // When it has asked again, its first question was answered.
    server.request(before + 1);
    server.on("GET", "/props", Response::json(200, &wire::props(8192)));
    run.finish().assert_code(0);
    assert_eq!(server.chat(0).body["return_progress"], true);
}

#[test]
fn a_server_that_does_not_do_props_is_a_foreign_one() {
    for status in [404, 405, 501] {
        let (home, server) = (Home::new(), FaultServer::foreign(vec![say("Hi.")]));
        server.on("GET", "/props", Response::not_found().status(status));
        home.agent(&["hello"]).server(&server).run().assert_code(0);
        assert_eq!(server.chat(0).body["model"], "fault");
    }
}

// What a model may do wrong.

#[test]
fn a_call_that_was_cut_off_never_runs() {
    let half = Response::stream()
        .call_in_pieces("run_command", &["{\"command\":\"touch here\"", ", \"timeout_sec"])
        .finish("length");
    let whole =
        Response::stream().call("run_command", &json!({"command": "touch here"})).finish("length");
    for cut in [half, whole] {
        let (home, server) = (Home::new(), FaultServer::script(vec![cut, say("Shorter.")]));
        home.agent(&["go"]).server(&server).run().assert_code(0);
        let answer = server.chat(1).last_message().unwrap_or_default().to_owned();
        assert!(answer.starts_with("Not run: the call was cut off"), "{answer}");
        assert!(!home.has("project/here"));
        is_valid(&server.chat(1));
    }
}

/// S10.
#[test]
fn an_answer_that_was_cut_off_ends_the_turn() {
    check(
        vec![Response::stream().text("I would say that").finish("length")],
        expect![[r#"
        exit 3, 1 requests
        --- stdout
        I would say that
        --- stderr
        stopped: the reply was cut off at the end of the window or at `max_tokens`
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
    "#]],
    );
}

#[test]
fn empty_replies_are_nudged_and_then_given_up() {
    check(
        vec![Response::stream().finish("stop")],
        expect![[r#"
        exit 3, 3 requests
        --- stdout
        --- stderr
        stopped: the model said nothing, three times in a row
          300 tokens read, 0 from cache, 30 written at 100/s, 0 % of the window
    "#]],
    );
}

#[test]
fn an_empty_reply_may_be_made_good() {
    check(
        vec![Response::stream().finish("stop"), say("Sorry.")],
        expect![[r#"
        exit 0, 2 requests
        --- stdout
        Sorry.
        --- stderr
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
    "#]],
    );
}

/// H30.
#[test]
fn calls_that_cannot_be_understood_are_explained_and_then_given_up() {
    check(
        vec![call("read_file", json!({"what": "a.txt"}))],
        expect![[r#"
            exit 3, 3 requests
            --- stdout
            --- stderr
            ● read_file {"what":"a.txt"}  not understood
                there is no argument `what`. Nothing was done. `read_file` takes {paths: [string], start_line?: integer, end_line?: integer}
            ● read_file {"what":"a.txt"}  not understood
                there is no argument `what`. Nothing was done. `read_file` takes {paths: [string], start_line?: integer, end_line?: integer}
            ● read_file {"what":"a.txt"}  not understood
                there is no argument `what`. Nothing was done. `read_file` takes {paths: [string], start_line?: integer, end_line?: integer}
            stopped: three replies in a row held no call that could be understood
              300 tokens read, 0 from cache, 30 written at 100/s, 0 % of the window
        "#]],
    );
}

/// H30.
#[test]
fn a_tool_that_does_not_exist_is_explained() {
    let (_, server) =
        ran(&Home::new(), vec![call("raed_file", json!({"paths": ["a"]})), say("Oh.")]);
    expect!["there is no tool `raed_file`; did you mean `read_file`? The tools are read_file, write_file, edit_file, list_files, find_files, search, project_overview, run_command, command_output, check, git, git_commit, fetch_url, ask_user, update_plan, find_out"].assert_eq(server.chat(1).last_message().unwrap_or_default());
}

#[test]
fn arguments_that_are_not_json_go_back_as_an_object() {
    let broken = Response::stream().call_in_pieces("read_file", &["{\"paths\": ", "[a.txt"]);
    let (_, server) = ran(&Home::new(), vec![broken.finish("tool_calls"), say("Oh.")]);
    let chat = server.chat(1);
    is_valid(&chat);
    expect![[r#"the arguments are not valid JSON at line 1, column 12, near `{"paths": [a.txt`. Nothing was done. `read_file` takes {paths: [string], start_line?: integer, end_line?: integer}"#]].assert_eq(chat.last_message().unwrap_or_default());
    let made = &chat.messages()[2]["tool_calls"][0]["function"]["arguments"];
    expect![[r#"{"malformed":"{\"paths\": [a.txt"}"#]].assert_eq(made.as_str().unwrap_or_default());
}

#[test]
fn several_calls_at_once_run_side_by_side_and_are_answered_in_order() {
    let home = Home::new();
    home.file("project/a.txt", "one\n").file("project/b.txt", "two\n");
    let four = calls(&[
        ("read_file", json!({"paths": ["b.txt"]})),
        ("read_file", json!({"paths": ["a.txt"]})),
        ("run_command", json!({"command": "rm a.txt"})),
        ("list_files", json!({})),
    ]);
    let (_, server) = ran(&home, vec![four, say("Done.")]);
    expect![[r#"
        header
        opened
        prompt "hello"
        reply 4 calls ""
        started
        started
        result "done" "1\ttwo\n"
        result "done" "1\tone\n"
        started
        result "done" "[exit 0]\n"
        started
        result "done" "b.txt\n"
        reply "Done."
    "#]]
    .assert_eq(&journal::shape(&home));
    let chat = server.chat(1);
    let answers = chat.messages().iter().filter(|it| it["role"] == "tool");
    let ids: Vec<_> = answers.filter_map(|it| it["tool_call_id"].as_str()).collect();
    let made = chat.messages()[2]["tool_calls"].as_array().expect("calls");
    let made: Vec<_> = made.iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(ids, made);
}

/// H31.
#[test]
fn the_turn_limit_ends_a_model_that_goes_on_for_ever() {
    let home = Home::new();
    let server = FaultServer::script(vec![call("list_files", json!({}))]);
    let run = home.agent(&["--max-turns", "2", "go"]).server(&server).run();
    shows(
        &run,
        Some(&server),
        expect![[r#"
            exit 4, 2 requests
            --- stdout
            --- stderr
            ● list_files  nothing
            ● list_files  nothing
            stopped: the turn limit is reached (see `max_turns`)
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
        "#]],
    );
}

// What is sent.

#[test]
fn the_key_is_sent_as_bearer_with_every_request() {
    let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
    home.agent(&["hello"])
        .server(&server)
        .env("AGENT_SERVER_API_KEY", "s3cret")
        .run()
        .assert_code(0);
    let keys = server.requests();
    assert!(!keys.is_empty());
    assert!(keys.iter().all(|it| it.header("authorization") == Some("Bearer s3cret")));
    let without = FaultServer::script(vec![say("Hi.")]);
    home.agent(&["hello"]).server(&without).run().assert_code(0);
    assert_eq!(without.chat(0).header("authorization"), None);
}

#[test]
fn what_is_set_is_sent_and_nothing_else() {
    let fields = |args: &[&str]| {
        let (home, server) = (Home::new(), FaultServer::script(vec![say("Hi.")]));
        home.agent(&[args, &["hello"]].concat()).server(&server).run().assert_code(0);
        let body = server.chat(0).body;
        let fields = body.as_object().expect("an object").iter();
        let fields = fields.filter(|(name, _)| !matches!(name.as_str(), "tools" | "messages"));
        fields.map(|(name, value)| format!("{name}={value}\n")).collect::<String>()
    };
    expect![[r#"
        stream=true
        stream_options={"include_usage":true}
        return_progress=true
        reasoning_control=true
    "#]]
    .assert_eq(&fields(&[]));
    let all = [
        "--temperature",
        "0.5",
        "--top-k",
        "40",
        "--top-p",
        "0.9",
        "--min-p",
        "0.05",
        "--max-tokens",
        "512",
        "--mirostat",
        "2",
        "--mirostat-tau",
        "4",
        "--mirostat-eta",
        "0.2",
        "--seed",
        "-1",
    ];
    expect![[r#"
        stream=true
        stream_options={"include_usage":true}
        return_progress=true
        reasoning_control=true
        temperature=0.5
        top_k=40
        top_p=0.9
        min_p=0.05
        max_tokens=512
        mirostat=2
        mirostat_tau=4.0
        mirostat_eta=0.2
        seed=-1
    "#]]
    .assert_eq(&fields(&all));
}

#[test]
fn words_go_to_standard_output_and_all_else_to_standard_error() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let look = Response::stream()
        .reasoning("I should look.")
        .text("Looking. ")
        .call("read_file", &json!({"paths": ["a.txt"]}))
        .finish("tool_calls");
    let (run, _) = ran(&home, vec![look, say("It says one.")]);
    shows(
        &run,
        None,
        expect![[r#"
        exit 0
        --- stdout
        Looking. 
        It says one.
        --- stderr
        ● read_file a.txt  1 line
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
    "#]],
    );
}

// For programs.

#[test]
fn json_is_one_object_at_the_end() {
    let lines = json_lines("json", vec![say("Hello there.")], 0);
    let [result] = &lines[..] else { panic!("one line, not {lines:?}") };
    expect![[r#"
        type: "result"
        subtype: "success"
        is_error: false
        result: "Hello there."
        stop_reason: null
        session_id: "[ID]"
        num_turns: 1
        duration_ms: true
        duration_api_ms: true
        total_cost_usd: 0
        usage: {"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":10}
        timings: {"cache_n":0,"prompt_n":100,"prompt_ms":100.0,"predicted_n":10,"predicted_ms":100.0}
        permission_denials: []
        uuid: "[ID]"
    "#]]
    .assert_eq(&fields_of(result));
}

#[test]
fn stream_json_is_one_object_an_event() {
    let script = vec![
        Response::server_error("boom"),
        Response::stream()
            .reasoning("Hm.")
            .text("Looking.")
            .call("list_files", &json!({}))
            .finish("tool_calls"),
        say("Nothing here."),
    ];
    let lines = json_lines("stream-json", script, 0);
    expect![[r#"
        type: "system"
        subtype: "init"
        session_id: "[ID]"
        cwd: "[PROJECT]"
        model: "fault"
        permissionMode: "auto"
        tools: 16
        mcp_servers: []
        slash_commands: []
        agent_version: "0.1.0"
        uuid: "[ID]"

        type: "system"
        subtype: "api_retry"
        error: "the model server refused the request (500): boom"
        session_id: "[ID]"
        uuid: "[ID]"

        type: "assistant"
        session_id: "[ID]"
        parent_tool_use_id: null
        message: {"id":"msg_2","type":"message","role":"assistant","model":"fault","content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"Looking."},{"type":"tool_use","id":"call00000000000001x0000000000000","name":"list_files","input":{}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":10}}
        timings: {"cache_n":0,"prompt_n":100,"prompt_ms":100.0,"predicted_n":10,"predicted_ms":100.0}
        uuid: "[ID]"

        type: "user"
        session_id: "[ID]"
        parent_tool_use_id: null
        message: {"role":"user","content":[{"type":"tool_result","tool_use_id":"call00000000000001x0000000000000","content":"nothing to show in `.`\n","is_error":false}]}
        uuid: "[ID]"

        type: "assistant"
        session_id: "[ID]"
        parent_tool_use_id: null
        message: {"id":"msg_4","type":"message","role":"assistant","model":"fault","content":[{"type":"text","text":"Nothing here."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":10}}
        timings: {"cache_n":0,"prompt_n":100,"prompt_ms":100.0,"predicted_n":10,"predicted_ms":100.0}
        uuid: "[ID]"

        type: "result"
        subtype: "success"
        is_error: false
        result: "Nothing here."
        stop_reason: null
        session_id: "[ID]"
        num_turns: 2
        duration_ms: true
        duration_api_ms: true
        total_cost_usd: 0
        usage: {"input_tokens":200,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":20}
        timings: {"cache_n":0,"prompt_n":200,"prompt_ms":200.0,"predicted_n":20,"predicted_ms":200.0}
        permission_denials: []
        uuid: "[ID]"
    "#]].assert_eq(&lines.iter().map(fields_of).collect::<Vec<_>>().join("\n"));
}

#[test]
fn json_says_why_it_failed_or_gave_up() {
    let failed = json_lines("json", vec![Response::unauthorized()], 1);
    expect![[r#"
        type: "result"
        subtype: "error_during_execution"
        is_error: true
        result: "the model server wants another key: Invalid API Key\nhint: set `server.api_key` or AGENT_SERVER_API_KEY"
        stop_reason: null
        session_id: "[ID]"
        num_turns: 0
        duration_ms: true
        duration_api_ms: true
        total_cost_usd: 0
        usage: {"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}
        timings: {"cache_n":0,"prompt_n":0,"prompt_ms":0.0,"predicted_n":0,"predicted_ms":0.0}
        permission_denials: []
        uuid: "[ID]"
    "#]].assert_eq(&fields_of(&failed[0]));
    let gave_up = json_lines("json", vec![Response::stream().finish("stop")], 3);
    expect![[r#"
        type: "result"
        subtype: "error_during_execution"
        is_error: true
        result: ""
        stop_reason: "empty_replies"
        session_id: "[ID]"
        num_turns: 3
        duration_ms: true
        duration_api_ms: true
        total_cost_usd: 0
        usage: {"input_tokens":300,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":30}
        timings: {"cache_n":0,"prompt_n":300,"prompt_ms":300.0,"predicted_n":30,"predicted_ms":300.0}
        permission_denials: []
        uuid: "[ID]"
    "#]]
    .assert_eq(&fields_of(&gave_up[0]));
}

// What is sent only ever grows.

#[test]
fn each_request_begins_with_the_one_before() {
    let home = Home::new();
    home.file("project/a.txt", "one\n\u{e9}\n");
    let server = FaultServer::answering(|n, _| match n % 10 {
        0 => call("read_file", json!({"paths": ["a.txt"]})),
        1 => Response::stream()
            .reasoning("Think. ")
            .text("Look: ")
            .call("list_files", &json!({}))
            .finish("tool_calls"),
        2 => calls(&[
            ("read_file", json!({"paths": ["a.txt"]})),
            ("search", json!({"pattern": "o"})),
        ]),
        3 => {
            Response::stream().call_in_pieces("read_file", &["{\"paths\": [1"]).finish("tool_calls")
        }
        4 => call("no_such_tool", json!({})),
        5 => Response::stream().finish("stop"),
        6 => call("run_command", json!({"command": "printf 'h\\351llo\\033[1m'; exit 3"})),
        7 => Response::stream()
            .call_in_pieces("run_command", &["{\"command\": \"tou"])
            .finish("length"),
        _ => say("That is all; \u{1f600} \"quoted\" \\ and\nlines."),
    });
    for (n, prompt) in ["begin", "go on", "and the rest \u{2713}", "once more"].iter().enumerate() {
        let go_on: &[&str] = if n == 0 { &[] } else { &["-c"] };
        home.agent(&[go_on, &[*prompt]].concat()).server(&server).run().assert_code(0);
    }
    let chats = server.chats();
    assert!(chats.len() >= 20, "{}", chats.len());
    for (n, pair) in chats.windows(2).enumerate() {
        let open = pair[0].raw.strip_suffix(b"]}").expect("messages come last");
        assert!(pair[1].raw.starts_with(open), "request {} does not begin with {n}", n + 1);
        is_valid(&pair[1]);
    }
}

#[test]
fn a_request_that_is_made_again_is_the_same_to_the_byte() {
    let home = Home::new();
    let cut = Response::stream().text("half ").cut();
    let (_, server) = ran(&home, vec![cut, say("whole")]);
    assert_eq!(server.chat(0).raw, server.chat(1).raw);
}

/// Runs one prompt against these answers and compares all that can be seen of it.
#[track_caller]
fn check(responses: Vec<Response>, expected: Expect) {
    let (run, server) = ran(&Home::new(), responses);
    shows(&run, Some(&server), expected);
}

fn ran(home: &Home, responses: Vec<Response>) -> (Finished, FaultServer) {
    let server = FaultServer::script(responses);
    let run = home.agent(&["hello"]).server(&server).run();
    (run, server)
}

#[track_caller]
fn shows(run: &Finished, server: Option<&FaultServer>, expected: Expect) {
    let asked = server.map_or_else(String::new, |it| format!(", {} requests", it.chats().len()));
    let code = run.code.map_or_else(|| "by a signal".to_owned(), |it| it.to_string());
    let Finished { stdout, stderr, .. } = run;
    let stderr = server.map_or_else(|| stderr.clone(), |it| stderr.replace(&it.url(), "[SERVER]"));
    expected.assert_eq(&format!("exit {code}{asked}\n--- stdout\n{stdout}--- stderr\n{stderr}"));
}

/// Whether a server and its template would take it: every call has arguments that are an object, and
/// every answer belongs to a call.
#[track_caller]
fn is_valid(chat: &Request) {
    let mut open: Vec<String> = Vec::new();
    for message in chat.messages() {
        assert!(message["content"].is_string(), "{message}");
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().expect("an answer has an id");
            let at = open.iter().position(|it| it == id).expect("an answer belongs to a call");
            open.remove(at);
            continue;
        }
        assert!(open.is_empty(), "calls without an answer: {open:?}");
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str().expect("arguments are text");
            let parsed: Value = serde_json::from_str(arguments).expect("arguments are JSON");
            assert!(parsed.is_object(), "{arguments}");
            open.push(call["id"].as_str().expect("a call has an id").to_owned());
        }
    }
    assert!(open.is_empty(), "calls without an answer: {open:?}");
}

/// The lines on standard output, each of which must be JSON.
#[track_caller]
fn json_lines(format: &str, responses: Vec<Response>, code: i32) -> Vec<Value> {
    let (home, server) = (Home::new(), FaultServer::script(responses));
    let run = home.agent(&["--output-format", format, "hello"]).server(&server).run();
    run.assert_code(code);
    run.stdout.lines().map(|it| serde_json::from_str(it).expect("a line of JSON")).collect()
}

/// One field a line. What takes time takes another time on each run, and the tools have tests of
/// their own.
fn fields_of(line: &Value) -> String {
    let fields = line.as_object().expect("an object").iter();
    let field = |(name, value): (&String, &Value)| match name.as_str() {
        "duration_ms" | "duration_api_ms" => format!("{name}: {}\n", value.is_u64()),
        "tools" => format!("{name}: {}\n", value.as_array().map_or(0, Vec::len)),
        _ => format!("{name}: {value}\n"),
    };
    fields.map(field).collect()
}
