//! Each test is a run of events and the lines they make.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;

#[derive(Clone, Default)]
struct Paper(Rc<RefCell<String>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self.0.borrow_mut() += std::str::from_utf8(bytes).unwrap();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn json(out: Box<dyn Write>, notes: Box<dyn Write>) -> Json {
    let opening = Opening {
        session: "s".to_owned(),
        project: "/p".to_owned(),
        permission: "auto".to_owned(),
        tools: Vec::new(),
    };
    Json::new(JsonForm::Stream, out, notes, opening)
}

#[test]
fn lines_that_could_not_be_written_are_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut json = json(Box::new(Full), Box::new(Paper::default()));
    assert!(json.trouble().is_none());
    json.finish(None, Duration::ZERO);
    assert_eq!(json.trouble().map(|it| it.kind()), Some(std::io::ErrorKind::StorageFull));
}
