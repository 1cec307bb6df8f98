//! Writes GGUF files: metadata first, then tensors, row by row, so that a file of any size needs
//! the memory of one row.

use std::io::{self, Write};

/// A metadata value, in the types that are written here.
#[derive(Clone, Debug)]
pub(in crate::models) enum Value {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    I32s(Vec<i32>),
}

/// A tensor whose rows are made when they are written.
pub(in crate::models) struct Tensor<'a> {
    pub(in crate::models) name: String,
    pub(in crate::models) encoding: Encoding,
    /// Elements in a row.
    pub(in crate::models) width: u64,
    pub(in crate::models) rows: u64,
    /// Appends the bytes of a row.
    pub(in crate::models) row: &'a dyn Fn(u64, &mut Vec<u8>),
}

/// How the elements of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::models) enum Encoding {
    F32,
    /// Blocks of 32 elements: a half-precision scale, then four bits an element.
    Q4,
}

const VERSION: u32 = 3;
/// Where data may begin: the value readers assume when a file does not say.
const ALIGNMENT: u64 = 32;

/// Writes a whole file.
pub(in crate::models) fn write(
    out: &mut dyn Write,
    metadata: &[(&str, Value)],
    tensors: &[Tensor<'_>],
) -> io::Result<()> {
    let header = header(metadata, tensors);
    out.write_all(&header)?;
    out.write_all(padding(header.len() as u64))?;
    let mut row = Vec::new();
    for tensor in tensors {
        for index in 0..tensor.rows {
            row.clear();
            (tensor.row)(index, &mut row);
            if row.len() as u64 != tensor.row_size() {
                return Err(io::Error::other(format!("row {index} of {} is odd", tensor.name)));
            }
            out.write_all(&row)?;
        }
        out.write_all(padding(tensor.size()))?;
    }
    Ok(())
}

fn header(metadata: &[(&str, Value)], tensors: &[Tensor<'_>]) -> Vec<u8> {
    let mut header = b"GGUF".to_vec();
    header.extend(VERSION.to_le_bytes());
    push_count(&mut header, tensors.len());
    push_count(&mut header, metadata.len());
    for (key, value) in metadata {
        push_text(&mut header, key);
        value.push(&mut header);
    }
    let mut offset = 0;
    for tensor in tensors {
        push_text(&mut header, &tensor.name);
        let dimensions = if tensor.rows == 1 { 1 } else { 2 };
        header.extend(u32::to_le_bytes(dimensions));
        header.extend(tensor.width.to_le_bytes());
        if dimensions == 2 {
            header.extend(tensor.rows.to_le_bytes());
        }
        header.extend(tensor.encoding.id().to_le_bytes());
        header.extend(u64::to_le_bytes(offset));
        offset += tensor.size().next_multiple_of(ALIGNMENT);
    }
    header
}

/// The zeros between `size` bytes and the next aligned place.
fn padding(size: u64) -> &'static [u8] {
    let missing = size.next_multiple_of(ALIGNMENT) - size;
    &[0; ALIGNMENT as usize][..missing as usize]
}

fn push_count(out: &mut Vec<u8>, count: usize) {
    out.extend((count as u64).to_le_bytes());
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push_count(out, text.len());
    out.extend(text.as_bytes());
}

impl Tensor<'_> {
    fn row_size(&self) -> u64 {
        match self.encoding {
            Encoding::F32 => self.width * 4,
            Encoding::Q4 => self.width / 32 * 18,
        }
    }

    fn size(&self) -> u64 {
        self.rows * self.row_size()
    }
}

impl Encoding {
    /// The number that stands for it in a file.
    fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::Q4 => 2,
        }
    }
}

impl Value {
    /// Appends the number of its type and its bytes.
    fn push(&self, out: &mut Vec<u8>) {
        const U32: u32 = 4;
        const I32: u32 = 5;
        const F32: u32 = 6;
        const BOOL: u32 = 7;
        const TEXT: u32 = 8;
        const ARRAY: u32 = 9;
        let mut push_type = |ids: &[u32]| ids.iter().for_each(|it| out.extend(it.to_le_bytes()));
        match self {
            Self::U32(value) => {
                push_type(&[U32]);
                out.extend(value.to_le_bytes());
            }
            Self::F32(value) => {
                push_type(&[F32]);
                out.extend(value.to_le_bytes());
            }
            Self::Bool(value) => {
                push_type(&[BOOL]);
                out.push(u8::from(*value));
            }
            Self::Text(value) => {
                push_type(&[TEXT]);
                push_text(out, value);
            }
            Self::Texts(values) => {
                push_type(&[ARRAY, TEXT]);
                push_count(out, values.len());
                values.iter().for_each(|it| push_text(out, it));
            }
            Self::I32s(values) => {
                push_type(&[ARRAY, I32]);
                push_count(out, values.len());
                values.iter().for_each(|it| out.extend(it.to_le_bytes()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(metadata: &[(&str, Value)], tensors: &[Tensor<'_>], expected: Expect) {
        let mut file = Vec::new();
        write(&mut file, metadata, tensors).unwrap();
        let lines = file.chunks(16).map(|it| it.escape_ascii().to_string());
        expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn an_empty_file_is_a_padded_header() {
        check(
            &[],
            &[],
            expect![[r"
            GGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"]],
        );
    }

    #[test]
    fn values_carry_their_type() {
        let values = [
            ("n", Value::U32(7)),
            ("x", Value::F32(1.0)),
            ("b", Value::Bool(true)),
            ("s", Value::Text("hi".to_owned())),
            ("a", Value::Texts(vec!["x".to_owned()])),
            ("i", Value::I32s(vec![-1])),
        ];
        check(
            &values,
            &[],
            expect![[r#"
            GGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
            \x06\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00
            n\x04\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00
            \x00x\x06\x00\x00\x00\x00\x00\x80?\x01\x00\x00\x00\x00\x00
            \x00\x00b\x07\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00
            s\x08\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00hi\x01
            \x00\x00\x00\x00\x00\x00\x00a\t\x00\x00\x00\x08\x00\x00\x00
            \x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00
            x\x01\x00\x00\x00\x00\x00\x00\x00i\t\x00\x00\x00\x05\x00
            \x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00"#]],
        );
    }

    #[test]
    fn tensors_stand_at_aligned_places() {
        let ones = |_, row: &mut Vec<u8>| row.extend(1f32.to_le_bytes());
        let block = |index, row: &mut Vec<u8>| row.extend([b'0' + index as u8; 18]);
        let tensors = [
            Tensor {
                name: "one".to_owned(),
                encoding: Encoding::F32,
                width: 1,
                rows: 1,
                row: &ones,
            },
            Tensor {
                name: "q".to_owned(),
                encoding: Encoding::Q4,
                width: 32,
                rows: 2,
                row: &block,
            },
        ];
        check(
            &[],
            &tensors,
            expect![[r#"
            GGUF\x03\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00
            \x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00
            one\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00
            \x00\x00\x00q\x02\x00\x00\x00 \x00\x00\x00\x00\x00\x00\x00
            \x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00 \x00\x00\x00
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
            \x00\x00\x80?\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
            0000000000000000
            0011111111111111
            1111\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
            \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"#]],
        );
    }

    #[test]
    fn a_row_of_the_wrong_length_is_refused() {
        let nothing = |_, _: &mut Vec<u8>| {};
        let name = "t".to_owned();
        let tensor = Tensor { name, encoding: Encoding::F32, width: 1, rows: 1, row: &nothing };
        let error = write(&mut Vec::new(), &[], &[tensor]).unwrap_err();
        expect!["row 0 of t is odd"].assert_eq(&error.to_string());
    }
}
