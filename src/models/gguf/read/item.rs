//! Single numbers and texts of a header, at the place they stand.

use crate::models::gguf::{Fault, Value};

/// Why something could not be read.
#[derive(Debug)]
pub(super) enum Short {
    /// So many bytes are missing.
    Bytes(u64),
    Fault(Fault),
}

#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    used: usize,
    /// Where in the file `bytes` begins.
    begin: u64,
}

/// The type of a metadata value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    Array,
    U64,
    I64,
    F64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], begin: u64) -> Self {
        Self { bytes, used: 0, begin }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn at(&self) -> u64 {
        self.begin + self.used as u64
    }

    pub(super) fn fault_at(&self, at: u64, what: impl Into<String>) -> Short {
        Short::Fault(Fault { what: what.into(), at })
    }

    pub(super) fn bytes(&mut self, count: u64) -> Result<&'a [u8], Short> {
        let left = &self.bytes[self.used..];
        match usize::try_from(count).ok().and_then(|it| left.get(..it)) {
            Some(bytes) => {
                self.used += bytes.len();
                Ok(bytes)
            }
            None => Err(Short::Bytes(count - left.len() as u64)),
        }
    }

    /// Goes over so many bytes, if all of them are here.
    pub(super) fn pass(&mut self, count: u64) -> Result<(), Short> {
        self.bytes(count).map(|_| ())
    }

    /// Goes over texts that are here whole, at most so many; how many they were. There are hundreds of
    /// thousands, so nothing else is done for each.
    pub(super) fn pass_texts(&mut self, most: u64) -> u64 {
        let (mut left, mut passed) = (&self.bytes[self.used..], 0);
        while passed < most {
            let Some((length, rest)) = left.split_first_chunk::<8>() else { break };
            let length = u64::from_le_bytes(*length);
            if (rest.len() as u64) < length {
                break;
            }
            left = &rest[length as usize..];
            passed += 1;
        }
        self.used = self.bytes.len() - left.len();
        passed
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        Ok(self.bytes(N as u64)?.try_into().expect("it has the length that was asked for"))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Short> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of things, of which there are never more than `most`.
    pub(super) fn count(&mut self, most: u64, of: &str) -> Result<u64, Short> {
        let at = self.at();
        let count = self.u64()?;
        self.is_few(at, count, most, of)?;
        Ok(count)
    }

    pub(super) fn is_few(&self, at: u64, count: u64, most: u64, of: &str) -> Result<(), Short> {
        if most < count {
            return Err(self.fault_at(at, format!("no model has {count} {of}")));
        }
        Ok(())
    }

    pub(super) fn kind(&mut self, key: &str) -> Result<Kind, Short> {
        let at = self.at();
        let number = self.u32()?;
        let known = Kind::ALL.get(number as usize).copied();
        known.ok_or_else(|| {
            let what = format!("{} has a value of type {number}", super::quoted(key));
            self.fault_at(at, format!("{what}, which there is not"))
        })
    }
}

impl Kind {
    /// In the order of the numbers that stand for them.
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Text,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    /// Bytes of one value, where all have the same.
    pub(super) fn width(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::Array => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "switch",
            Self::F32 | Self::F64 => "real",
            Self::Array => "list",
            _ => "whole",
        }
    }

    /// A value that is neither a text nor a list.
    pub(super) fn value(self, cursor: &mut Cursor<'_>) -> Result<Value, Short> {
        Ok(match self {
            Self::U8 => Value::Whole(cursor.array::<1>()?[0].into()),
            Self::I8 => Value::Whole(i8::from_le_bytes(cursor.array()?).into()),
            Self::U16 => Value::Whole(u16::from_le_bytes(cursor.array()?).into()),
            Self::I16 => Value::Whole(i16::from_le_bytes(cursor.array()?).into()),
            Self::U32 => Value::Whole(cursor.u32()?.into()),
            Self::I32 => Value::Whole(i32::from_le_bytes(cursor.array()?).into()),
            Self::U64 => Value::Whole(cursor.u64()?.into()),
            Self::I64 => Value::Whole(i64::from_le_bytes(cursor.array()?).into()),
            Self::F32 => Value::Real(f32::from_le_bytes(cursor.array()?).into()),
            Self::F64 => Value::Real(f64::from_le_bytes(cursor.array()?)),
            Self::Bool => Value::Switch(cursor.array::<1>()?[0] != 0),
            Self::Text | Self::Array => unreachable!("these have a length of their own"),
        })
    }

    /// The same as a number.
    pub(super) fn number(self, cursor: &mut Cursor<'_>) -> Result<f64, Short> {
        Ok(match self.value(cursor)? {
            Value::Whole(number) => number as f64,
            Value::Real(number) => number,
            Value::Switch(on) => f64::from(u8::from(on)),
            _ => 0.0,
        })
    }
}
