//! The memory of this machine, as its files tell it.

use std::path::Path;

/// Bytes of memory, and graphics cards with memory of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Machine {
    pub(crate) memory: u64,
    pub(crate) available: u64,
    pub(crate) cards: Vec<Card>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Card {
    pub(crate) name: String,
    pub(crate) memory: u64,
    pub(crate) available: u64,
}

impl Machine {
    /// Reads what lies below `root`, which is `/` but in tests.
    pub(crate) fn look(root: &Path) -> Self {
        let (memory, available) = memory(root).unwrap_or_default();
        let (memory, available) = match limit(root) {
            Some((most, used)) if most < memory => (most, available.min(most.saturating_sub(used))),
            _ => (memory, available),
        };
        Self { memory, available, cards: cards(root) }
    }

    /// The memory of all cards together, less what each keeps for itself.
    pub(crate) fn on_cards(&self) -> u64 {
        const KEPT: u64 = 1 << 30;
        self.cards.iter().fold(0, |all, it| all.saturating_add(it.memory.saturating_sub(KEPT)))
    }

    /// What a model may take of the memory, when nothing else is large: the system needs some.
    pub(crate) fn in_memory(&self) -> u64 {
        const KEPT: u64 = 2 << 30;
        self.memory.saturating_sub(KEPT.min(self.memory / 4))
    }

    /// What `nvidia-smi --query-gpu=name,memory.total,memory.free --format=csv,noheader,nounits`
    /// prints: a card a line, in MiB.
    pub(crate) fn nvidia(text: &str) -> Vec<Card> {
        let card = |line: &str| {
            let mut fields = line.rsplitn(3, ',').map(str::trim);
            let (free, total, name) = (fields.next()?, fields.next()?, fields.next()?);
            let bytes = |it: &str| it.parse::<u64>().ok().map(|it| it << 20);
            Some(Card { name: name.to_owned(), memory: bytes(total)?, available: bytes(free)? })
        };
        text.lines().filter_map(card).collect()
    }
}

fn memory(root: &Path) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let bytes = |name: &str| {
        let line = text.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    };
    Some((bytes("MemTotal")?, bytes("MemAvailable").unwrap_or(0)))
}

/// The narrowest limit of the control groups that we are in, and what is used of it.
fn limit(root: &Path) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let base = root.join("sys/fs/cgroup");
    let number = |path: &Path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let mut narrowest: Option<(u64, u64)> = None;
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (top, most, used) = match controllers {
            "" => (base.clone(), "memory.max", "memory.current"),
            it if it.split(',').any(|it| it == "memory") => {
                (base.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => continue,
        };
        let mut folder = top.join(group.trim_start_matches('/'));
        while folder.starts_with(&top) {
            if let Some(most) = number(&folder.join(most))
                && narrowest.is_none_or(|it| most < it.0)
            {
                narrowest = Some((most, number(&folder.join(used)).unwrap_or(0)));
            }
            if !folder.pop() {
                break;
            }
        }
    }
    narrowest
}

/// Cards whose driver tells by files.
fn cards(root: &Path) -> Vec<Card> {
    let drm = root.join("sys/class/drm");
    let entries = drm.read_dir().into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|it| it.file_name().into_string().ok()).collect();
    // `card0` is one, `card0-HDMI-A-1` a plug of it.
    names.retain(|it| it.strip_prefix("card").is_some_and(|it| it.parse::<u32>().is_ok()));
    names.sort();
    let card = |name: String| {
        let device = drm.join(&name).join("device");
        let read =
            |it: &str| std::fs::read_to_string(device.join(it)).ok()?.trim().parse::<u64>().ok();
        let memory = read("mem_info_vram_total")?;
        let used = read("mem_info_vram_used").unwrap_or(0);
        Some(Card { name, memory, available: memory.saturating_sub(used) })
    };
    names.into_iter().filter_map(card).collect()
}
