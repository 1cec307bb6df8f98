//! A stream that tests can read while another writes it.

use std::cell::RefCell;
use std::io::{Result, Write};
use std::rc::Rc;

#[derive(Clone, Default)]
pub(super) struct Paper(pub(super) Rc<RefCell<String>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        *self.0.borrow_mut() += std::str::from_utf8(bytes).unwrap();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
