//! The system calls a confined command may not make: a list, and the program the kernel runs.
//!
//! The program is a short chain of comparisons without loops or state. It is written here rather
//! than taken from a library because it has to know the second way to call this kernel (x32), and
//! to answer some calls with one error and some with another.

use libc::{c_long, sock_filter};

/// One call and when it is refused.
#[derive(Clone, Copy, Debug)]
struct Rule {
    call: c_long,
    when: When,
    error: i32,
}

/// What an argument must be like for the call to be refused. Only the lower half of an argument
/// is looked at, which is all that the kernel looks at in these.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// One of these bits is set.
    Any {
        argument: u32,
        bits: u32,
    },
    Is {
        argument: u32,
        value: u32,
    },
    IsNone {
        argument: u32,
        values: &'static [u32],
    },
    /// The first is this value, and the second is not zero.
    IsAndNotZero {
        argument: u32,
        value: u32,
        other: u32,
    },
    /// One of the `wanted` bits of the first and one of the `bits` of the second are set.
    Both {
        argument: u32,
        wanted: u32,
        other: u32,
        bits: u32,
    },
}

/// Whether the command is alone in namespaces. There it may trace: debuggers and leak checkers do,
/// and whom it could trace is part of itself. And there the only network is its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Company {
    Alone,
    AmongOthers,
}

/// The kernel's older or newer half of the machine, and what it looks like to a program.
const ARCHITECTURE: u32 = if cfg!(target_arch = "aarch64") { 0xC000_00B7 } else { 0xC000_003E };

/// Calls from here on are x32 on `x86_64`: the same kernel by other numbers.
const X32: u32 = 0x4000_0000;

/// Set-user-id and set-group-id.
const SET_ID: u32 = 0o6000;

const FAMILIES: &[u32] =
    &[libc::AF_UNIX as u32, libc::AF_INET as u32, libc::AF_INET6 as u32, libc::AF_NETLINK as u32];

const NAMESPACES: u32 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP
    | CLONE_NEWTIME) as u32;
const CLONE_NEWTIME: i32 = 0x80;

/// Calls that `libc` does not name on every platform.
const OPEN_TREE_ATTR: c_long = 467;
const FCHMODAT2: c_long = 452;

/// No program needs these to build, test or run code of a project.
const NEVER: &[c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_open_by_handle_at,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_syslog,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
];

const TRACING: &[c_long] =
    &[libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev];

/// The argument that holds a mode.
const MODES: &[(c_long, u32)] = &[
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (FCHMODAT2, 2),
    (libc::SYS_mkdirat, 2),
    (libc::SYS_mknodat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, 1),
];

/// The arguments that hold flags and a mode.
const OPENS: &[(c_long, u32, u32)] = &[
    (libc::SYS_openat, 2, 3),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 1, 2),
];

fn rules(company: Company) -> Vec<Rule> {
    let refuse = |call, when, error| Rule { call, when, error };
    let mut rules: Vec<_> = NEVER.iter().map(|it| refuse(*it, When::Always, libc::EPERM)).collect();
    if company == Company::AmongOthers {
        rules.extend(TRACING.iter().map(|it| refuse(*it, When::Always, libc::EPERM)));
    }
    // Not there, so that the caller falls back to a call whose arguments can be looked at.
    rules.push(refuse(libc::SYS_clone3, When::Always, libc::ENOSYS));
    rules.push(refuse(libc::SYS_openat2, When::Always, libc::ENOSYS));
    let namespaces = When::Any { argument: 0, bits: NAMESPACES };
    rules.push(refuse(libc::SYS_clone, namespaces, libc::EPERM));
    // A virtual machine's host is reached by a family of its own, whatever network there is.
    let families = match company {
        Company::Alone => FAMILIES,
        Company::AmongOthers => &[],
    };
    let strange = When::IsNone { argument: 0, values: families };
    rules.push(refuse(libc::SYS_socket, strange, libc::EAFNOSUPPORT));
    if company == Company::AmongOthers {
        // A pair that is connected stays so, but one for datagrams sends to any socket file.
        let datagrams = When::Any { argument: 1, bits: libc::SOCK_DGRAM as u32 };
        rules.push(refuse(libc::SYS_socketpair, datagrams, libc::EOPNOTSUPP));
    }
    let netlink = libc::AF_NETLINK as u32;
    let not_routes = When::IsAndNotZero { argument: 0, value: netlink, other: 2 };
    rules.push(refuse(libc::SYS_socket, not_routes, libc::EPROTONOSUPPORT));
    for (call, argument) in MODES {
        rules.push(refuse(*call, When::Any { argument: *argument, bits: SET_ID }, libc::EPERM));
    }
    let creates = (libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32;
    for (call, flags, mode) in OPENS {
        let when = When::Both { argument: *flags, wanted: creates, other: *mode, bits: SET_ID };
        rules.push(refuse(*call, when, libc::EPERM));
    }
    // To type into the terminal of whoever started us.
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        let when = When::Is { argument: 1, value: request as u32 };
        rules.push(refuse(libc::SYS_ioctl, when, libc::EPERM));
    }
    rules
}

/// The program as the kernel takes it.
pub(super) fn program(company: Company) -> Vec<sock_filter> {
    // `seccomp_data`: the number at 0, the architecture at 4, six arguments of 8 bytes from 16.
    let mut program = vec![
        load(4),
        jump(libc::BPF_JEQ, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(0),
    ];
    if cfg!(target_arch = "x86_64") {
        program.push(jump(libc::BPF_JGE, X32, 0, 1));
        program.push(answer(error(libc::EPERM)));
    }
    let mut rules = rules(company);
    // All rules of a call stand together, and the number is compared once.
    rules.sort_by_key(|it| it.call);
    for group in rules.chunk_by(|a, b| a.call == b.call) {
        let body: Vec<_> = group.iter().flat_map(judge).collect();
        let length = u8::try_from(body.len() + 1).expect("no call has that many rules");
        program.push(jump(libc::BPF_JEQ, group[0].call as u32, 0, length));
        program.extend(body);
        program.push(answer(libc::SECCOMP_RET_ALLOW));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// Answers with the error if the rule is met, and goes on behind itself if not.
fn judge(rule: &Rule) -> Vec<sock_filter> {
    let refuse = answer(error(rule.error));
    let argument = |it: u32| load(16 + 8 * it);
    match rule.when {
        When::Always => vec![refuse],
        When::Any { argument: it, bits } => {
            vec![argument(it), jump(libc::BPF_JSET, bits, 0, 1), refuse]
        }
        When::Is { argument: it, value } => {
            vec![argument(it), jump(libc::BPF_JEQ, value, 0, 1), refuse]
        }
        When::IsNone { argument: it, values } => {
            let length = values.len() as u8;
            let known = values.iter().zip((1..=length).rev());
            let known = known.map(|(value, left)| jump(libc::BPF_JEQ, *value, left, 0));
            std::iter::once(argument(it)).chain(known).chain([refuse]).collect()
        }
        When::IsAndNotZero { argument: it, value, other } => vec![
            argument(it),
            jump(libc::BPF_JEQ, value, 0, 3),
            argument(other),
            jump(libc::BPF_JEQ, 0, 1, 0),
            refuse,
        ],
        When::Both { argument: it, wanted, other, bits } => vec![
            argument(it),
            jump(libc::BPF_JSET, wanted, 0, 3),
            argument(other),
            jump(libc::BPF_JSET, bits, 0, 1),
            refuse,
        ],
    }
}

fn error(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | number as u32
}

fn load(offset: u32) -> sock_filter {
    let code = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    sock_filter { code, jt: 0, jf: 0, k: offset }
}

/// Skips `yes` or `no` instructions.
fn jump(condition: u32, k: u32, yes: u8, no: u8) -> sock_filter {
    let code = (libc::BPF_JMP | condition | libc::BPF_K) as u16;
    sock_filter { code, jt: yes, jf: no, k }
}

fn answer(action: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: action }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// What the kernel would do: the machine is small enough to be written down.
    fn run(program: &[sock_filter], architecture: u32, call: u32, arguments: [u64; 6]) -> u32 {
        let mut data = [0u8; 64];
        data[0..4].copy_from_slice(&call.to_le_bytes());
        data[4..8].copy_from_slice(&architecture.to_le_bytes());
        for (n, argument) in arguments.iter().enumerate() {
            data[16 + 8 * n..24 + 8 * n].copy_from_slice(&argument.to_le_bytes());
        }
        let (mut at, mut value) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            let code = u32::from(code);
            let met = match code & 0xf0 {
                _ if code & 7 == libc::BPF_LD => {
                    value = u32::from_le_bytes(data[k as usize..][..4].try_into().unwrap());
                    at += 1;
                    continue;
                }
                _ if code & 7 == libc::BPF_RET => return k,
                it if it == libc::BPF_JEQ => value == k,
                it if it == libc::BPF_JGE => value >= k,
                it if it == libc::BPF_JSET => value & k != 0,
                it => panic!("no such jump: {it}"),
            };
            at += 1 + usize::from(if met { jt } else { jf });
        }
    }

    fn shown(answer: u32) -> String {
        match answer & 0xffff_0000 {
            libc::SECCOMP_RET_ALLOW => "allowed".to_owned(),
            libc::SECCOMP_RET_ERRNO => {
                let err = rustix::io::Errno::from_raw_os_error((answer & 0xffff) as i32);
                format!("{err:?}")
            }
            _ => "killed".to_owned(),
        }
    }

    #[track_caller]
    fn check(calls: &[(&str, c_long, [u64; 6])], expected: Expect) {
        let program = program(Company::Alone);
        let lines = calls.iter().map(|(name, call, arguments)| {
            let answer = run(&program, ARCHITECTURE, *call as u32, *arguments);
            format!("{name}: {}\n", shown(answer))
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    fn first(it: i32) -> [u64; 6] {
        [it as u64, 0, 0, 0, 0, 0]
    }

    #[test]
    fn only_families_of_the_own_machine_make_sockets() {
        let socket = libc::SYS_socket;
        check(
            &[
                ("unix", socket, first(libc::AF_UNIX)),
                ("inet", socket, first(libc::AF_INET)),
                ("inet6", socket, first(libc::AF_INET6)),
                ("routes", socket, first(libc::AF_NETLINK)),
                ("netfilter", socket, [libc::AF_NETLINK as u64, 3, 12, 0, 0, 0]),
                ("inet with a protocol", socket, [libc::AF_INET as u64, 1, 6, 0, 0, 0]),
                ("vsock", socket, first(libc::AF_VSOCK)),
                ("packet", socket, first(libc::AF_PACKET)),
                ("alg", socket, first(libc::AF_ALG)),
            ],
            expect![[r#"
                unix: allowed
                inet: allowed
                inet6: allowed
                routes: allowed
                netfilter: Os { code: 93, kind: Uncategorized, message: "Protocol not supported" }
                inet with a protocol: allowed
                vsock: Os { code: 97, kind: Uncategorized, message: "Address family not supported by protocol" }
                packet: Os { code: 97, kind: Uncategorized, message: "Address family not supported by protocol" }
                alg: Os { code: 97, kind: Uncategorized, message: "Address family not supported by protocol" }
            "#]],
        );
    }

    #[test]
    fn among_others_no_socket_file_is_spoken_to() {
        let program = program(Company::AmongOthers);
        let unix = libc::AF_UNIX as u64;
        let answer = |call: c_long, kind: i32| {
            let arguments = [unix, kind as u64, 0, 0, 0, 0];
            run(&program, ARCHITECTURE, call as u32, arguments)
        };
        let closing = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
            assert_eq!(answer(libc::SYS_socket, kind), error(libc::EAFNOSUPPORT));
        }
        for kind in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET, libc::SOCK_STREAM | closing] {
            assert_eq!(answer(libc::SYS_socketpair, kind), libc::SECCOMP_RET_ALLOW);
        }
        for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_DGRAM | closing] {
            assert_eq!(answer(libc::SYS_socketpair, kind), error(libc::EOPNOTSUPP));
        }
    }

    #[test]
    fn no_file_gets_the_rights_of_its_owner() {
        let creates = libc::O_CREAT as u64;
        check(
            &[
                ("plain", libc::SYS_fchmodat, [0, 0, 0o755, 0, 0, 0]),
                ("sticky", libc::SYS_fchmodat, [0, 0, 0o1777, 0, 0, 0]),
                ("set-uid", libc::SYS_fchmodat, [0, 0, 0o4755, 0, 0, 0]),
                ("set-gid", libc::SYS_fchmod, [0, 0o2755, 0, 0, 0, 0]),
                ("new and set-uid", libc::SYS_openat, [0, 0, creates, 0o4755, 0, 0]),
                ("new", libc::SYS_openat, [0, 0, creates, 0o644, 0, 0]),
                ("opened, the mode does not count", libc::SYS_openat, [0, 0, 0, 0o4755, 0, 0]),
            ],
            expect![[r#"
                plain: allowed
                sticky: allowed
                set-uid: Os { code: 1, kind: PermissionDenied, message: "Operation not permitted" }
                set-gid: Os { code: 1, kind: PermissionDenied, message: "Operation not permitted" }
                new and set-uid: Os { code: 1, kind: PermissionDenied, message: "Operation not permitted" }
                new: allowed
                opened, the mode does not count: allowed
            "#]],
        );
    }

    #[test]
    fn no_namespace_is_made_and_no_terminal_is_typed_into() {
        check(
            &[
                ("fork", libc::SYS_clone, first(libc::SIGCHLD)),
                ("thread", libc::SYS_clone, first(libc::CLONE_VM | libc::CLONE_THREAD)),
                ("namespace", libc::SYS_clone, first(libc::CLONE_NEWUSER | libc::SIGCHLD)),
                ("clone3", libc::SYS_clone3, first(0)),
                ("size of the window", libc::SYS_ioctl, [0, libc::TIOCGWINSZ, 0, 0, 0, 0]),
                ("typing", libc::SYS_ioctl, [0, libc::TIOCSTI, 0, 0, 0, 0]),
                (
                    "typing, by a long number",
                    libc::SYS_ioctl,
                    [0, libc::TIOCSTI | 1 << 40, 0, 0, 0, 0],
                ),
            ],
            expect![[r#"
                fork: allowed
                thread: allowed
                namespace: Os { code: 1, kind: PermissionDenied, message: "Operation not permitted" }
                clone3: Os { code: 38, kind: Unsupported, message: "Function not implemented" }
                size of the window: allowed
                typing: Os { code: 1, kind: PermissionDenied, message: "Operation not permitted" }
                typing, by a long number: Os { code: 1, kind: PermissionDenied, message: "Operation not permitted" }
            "#]],
        );
    }

    #[test]
    fn each_call_of_the_list_is_refused_and_no_other_way_leads_to_it() {
        let program = program(Company::AmongOthers);
        for call in NEVER.iter().chain(TRACING) {
            let answer = run(&program, ARCHITECTURE, *call as u32, [0; 6]);
            assert_eq!(answer, error(libc::EPERM), "call {call}");
            if cfg!(target_arch = "x86_64") {
                let x32 = run(&program, ARCHITECTURE, *call as u32 | X32, [0; 6]);
                assert_eq!(x32, error(libc::EPERM), "x32 call {call}");
            }
        }
        let i386 = run(&program, 0x4000_0003, 4, [0; 6]);
        assert_eq!(i386, libc::SECCOMP_RET_KILL_PROCESS);
    }
}
