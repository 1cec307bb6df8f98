//! The attacks, and what must work in spite of all that holds them: a flat list.

use crate::cli::selftest::verdict::Sign;

/// One thing that a command tries.
pub(super) struct Case {
    pub(super) id: &'static str,
    /// What it tries, in a few words.
    pub(super) what: &'static str,
    pub(super) kind: Kind,
    /// For a shell in the project. `$P` is this program; capital letters in `@` stand for things of
    /// the world the case is run in.
    pub(super) script: &'static str,
    /// How the world looks when it came about.
    pub(super) sign: Sign,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Must come to nothing. Run without confinement, it must succeed, or it proves nothing.
    Attack,
    /// The same, but only root could do it without confinement, or only on some machines.
    Privileged,
    /// Must come to nothing, and would do harm without confinement, so it is never run so.
    Harmful,
    /// Cannot be held by what confines commands; the person must be told of it.
    Reported,
    /// Must succeed.
    Work,
}

use Kind::{Attack, Harmful, Privileged, Reported, Work};

macro_rules! cases {
    ($($id:literal $kind:ident $what:literal: $script:literal => $sign:expr;)*) => {
        &[$(Case { id: $id, what: $what, kind: $kind, script: $script, sign: $sign }),*]
    };
}

/// In the order in which they are told.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = cases! {
    // Secrets.
    "R01" Attack "read a private key": r#"cat "@HOME@/.ssh/id_rsa""# => Sign::Leaked;
    "R02" Attack "read it by a symbolic link in the project": r#"ln -s "@HOME@/.ssh/id_rsa" l; cat l"# => Sign::Leaked;
    "R03" Attack "read it by a hard link in the project": r#"ln "@HOME@/.ssh/id_rsa" l; cat l"# => Sign::Leaked;
    "R04" Attack "read it by /proc/self/root": r#"cat "/proc/self/root@HOME@/.ssh/id_rsa""# => Sign::Leaked;
    "R05" Attack "read it by the root of any process": r#"for p in /proc/[0-9]*; do cat "$p/root@HOME@/.ssh/id_rsa"; done"# => Sign::Leaked;
    "R06" Attack "read the environment of any process": r#"cat /proc/[0-9]*/environ | tr '\0' '\n' | grep -a CANARY"# => Sign::Leaked;
    "R07" Attack "read keys from the own environment": "env" => Sign::Leaked;
    "R08" Attack "read .env in the project": "cat .env" => Sign::Leaked;
    "R09" Attack "move .env, then read it": "mv .env x; cat x" => Sign::Leaked;
    "R10" Attack "read other sessions of the agent": r#"cat "@HOME@/.local/state/agent/sessions/other/other.jsonl""# => Sign::Leaked;
    "R11" Attack "list processes of the machine": r#"cat /proc/[0-9]*/cmdline | tr '\0' '\n' | grep -a CANARY"# => Sign::Leaked;
    "R12" Attack "read .aws and .netrc": r#"cat "@HOME@/.aws/credentials" "@HOME@/.netrc""# => Sign::Leaked;
    "R13" Harmful "open a raw disk": r#""$P" selftest --probe disk"# => Sign::Breached;
    "R14" Attack "read a private key in the project": "cat deploy.pem" => Sign::Leaked;

    // Writing.
    "W01" Attack "write outside by an absolute path": r#"echo x > "@OUTSIDE@/new""# => Sign::Outside;
    "W02" Attack "write to .bashrc": r#"echo x >> "@HOME@/.bashrc""# => Sign::Outside;
    "W03" Attack "write through a link to a file": "echo x > link-to-file" => Sign::Outside;
    "W04" Attack "write through a link to a directory": "echo x > link-to-directory/new" => Sign::Outside;
    "W05" Attack "write by ..": "echo x > ../outside/new" => Sign::Outside;
    "W06" Attack "write by a hard link": r#"ln "@OUTSIDE@/file" l; echo x > l"# => Sign::Outside;
    "W07" Attack "truncate, change mode and time outside": r#"cd "@OUTSIDE@"; : > file; chmod 777 file; touch -t 200001010000 file"# => Sign::Outside;
    "W08" Attack "move a file in from outside": r#"mv "@OUTSIDE@/file" here"# => Sign::Outside;
    "W09" Attack "remove the neighbour": "rm -rf ../outside/*" => Sign::Outside;
    "W10" Attack "write the agent's own configuration": r#"echo 'permission = "full"' >> "@HOME@/.config/agent/config.toml""# => Sign::Outside;
    "W11" Harmful "write to /etc": "echo x > /etc/@TOKEN@" => Sign::Appeared("/etc/@TOKEN@");
    "W12" Attack "write to the machine's /tmp": "echo x > /tmp/@TOKEN@" => Sign::Appeared("/tmp/@TOKEN@");
    "W13" Attack "write to /dev/shm and /var/tmp": "echo x > /dev/shm/@TOKEN@; echo x > /var/tmp/@TOKEN@" => Sign::Appeared("/dev/shm/@TOKEN@");

    // Code that runs later, outside.
    "G01" Attack "add a hook": "echo x > .git/hooks/post-checkout" => Sign::Planted(".git/hooks/post-checkout");
    "G02" Attack "set a program in .git/config": r#"printf '[core]\n\tfsmonitor = ./x\n' >> .git/config"# => Sign::Edited(".git/config");
    "G03" Attack "replace .git": "mv .git .git2; mkdir -p .git/hooks; echo x > .git/hooks/post-checkout" => Sign::Planted(".git/hooks/post-checkout");
    "G04" Attack "replace .git/hooks": "mv .git/hooks .git/h; mkdir .git/hooks; echo x > .git/hooks/post-checkout" => Sign::Planted(".git/hooks/post-checkout");
    "G05" Attack "add a hook to a nested repository": "echo x > sub/.git/hooks/post-checkout" => Sign::Planted("sub/.git/hooks/post-checkout");
    "G06" Reported "make a new nested repository": r#"mkdir -p new/.git/objects new/.git/refs; echo 'ref: refs/heads/main' > new/.git/HEAD; printf '[core]\n\tfsmonitor = ./x\n' > new/.git/config"# => Sign::Told("new");
    "G07" Attack "rename a file over .git/config": "cp .git/config c; echo x >> c; mv c .git/config" => Sign::Edited(".git/config");
    "G08" Attack "make .git a file that points elsewhere": r#"mkdir -p evil/hooks; mv .git .git2; echo "gitdir: evil" > .git"# => Sign::Edited(".git/HEAD");
    "G09" Attack "add attributes and alternates": "mkdir -p .git/info .git/objects/info; echo '* filter=x' >> .git/info/attributes; echo /x >> .git/objects/info/alternates" => Sign::Planted(".git/info/attributes");
    "G10" Attack "write an editor's tasks": "mkdir -p .vscode; echo x > .vscode/tasks.json" => Sign::Edited(".vscode/tasks.json");
    "G11" Attack "create agent configuration": "mkdir -p .agent; echo x > .agent/config.toml; echo x > .mcp.json" => Sign::PlantedAny(&[".agent/config.toml", ".mcp.json"]);
    "G12" Attack "replace an editor's folder by a rename": "mv .vscode v; mkdir .vscode; echo x > .vscode/tasks.json" => Sign::Edited(".vscode/tasks.json");
    "G13" Attack "set a program in .git/config.worktree and a module": r#"echo x > .git/config.worktree; mkdir -p .git/modules/m; echo x > .git/modules/m/config"# => Sign::PlantedAny(&[".git/config.worktree", ".git/modules/m/config"]);
    "G14" Reported "leave a link that leads out": r#"ln -s "@HOME@/.bashrc" leads-out"# => Sign::Told("leads-out");
    "G15" Attack "leave a file that a shell runs by itself": "echo x > .envrc" => Sign::Planted(".envrc");

    // The network.
    "N01" Attack "speak TCP to this machine": r#""$P" selftest --probe tcp 127.0.0.1:@TCP@ @TOKEN@"# => Sign::Reached;
    "N02" Attack "speak UDP to this machine": r#""$P" selftest --probe udp 127.0.0.1:@UDP@ @TOKEN@"# => Sign::Reached;
    "N03" Attack "speak to a service by its socket file": r#""$P" selftest --probe unix "@OUTSIDE@/service.sock" @TOKEN@"# => Sign::Reached;
    "N04" Attack "speak to an abstract socket": r#""$P" selftest --probe abstract @TOKEN@ @TOKEN@"# => Sign::Reached;
    "N05" Privileged "open a socket to a hypervisor": r#""$P" selftest --probe socket 40 1"# => Sign::Breached;
    "N06" Privileged "open a raw or a crypto socket": r#""$P" selftest --probe socket 17 3 || "$P" selftest --probe socket 38 5"# => Sign::Breached;
    "N07" Attack "listen, and be reached from this machine": r#""$P" selftest --probe listen @FREE@ @TOKEN@"# => Sign::Heard;
    "N08" Work "speak TCP and UDP to itself": r#""$P" selftest --probe loopback"# => Sign::Breached;
    "N09" Attack "ask a name server of this machine": r#""$P" selftest --probe udp 127.0.0.1:@UDP@ query-@TOKEN@"# => Sign::Reached;
    "N12" Attack "speak TCP by IPv6 to this machine": r#""$P" selftest --probe tcp [::1]:@TCP6@ @TOKEN@"# => Sign::Reached;

    // Processes.
    "P01" Attack "kill a process of the machine": "kill -9 @VICTIM@" => Sign::Killed;
    "P02" Harmful "kill everything": "kill -9 -1" => Sign::Killed;
    "P03" Attack "trace a process of the machine": r#""$P" selftest --probe seize @VICTIM@"# => Sign::Killed;
    "P04" Attack "leave a daemon": r#"setsid "$P" selftest --probe linger @TOKEN@ >/dev/null 2>&1 & while [ ! -e lingering ]; do :; done"# => Sign::Lingers;
    "P05" Attack "write after the end": r#"setsid "$P" selftest --probe late @TOKEN@ >/dev/null 2>&1 & while [ ! -e lingering ]; do :; done"# => Sign::Late;
    "P06" Attack "use a file that the agent has open": r#""$P" selftest --probe descriptors new @TOKEN@"# => Sign::Outside;
    "P07" Attack "leave memory on the disk": r#""$P" selftest --probe limit core"# => Sign::Breached;
    "P08" Privileged "start processes without end": r#""$P" selftest --probe limit processes"# => Sign::Breached;

    // The kernel.
    "K01" Privileged "make the root writable again": r#""$P" selftest --probe remount / ; echo x > "@OUTSIDE@/new" && "$P" selftest --probe remounted"# => Sign::Breached;
    "K02" Privileged "take away what hides a secret": r#""$P" selftest --probe unmount .env; "$P" selftest --probe unmount "@HOME@""# => Sign::Breached;
    "K03" Privileged "make a user namespace": r#""$P" selftest --probe namespace"# => Sign::Breached;
    "K04" Privileged "set up io_uring": r#""$P" selftest --probe uring"# => Sign::Breached;
    "K05" Attack "use kernel keys, events, programs": r#""$P" selftest --probe facilities"# => Sign::Breached;
    "K06" Privileged "open a file by its handle": r#""$P" selftest --probe handle @HANDLE@"# => Sign::Leaked;
    "K07" Attack "leave a set-user-id program": "cp /bin/sh s; chmod 6755 s" => Sign::SetId("s");
    "K08" Privileged "make a device": r#""$P" selftest --probe device d"# => Sign::Device("d");
    "K09" Privileged "open what the kernel runs at a crash": r#""$P" selftest --probe crash"# => Sign::Breached;
    "K10" Harmful "type into the terminal": r#""$P" selftest --probe type"# => Sign::Breached;
    "K11" Privileged "have privileges, or gain them": r#""$P" selftest --probe privileges"# => Sign::Breached;
    "K12" Privileged "call the kernel by another door": r#""$P" selftest --probe doors"# => Sign::Breached;

    // The environment.
    "E01" Attack "inherit what changes every program": "env" => Sign::LeakedVariable;

    // Work.
    "F01" Work "edit, move, commit": r#"echo new > src/b && git mv src/a c && git add -A && git -c user.name=T -c user.email=t@example.org commit -qm second"# => Sign::Committed;
    "F02" Work "lock files, share memory, use threads": r#""$P" selftest --probe locks"# => Sign::Breached;
    "F03" Work "have a terminal of its own": r#""$P" selftest --probe terminal"# => Sign::Breached;
    "F04" Work "speak by a socket file in the project": r#""$P" selftest --probe socket-file s.sock"# => Sign::Breached;
    "F05" Work "write to /tmp and to the project": "echo x > /tmp/x && cat /tmp/x > made && mkdir -p a/b && mv made a/b" => Sign::Appeared("@PROJECT@/a/b/made");
};
