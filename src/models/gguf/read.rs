//! Reads the header of a GGUF file from bytes that come piece by piece.
//!
//! The bytes are a stranger's. Nothing is allocated because a file says so: what is kept is bounded,
//! what is not kept is passed over where it stands, and what cannot be is told with its place.

mod item;

use std::fmt;

use crate::models::gguf::{Element, Header, Tensor, Value};
use item::{Cursor, Kind, Short};

/// More than this no model has; a file that says so is damaged or a trap.
const MOST_KEYS: u64 = 1 << 16;
const MOST_TENSORS: u64 = 1 << 16;
const MOST_ELEMENTS: u64 = 1 << 22;
const MOST_NAME: u64 = 1 << 16;
/// Of numbers in a list that is kept.
const MOST_NUMBERS: u64 = 1 << 10;
/// Bytes of a text that is kept. The longest templates have a tenth of that.
const MOST_TEXT: u64 = 1 << 20;
/// All texts and names together.
const MOST_KEPT: u64 = 6 << 20;

/// What is wrong with a header, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) at: u64,
}

/// What comes of some more bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// At least so many more are needed.
    NeedsMore(u64),
    /// So many bytes are of no interest and need not be handed in: go on behind them.
    Skip(u64),
    Done(Box<Header>),
}

/// Where the reading of a header stands.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The size of the whole file, if it is known.
    size: Option<u64>,
    /// Bytes that came and were not understood yet; they stand at `at`.
    waiting: Vec<u8>,
    at: u64,
    stage: Stage,
    keys: u64,
    tensors: u64,
    kept: u64,
    alignment: u64,
    header: Header,
}

#[derive(Debug)]
enum Stage {
    Start,
    Metadata,
    /// Texts of a list that are passed over: so many are left.
    Texts(u64),
    /// Bytes that are passed over: so many are left, and then so many texts of a list.
    Over(u64, u64),
    Tensors,
    Done,
}

impl Reader {
    pub(crate) fn new(size: Option<u64>) -> Self {
        Self {
            size,
            waiting: Vec::new(),
            at: 0,
            stage: Stage::Start,
            keys: 0,
            tensors: 0,
            kept: 0,
            alignment: 32,
            header: Header::default(),
        }
    }

    /// What was understood so far.
    pub(crate) fn so_far(&self) -> &Header {
        &self.header
    }

    /// Takes the bytes that come next. After `Step::Skip` these are the ones behind the gap.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        self.waiting.extend_from_slice(bytes);
        let waiting = std::mem::take(&mut self.waiting);
        let mut used = 0;
        let step = loop {
            let mut cursor = Cursor::new(&waiting[used..], self.at);
            let read = self.one(&mut cursor);
            let taken = cursor.used();
            match read {
                // What was begun is read again from its start when there is more of it.
                Err(Short::Bytes(missing)) => break self.wait(missing, waiting.len() - used),
                Err(Short::Fault(fault)) => break Err(fault),
                Ok(()) => {
                    used += taken;
                    self.at += taken as u64;
                }
            }
            if let Stage::Over(bytes, texts) = self.stage {
                let here = bytes.min((waiting.len() - used) as u64);
                used += here as usize;
                self.at += bytes;
                self.stage = if texts == 0 { Stage::Metadata } else { Stage::Texts(texts) };
                if here < bytes {
                    break Ok(Step::Skip(bytes - here));
                }
            }
            if let Stage::Done = self.stage {
                break self.finish().map(|it| Step::Done(Box::new(it)));
            }
        };
        self.waiting = waiting[used..].to_vec();
        step
    }

    fn wait(&self, missing: u64, have: usize) -> Result<Step, Fault> {
        let end = self.at.saturating_add(have as u64).saturating_add(missing);
        match self.size {
            Some(size) if size < end => Err(self.fault_at(size, "the header is cut off")),
            _ => Ok(Step::NeedsMore(missing)),
        }
    }

    /// Reads the next thing, whole or not at all.
    fn one(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Short> {
        match self.stage {
            Stage::Start => self.start(cursor),
            Stage::Metadata if self.keys == 0 => {
                self.stage = Stage::Tensors;
                self.settle_alignment(cursor.at())
            }
            Stage::Metadata => self.entry(cursor),
            Stage::Texts(left) => self.pass_texts(cursor, left),
            Stage::Tensors if self.tensors == 0 => {
                self.stage = Stage::Done;
                Ok(())
            }
            Stage::Tensors => self.tensor(cursor),
            Stage::Over(..) | Stage::Done => Ok(()),
        }
    }

    fn start(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Short> {
        if cursor.bytes(4)? != b"GGUF" {
            return Err(cursor.fault_at(0, "it does not begin like a GGUF file"));
        }
        let version = cursor.u32()?;
        match version {
            2 | 3 => {}
            1 => return Err(cursor.fault_at(4, "it is of version 1, which nothing reads any more")),
            _ if version.swap_bytes() <= 16 && version != 0 => {
                return Err(cursor.fault_at(4, "it was written for a big-endian machine"));
            }
            _ => return Err(cursor.fault_at(4, format!("version {version} is not known"))),
        }
        self.header.version = version;
        self.tensors = cursor.count(MOST_TENSORS, "tensors")?;
        self.keys = cursor.count(MOST_KEYS, "keys")?;
        self.stage = Stage::Metadata;
        Ok(())
    }

    fn entry(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Short> {
        let begin = cursor.at();
        let key = self.name(cursor, "key")?;
        if self.header.metadata.contains_key(&key) {
            return Err(cursor.fault_at(begin, format!("the key {} is there twice", quoted(&key))));
        }
        let kind = cursor.kind(&key)?;
        let mut over = Stage::Metadata;
        let value = match kind {
            Kind::Text => {
                let bytes = cursor.u64()?;
                self.must_hold(cursor, bytes, &key)?;
                if MOST_TEXT < bytes {
                    over = Stage::Over(bytes, 0);
                    Value::Long { bytes }
                } else {
                    Value::Text(String::from_utf8_lossy(cursor.bytes(bytes)?).into_owned())
                }
            }
            Kind::Array => {
                let of = cursor.kind(&key)?;
                let at = cursor.at();
                let count = cursor.u64()?;
                let Some(width) = of.width() else {
                    if let Kind::Array = of {
                        let what = format!("{} is a list of lists", quoted(&key));
                        return Err(cursor.fault_at(at, what));
                    }
                    cursor.is_few(at, count, MOST_ELEMENTS, "elements")?;
                    // Each has its length at least.
                    self.must_hold(cursor, count * 8, &key)?;
                    self.keep(cursor, key, Value::List { of: of.name(), count })?;
                    self.stage = if count == 0 { Stage::Metadata } else { Stage::Texts(count) };
                    return Ok(());
                };
                let bytes = count.saturating_mul(width);
                self.must_hold(cursor, bytes, &key)?;
                cursor.is_few(at, count, MOST_ELEMENTS, "elements")?;
                if count <= MOST_NUMBERS {
                    let numbers = (0..count).map(|_| of.number(cursor));
                    Value::Numbers(numbers.collect::<Result<_, _>>()?)
                } else {
                    over = Stage::Over(bytes, 0);
                    Value::List { of: of.name(), count }
                }
            }
            kind => kind.value(cursor)?,
        };
        self.keep(cursor, key, value)?;
        self.stage = over;
        Ok(())
    }

    fn keep(&mut self, cursor: &Cursor<'_>, key: String, value: Value) -> Result<(), Short> {
        let text = match &value {
            Value::Text(text) => text.len(),
            Value::Numbers(numbers) => numbers.len() * 8,
            _ => 0,
        };
        self.count_kept(cursor, (key.len() + text) as u64)?;
        self.header.metadata.insert(key, value);
        self.keys -= 1;
        Ok(())
    }

    fn count_kept(&mut self, cursor: &Cursor<'_>, bytes: u64) -> Result<(), Short> {
        self.kept += bytes;
        if MOST_KEPT < self.kept {
            return Err(cursor.fault_at(cursor.at(), "no model has so many names and texts"));
        }
        Ok(())
    }

    /// Texts are walked over, as many as are here.
    fn pass_texts(&mut self, cursor: &mut Cursor<'_>, mut left: u64) -> Result<(), Short> {
        left -= cursor.pass_texts(left);
        while 0 < left {
            let before = cursor.used();
            let bytes = match cursor.u64() {
                Ok(bytes) => bytes,
                Err(short) if before == 0 => return Err(short),
                Err(_) => break,
            };
            self.must_hold(cursor, bytes, "a list of texts")?;
            left -= 1;
            if cursor.pass(bytes).is_err() {
                self.stage = Stage::Over(bytes, left);
                return Ok(());
            }
        }
        self.stage = if left == 0 { Stage::Metadata } else { Stage::Texts(left) };
        Ok(())
    }

    fn tensor(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Short> {
        let begin = cursor.at();
        let name = self.name(cursor, "tensor")?;
        let wrong = |cursor: &Cursor<'_>, what: &str| {
            cursor.fault_at(begin, format!("the tensor {} {what}", quoted(&name)))
        };
        let dimensions = cursor.u32()?;
        if !(1..=4).contains(&dimensions) {
            return Err(wrong(cursor, &format!("has {dimensions} dimensions")));
        }
        let (mut elements, mut width) = (1u64, 1);
        for nth in 0..dimensions {
            let size = cursor.u64()?;
            width = if nth == 0 { size } else { width };
            let product = elements.checked_mul(size).filter(|it| *it <= i64::MAX as u64);
            elements = product.ok_or_else(|| wrong(cursor, "has more elements than can be"))?;
        }
        let element = Element::of(cursor.u32()?);
        let offset = cursor.u64()?;
        if !offset.is_multiple_of(self.alignment) {
            return Err(wrong(cursor, "does not begin where tensors may"));
        }
        let bytes = match element {
            None => 0,
            Some(it) if !width.is_multiple_of(it.block) => {
                return Err(wrong(cursor, &format!("has rows of {width}, not whole blocks")));
            }
            Some(it) => (elements / it.block)
                .checked_mul(it.bytes)
                .ok_or_else(|| wrong(cursor, "has more bytes than can be"))?,
        };
        let end = offset.checked_add(bytes).ok_or_else(|| wrong(cursor, "ends past all bounds"))?;
        if self.size.is_some_and(|it| it < end) {
            return Err(wrong(cursor, "ends past the end of the file"));
        }
        self.count_kept(cursor, name.len() as u64)?;
        self.header.tensors.push(Tensor { name, elements, element, offset, bytes });
        self.tensors -= 1;
        Ok(())
    }

    fn settle_alignment(&mut self, at: u64) -> Result<(), Short> {
        let Some(value) = self.header.metadata.get("general.alignment") else { return Ok(()) };
        self.alignment = match value {
            Value::Whole(number @ 1..=0x1000_0000) if (*number as u64).is_power_of_two() => {
                *number as u64
            }
            _ => {
                let what = "`general.alignment` is no power of two".to_owned();
                return Err(Short::Fault(Fault { what, at }));
            }
        };
        Ok(())
    }

    /// All is read: where the weights are, is checked against what there is.
    fn finish(&mut self) -> Result<Header, Fault> {
        let mut header = std::mem::take(&mut self.header);
        header.data = self.at.next_multiple_of(self.alignment);
        sizes_by_gaps(&mut header.tensors, self.size.map(|it| it.saturating_sub(header.data)));
        let Some(size) = self.size else { return Ok(header) };
        let is_past = |it: &&Tensor| size.saturating_sub(header.data) < it.offset + it.bytes;
        if let Some(first) = header.tensors.iter().find(is_past) {
            let name = quoted(&first.name);
            return Err(
                self.fault_at(size, &format!("the file ends before the tensor {name} does"))
            );
        }
        Ok(header)
    }

    fn name(&self, cursor: &mut Cursor<'_>, of: &str) -> Result<String, Short> {
        let at = cursor.at();
        let bytes = cursor.u64()?;
        self.must_hold(cursor, bytes, of)?;
        cursor.is_few(at, bytes, MOST_NAME, &format!("letters in the name of a {of}"))?;
        let name = std::str::from_utf8(cursor.bytes(bytes)?);
        let name =
            name.map_err(|_| cursor.fault_at(at, format!("the name of a {of} is no text")))?;
        if name.is_empty() {
            return Err(cursor.fault_at(at, format!("a {of} has no name")));
        }
        Ok(name.to_owned())
    }

    /// That so many bytes can follow at all.
    fn must_hold(&self, cursor: &Cursor<'_>, bytes: u64, what: &str) -> Result<(), Short> {
        let end = cursor.at().checked_add(bytes);
        match (end, self.size) {
            (Some(end), Some(size)) if end <= size => Ok(()),
            (Some(end), None) if end <= i64::MAX as u64 => Ok(()),
            _ => Err(cursor.fault_at(
                cursor.at(),
                format!("{} is said to have {bytes} bytes, more than follow", quoted(what)),
            )),
        }
    }

    fn fault_at(&self, at: u64, what: &str) -> Fault {
        Fault { what: what.to_owned(), at }
    }
}

/// Of a tensor whose type is not known, what lies between it and the next.
fn sizes_by_gaps(tensors: &mut [Tensor], end: Option<u64>) {
    if tensors.iter().all(|it| it.element.is_some()) {
        return;
    }
    let mut starts: Vec<_> = tensors.iter().map(|it| it.offset).chain(end).collect();
    starts.sort_unstable();
    for tensor in tensors.iter_mut().filter(|it| it.element.is_none()) {
        let next = starts.partition_point(|it| *it <= tensor.offset);
        tensor.bytes = starts.get(next).map_or(0, |it| it - tensor.offset);
    }
}

/// A stranger's name, short.
fn quoted(name: &str) -> String {
    const MOST: usize = 60;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("`{}…`", &name[..end]),
        None => format!("`{name}`"),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.what, self.at)
    }
}

impl std::error::Error for Fault {}
