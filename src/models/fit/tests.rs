//! The arithmetic, against what servers were seen to take.

use expect_test::{Expect, expect};

use crate::models::fit::{Form, Machine, Place, Wish, longest, need, place};
use crate::models::gguf::{Element, Header, Value};

const MIB: u64 = 1 << 20;

/// A header with these keys of its architecture: a number, or a list of them.
fn header(architecture: &str, keys: &[(&str, &[u64])]) -> Header {
    let mut header = Header::default();
    let name = Value::Text(architecture.to_owned());
    header.metadata.insert("general.architecture".to_owned(), name);
    for (key, numbers) in keys {
        let value = match numbers {
            [one] => Value::Whole((*one).into()),
            many => Value::Numbers(many.iter().map(|it| *it as f64).collect()),
        };
        header.metadata.insert(format!("{architecture}.{key}"), value);
    }
    header
}

fn wish(context: u64, element: &str) -> Wish {
    let element = Element::named(element).unwrap();
    Wish { key: element, value: element, ..Wish::usual(context) }
}

/// MiB of the cache and KiB of states with contexts of 4k, 32k and 128k.
#[track_caller]
fn check(architecture: &str, keys: &[(&str, &[u64])], element: &str, expected: Expect) {
    let form = Form::of(&header(architecture, keys)).unwrap();
    let told = [4096, 32768, 131_072].map(|context| {
        let need = need(&form, &wish(context, element));
        format!("{} MiB + {} KiB", need.cache as f64 / MIB as f64, need.state / 1024)
    });
    expected.assert_eq(&told.join(", "));
}

/// The shape of a model with 30 B parameters, 3 B of them used at a time.
const DENSE: &[(&str, &[u64])] = &[
    ("block_count", &[48]),
    ("embedding_length", &[2048]),
    ("context_length", &[262_144]),
    ("attention.head_count", &[32]),
    ("attention.head_count_kv", &[4]),
    ("attention.key_length", &[128]),
    ("attention.value_length", &[128]),
];

#[test]
fn the_cache_is_what_a_real_server_was_seen_to_take() {
    let form = Form::of(&header("qwen3moe", DENSE)).unwrap();
    let seen = |element: &str| {
        let cache = |context| need(&form, &wish(context, element)).cache / MIB;
        [32 << 10, 128 << 10, 256 << 10].map(cache)
    };
    assert_eq!(seen("f16"), [3072, 12288, 24576]);
    assert_eq!(seen("q8_0"), [1632, 6528, 13056]);
}

#[test]
fn a_window_does_not_grow_with_the_context() {
    let keys = [DENSE, &[("attention.sliding_window", &[128]), ("block_count", &[24])]].concat();
    check("gpt-oss", &keys, "f16", expect!["114 MiB + 0 KiB, 786 MiB + 0 KiB, 3090 MiB + 0 KiB"]);
    check("gemma3", &keys, "f16", expect!["62 MiB + 0 KiB, 286 MiB + 0 KiB, 1054 MiB + 0 KiB"]);
    let each = [&keys[..], &[("attention.sliding_window_pattern", &[1, 0]), ("block_count", &[2])]];
    check(
        "gemma4",
        &each.concat(),
        "f16",
        expect!["9.5 MiB + 0 KiB, 65.5 MiB + 0 KiB, 257.5 MiB + 0 KiB"],
    );
}

#[test]
fn layers_that_keep_a_state_have_no_cache() {
    let mixed = [
        DENSE,
        &[
            ("full_attention_interval", &[4]),
            ("ssm.conv_kernel", &[4]),
            ("ssm.inner_size", &[4096]),
            ("ssm.state_size", &[128]),
            ("ssm.group_count", &[16]),
        ],
    ];
    check(
        "qwen35moe",
        &mixed.concat(),
        "f16",
        expect!["96 MiB + 77184 KiB, 768 MiB + 77184 KiB, 3072 MiB + 77184 KiB"],
    );
    let heads: &[u64] = &[0, 4, 0];
    let by_layer =
        [&mixed.concat()[..], &[("block_count", &[3]), ("attention.head_count_kv", heads)]];
    check(
        "granitehybrid",
        &by_layer.concat(),
        "f16",
        expect!["0 MiB + 6432 KiB, 0 MiB + 6432 KiB, 0 MiB + 6432 KiB"],
    );
}

#[test]
fn a_compressed_cache_is_one_for_all_heads() {
    let keys = [
        DENSE,
        &[
            ("attention.kv_lora_rank", &[512]),
            ("attention.key_length_mla", &[192]),
            ("rope.dimension_count", &[64]),
        ],
    ];
    check(
        "deepseek2",
        &keys.concat(),
        "f16",
        expect!["216 MiB + 0 KiB, 1728 MiB + 0 KiB, 6912 MiB + 0 KiB"],
    );
}

#[test]
fn layers_that_only_guess_ahead_are_not_counted() {
    let keys = [DENSE, &[("nextn_predict_layers", &[1]), ("block_count", &[49])]].concat();
    check("qwen3moe", &keys, "q4_0", expect!["108 MiB + 0 KiB, 864 MiB + 0 KiB, 3456 MiB + 0 KiB"]);
}

#[test]
fn a_header_that_says_absurd_things_is_no_crash() {
    let keys = [
        ("block_count", &[u64::MAX][..]),
        ("embedding_length", &[u64::MAX]),
        ("attention.head_count", &[0]),
        ("attention.head_count_kv", &[u64::MAX]),
        ("attention.key_length", &[u64::MAX]),
        ("nextn_predict_layers", &[3]),
    ];
    let form = Form::of(&header("x", &keys)).unwrap();
    assert_eq!(need(&form, &wish(u64::MAX, "f16")).total(), u64::MAX);
    assert_eq!(longest(&form, &wish(4096, "f16"), &Machine::default()), None);
}

fn machine(files: &[(&str, &str)]) -> Machine {
    let temp = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = temp.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Machine::look(temp.path())
}

const MEMINFO: (&str, &str) =
    ("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1 kB\nMemAvailable:    8388608 kB\n");

#[test]
fn a_machine_is_what_its_files_say() {
    let told = |it: &Machine| {
        let cards = it
            .cards
            .iter()
            .map(|it| format!(", {} {}/{}", it.name, it.available >> 20, it.memory >> 20));
        format!("{}/{} MiB{}", it.available >> 20, it.memory >> 20, cards.collect::<String>())
    };
    assert_eq!(told(&machine(&[])), "0/0 MiB");
    assert_eq!(told(&machine(&[MEMINFO])), "8192/16384 MiB");
    let limited = [
        MEMINFO,
        ("proc/self/cgroup", "0::/user/box\n"),
        ("sys/fs/cgroup/user/box/memory.max", "max\n"),
        ("sys/fs/cgroup/user/memory.max", "4294967296\n"),
        ("sys/fs/cgroup/user/memory.current", "1073741824\n"),
    ];
    assert_eq!(told(&machine(&limited)), "3072/4096 MiB");
    let old = [
        MEMINFO,
        ("proc/self/cgroup", "4:cpu:/x\n3:memory:/y\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648"),
    ];
    assert_eq!(told(&machine(&old)), "2048/2048 MiB");
    let card = [
        MEMINFO,
        ("sys/class/drm/card1/device/mem_info_vram_total", "8589934592\n"),
        ("sys/class/drm/card1/device/mem_info_vram_used", "1073741824\n"),
        ("sys/class/drm/card1-DP-1/device/mem_info_vram_total", "1"),
        ("sys/class/drm/renderD128/device/mem_info_vram_total", "1"),
    ];
    assert_eq!(told(&machine(&card)), "8192/16384 MiB, card1 7168/8192");
    let cards = Machine::nvidia("NVIDIA RTX, the large, 24576, 20000\nodd\n");
    assert_eq!((cards.len(), cards[0].name.as_str()), (1, "NVIDIA RTX, the large"));
}

#[test]
fn a_model_lies_where_it_fits_best() {
    let form = |weights: u64| {
        let mut form = Form::of(&header("qwen3moe", DENSE)).unwrap();
        form.weights = weights << 30;
        form
    };
    let mut machine = machine(&[MEMINFO]);
    let told = |form: &Form, machine: &Machine| {
        let place = place(need(form, &Wish::usual(8192)), machine);
        (place, longest(form, &Wish::usual(8192), machine))
    };
    assert_eq!(told(&form(8), &machine).0, Place::Memory);
    assert_eq!(told(&form(20), &machine), (Place::Nowhere, None));
    machine.cards = Machine::nvidia("a, 12288, 12288");
    assert_eq!(told(&form(8), &machine).0, Place::Cards);
    let (place, longest) = told(&form(20), &machine);
    assert_eq!((place, longest.is_some_and(|it| it < 262_144)), (Place::Both, true));
}

/// A file may say anything.
#[test]
fn numbers_that_no_model_has_come_to_no_end() {
    const MOST: &[u64] = &[u64::MAX];
    let compressed: &[(&str, &[u64])] = &[
        ("block_count", &[2]),
        ("embedding_length", MOST),
        ("attention.kv_lora_rank", MOST),
        ("attention.key_length_mla", &[1]),
        ("rope.dimension_count", MOST),
    ];
    let plain: &[(&str, &[u64])] = &[
        ("block_count", &[2]),
        ("embedding_length", MOST),
        ("attention.head_count", &[1]),
        ("attention.head_count_kv", MOST),
        ("attention.key_length", &[2]),
        ("attention.value_length", &[2]),
    ];
    for keys in [compressed, plain] {
        let form = Form::of(&header("deepseek2", keys)).unwrap();
        assert!((1 << 50) < need(&form, &wish(131_072, "f16")).total());
    }
}
