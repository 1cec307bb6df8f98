//! Where an answer goes, and the first reason why it could not get there.

use std::io::{Error, ErrorKind, Write};

pub(super) struct Outlet {
    stream: Box<dyn Write>,
    trouble: Option<Error>,
    /// Nobody reads any more.
    gone: bool,
}

impl Outlet {
    pub(super) fn new(stream: Box<dyn Write>) -> Self {
        Self { stream, trouble: None, gone: false }
    }

    pub(super) fn write(&mut self, text: &str) {
        let written = self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.flush());
        match written {
            Err(err) if err.kind() == ErrorKind::BrokenPipe => self.gone = true,
            Err(err) if self.trouble.is_none() => self.trouble = Some(err),
            _ => {}
        }
    }

    /// Whether the reader has gone, and what is still to come is for nobody.
    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Why something is missing from what was written; told once. A reader that has heard enough
    /// misses nothing.
    pub(super) fn trouble(&mut self) -> Option<Error> {
        self.trouble.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_could_not_be_written_is_told_once() {
        let mut outlet = Outlet::new(Box::new(Broken(ErrorKind::StorageFull)));
        outlet.write("an answer");
        assert_eq!(outlet.trouble().map(|it| it.kind()), Some(ErrorKind::StorageFull));
        assert!(outlet.trouble().is_none());
    }

    #[test]
    fn a_reader_that_has_heard_enough_is_no_trouble() {
        let mut outlet = Outlet::new(Box::new(Broken(ErrorKind::BrokenPipe)));
        outlet.write("an answer");
        assert!(outlet.trouble().is_none());
    }
}
