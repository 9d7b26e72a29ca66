//! What an error means for the process: its exit code, and a hint for the person who reads it.

/// The exit codes of the program. They are a contract: scripts branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Something that the program does not understand itself.
    Unexpected = 1,
    /// The command line, a file that the user wrote, or the environment is wrong.
    Usage = 2,
    /// Bytes are not what they should be.
    Integrity = 3,
    /// A signature is missing, wrong, or not from a trusted key; or the archive is too old or for another site.
    Trust = 4,
    /// Something that the archive builds on is not there.
    Prerequisite = 5,
    /// Upstream lacks something that is needed.
    Incomplete = 6,
    /// A registry, authentication or the network failed.
    Registry = 7,
    /// No space, or a quota is used up.
    Space = 8,
    /// Catalogs cannot be merged without a decision.
    Conflict = 9,
    /// Differences or findings were reported.
    Findings = 10,
    /// Stopped by the user; the same command goes on where it stopped.
    Interrupted = 130,
}

/// An error that knows what it means for the process.
///
/// Each room's error enum implements this, so that `cli` needs no table of its own.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// The exit code.
    fn exit(&self) -> Exit;

    /// What to do about it, where there is something to say: one sentence, without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any room's fault, for the steps that compose rooms.
pub type AnyFault = Box<dyn Fault>;

impl<F: Fault> From<F> for AnyFault {
    fn from(fault: F) -> Self {
        Box::new(fault)
    }
}

/// The exit code for an I/O error: a full disk is [`Exit::Space`], all else is `otherwise`.
pub fn exit_for_io(error: &std::io::Error, otherwise: Exit) -> Exit {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Exit::Space,
        _ => otherwise,
    }
}
