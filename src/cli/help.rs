//! `help TOPIC`, beside the `help COMMAND` that clap has by itself.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::cli::topics::{TOPICS, Topic};
use crate::finding::nearest;
use crate::text::Safe;

/// The topic that a command line asks for which clap took for the help of a command that there is not; else what is wrong with it.
pub(super) fn topic(error: clap::Error, arguments: &[OsString]) -> Result<&'static Topic, clap::Error> {
    let mut root = Cli::command();
    let Some((name, more)) = asked(&error, arguments, &root) else { return Err(error) };
    match Topic::named(&name) {
        Some(topic) if more == 0 => Ok(topic),
        Some(topic) => {
            let text = format!("`{0}` is a topic and stands alone: `ombundle help {0}`", topic.name);
            Err(root.error(ErrorKind::InvalidSubcommand, text))
        }
        None => {
            let text = unknown(&root, &name);
            Err(root.error(ErrorKind::InvalidSubcommand, text))
        }
    }
}

/// The word behind `help`, where that is what clap stumbled over, and how many more follow it.
fn asked(error: &clap::Error, arguments: &[OsString], root: &Command) -> Option<(String, usize)> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let at = arguments.iter().position(|argument| argument == "help")?;
    let (before, after) = (arguments.get(1..at)?, arguments.get(at + 1..)?);
    // `catalog help …` is about what `catalog` has.
    let is_root = before.iter().all(|argument| root.find_subcommand(argument).is_none());
    let first = after.first()?.to_str()?;
    (is_root && first == name).then(|| (name.clone(), after.len() - 1))
}

fn unknown(root: &Command, name: &str) -> String {
    let topics = TOPICS.iter().map(|topic| topic.name);
    let known: Vec<&str> = root.get_subcommands().map(Command::get_name).chain(topics.clone()).collect();
    let said = match nearest(name, known).as_slice() {
        [] => format!("the topics are {}", topics.collect::<Vec<_>>().join(", ")),
        near => format!("did you mean `{}`?", near.join("`, `")),
    };
    format!("there is no command or topic `{}`; {said}", Safe(name))
}
