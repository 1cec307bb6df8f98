//! What the header of a GGUF file says.

use std::collections::BTreeMap;

use crate::models::gguf::Element;

/// All that stands before the weights. Of long lists only the length is kept: a vocabulary alone
/// would be megabytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) metadata: BTreeMap<String, Value>,
    pub(crate) tensors: Vec<Tensor>,
    /// Where the weights begin.
    pub(crate) data: u64,
}

/// A metadata value. What width a number was written with makes no difference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Whole(i128),
    Real(f64),
    Switch(bool),
    Text(String),
    /// A short list of numbers or switches, such as one for each layer.
    Numbers(Vec<f64>),
    /// A list whose elements are not kept.
    List {
        of: &'static str,
        count: u64,
    },
    /// A text that is too long to be kept.
    Long {
        bytes: u64,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) elements: u64,
    /// `None` if it is of a type that is newer than we are.
    pub(crate) element: Option<Element>,
    /// From where the weights begin.
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl Header {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn whole(&self, key: &str) -> Option<u64> {
        match self.metadata.get(key)? {
            Value::Whole(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A list of numbers, or a number that stands for each of a list.
    pub(crate) fn numbers(&self, key: &str) -> Option<Vec<u64>> {
        match self.metadata.get(key)? {
            Value::Numbers(numbers) => Some(numbers.iter().map(|it| *it as u64).collect()),
            Value::Whole(number) => Some(vec![u64::try_from(*number).ok()?]),
            _ => None,
        }
    }

    pub(crate) fn architecture(&self) -> Option<&str> {
        self.text("general.architecture")
    }

    /// `llama.context_length` and the like: keys that begin with the architecture.
    pub(crate) fn own(&self, key: &str) -> Option<u64> {
        self.whole(&format!("{}.{key}", self.architecture()?))
    }

    pub(crate) fn own_numbers(&self, key: &str) -> Option<Vec<u64>> {
        self.numbers(&format!("{}.{key}", self.architecture()?))
    }

    /// Tokens in the vocabulary.
    pub(crate) fn vocabulary(&self) -> Option<u64> {
        match self.metadata.get("tokenizer.ggml.tokens") {
            Some(Value::List { count, .. }) => Some(*count),
            Some(Value::Numbers(numbers)) => Some(numbers.len() as u64),
            _ => self.own("vocab_size"),
        }
    }

    pub(crate) fn parameters(&self) -> u64 {
        self.tensors.iter().fold(0, |all, it| all.saturating_add(it.elements))
    }

    /// The bytes of all weights in this file.
    pub(crate) fn weights(&self) -> u64 {
        self.tensors.iter().fold(0, |all, it| all.saturating_add(it.bytes))
    }
}
