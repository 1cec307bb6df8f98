//! One command, said in ever so many ways.

use super::*;

#[test]
fn a_rule_against_a_command_holds_however_the_command_is_said() {
    let many = format!("env {} git push", "A=b ".repeat(70));
    let mean = [
        "git -C . push",
        "git --no-pager push origin",
        "sudo git -c a.b=c push",
        "git -c alias.x=push x",
        "printf 'git push' | sh",
        "printf 'git push' | sudo bash -s",
        "sh <<'E'\ngit push\nE",
        "bash <(echo x)",
        ". /dev/stdin",
        "env -i bash -c 'git push origin'",
        "timeout -k 1 5 bash -c 'git push origin'",
        "nice -n19 bash -c 'git push origin'",
        "xargs sh -c 'git push origin' </dev/null",
        "sudo bash -c 'git push origin'",
        "sudo -u x env A=b bash -euo pipefail -c 'git push origin'",
        "bash --norc -x -c 'git push'",
        "busybox sh -c 'git push'",
        "stdbuf -oL sh -c 'git push'",
        "unshare -r chroot / sh -c 'setsid bash -c \"git push\"'",
        "find . -exec sh -c 'git push' \\;",
        "docker run x sh -c 'git push'",
        "eval git 'push origin; true'",
        "eval -- 'git push'",
        "builtin eval git 'push'",
        "eval git \"status; $X\"",
        "trap 'git push origin' EXIT",
        "trap -- 'git push' 0",
        "script -qc 'git push origin' /dev/null",
        "script -c'git push' /dev/null",
        "script --command='git push' x",
        "flock x -c 'git push'",
        "su -c 'git push' x",
        "watch -n 1 git 'push origin'",
        "ssh -p 22 host 'cd x && git push'",
        "sudo ssh host git 'push'",
        "parallel 'git push' ::: a",
        "parallel git ::: push",
        "env -S 'git push'",
        "env -iS 'git push' x",
        "env --split-string='git push'",
        "echo push | xargs git",
        "echo push | xargs -I % git %",
        "echo push | xargs -I{} sh -c 'git {}'",
        "echo git | xargs -I{} {} push",
        "find . -name push -exec git {} \\;",
        "find . -name git -exec {} push \\;",
        "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=alias.x GIT_CONFIG_VALUE_0=push git x origin",
        "env GIT_CONFIG_GLOBAL=x git y",
        "export GIT_CONFIG_COUNT=1",
        "BASH_ENV=x bash y",
        "GIT_EXEC_PATH=. git x",
        "GIT_EDITOR='git push #' git commit",
        "GIT_EDITOR=$X git commit",
        "alias g='git push'",
        &many,
    ];
    let plain = [
        "git -C . status",
        "sh build.sh",
        "bash -x build.sh",
        "command -v bash",
        "ls | cat",
        "env -i bash -c 'git status'",
        "bash -euo pipefail -c 'make -j2'",
        "timeout -k 1 5 cargo test",
        "nice -n19 make",
        "trap 'rm -f x' EXIT",
        "trap - INT",
        "eval git 'status; true'",
        "xargs -0 git add",
        "find . -name '*.rs' -exec grep -n 'git push' {} +",
        "find . -name 'x (1)' -exec cat {} \\;",
        "grep -rn 'git push' .",
        "docker run x sh -c 'make'",
        "watch -n 1 ls",
        "env FOO=x BAR=y make",
        "PATH=$PATH:x PYTHONPATH=src pytest",
        "GIT_PAGER=cat GIT_EDITOR=true git log",
        "make BASH_ENV=x",
    ];
    let permissions = permissions(Permission::Full, "deny: run_command(git push *)");
    for (commands, expected) in [(&mean[..], false), (&plain[..], true)] {
        for &command in commands {
            let verdict = judged(&permissions, "run_command", Some(&json!({ "command": command })));
            assert_eq!(verdict == Verdict::Allow, expected, "{command}: {verdict:?}");
        }
    }
}
