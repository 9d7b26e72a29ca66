//! The texts held to what the code does.

use clap::CommandFactory;

use super::{TOPICS, Topic};
use crate::archive::{MAGIC, RawInventory, TRAILER};
use crate::cli::{AFTER_HELP, Cli};
use crate::fault::Exit;
use crate::limits::LIMITS;
use crate::merge::Mode;
use crate::registry::Profile;
use crate::site::ProfileName;
use crate::trust::{Payload, Signature};
use crate::verify::Policy;
use crate::volume::MediumKind;

fn text(name: &str) -> &'static str {
    Topic::named(name).unwrap().text
}

#[test]
fn they_fit_a_terminal_and_have_a_title() {
    for topic in &TOPICS {
        assert!(topic.text.is_ascii() && topic.text.ends_with('\n'), "{}", topic.name);
        assert!(topic.text.lines().all(|line| line.len() <= 80 && line.trim_end() == line), "{}", topic.name);
        let title = topic.title();
        assert!(title.starts_with(char::is_uppercase) || title.starts_with("The ."), "{title}");
        assert!(
            !title.ends_with('.') && topic.text.lines().nth(1) == Some("") && topic.body().len() > 200,
            "{title}"
        );
        // Nobody scrolls through a book.
        assert!(topic.text.lines().count() <= 75, "{}: {}", topic.name, topic.text.lines().count());
    }
    assert!(TOPICS.is_sorted_by_key(|topic| topic.name));
}

#[test]
fn none_hides_behind_a_command_and_all_are_listed() {
    let cli = Cli::command();
    let names: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    for name in &names {
        assert!(cli.find_subcommand(name).is_none(), "{name}");
    }
    assert!(AFTER_HELP.contains(&format!("  {}\n", names.join(", "))), "{AFTER_HELP}");
}

/// Texts refer to each other, and to what there is.
#[test]
fn what_they_refer_to_is_there() {
    let cli = Cli::command();
    for topic in &TOPICS {
        for reference in topic.text.split("`ombundle help ").skip(1) {
            let name = reference.split('`').next().unwrap();
            assert!(
                Topic::named(name).is_some() || cli.find_subcommand(name).is_some(),
                "{}: {name}",
                topic.name
            );
        }
    }
}

#[test]
fn exit_codes_are_those_of_the_program() {
    let table = |text: &'static str| -> Vec<&'static str> {
        let lines = text.lines().skip_while(|line| !line.starts_with("    0  "));
        lines.take_while(|line| !line.is_empty()).collect()
    };
    let told = table(text("exit-codes"));
    assert_eq!(told, table(AFTER_HELP));
    let all = [
        Exit::Done,
        Exit::Unexpected,
        Exit::Usage,
        Exit::Integrity,
        Exit::Trust,
        Exit::Prerequisite,
        Exit::Incomplete,
        Exit::Registry,
        Exit::Space,
        Exit::Conflict,
        Exit::Findings,
        Exit::Interrupted,
    ];
    let numbers: Vec<u8> =
        told.iter().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, all.map(|exit| exit as u8));
    let advice = text("exit-codes").split_once("What to do\n").unwrap().1;
    for exit in all.into_iter().skip(1) {
        assert!(advice.contains(&format!("\n{:>3}  ", exit as u8)), "{exit:?}");
    }
}

#[test]
fn the_format_is_that_of_the_archive() {
    let format = text("format");
    let magic = std::str::from_utf8(MAGIC).unwrap().trim_end();
    for fact in [
        format!("line `{magic}`"),
        RawInventory::TYPE.to_owned(),
        format!("{} bytes each, 1 to {} of them", Signature::SIZE, LIMITS.signatures),
        format!("{TRAILER} zero bytes"),
        format!("{} MiB and {},000 entries", LIMITS.inventory_bytes >> 20, LIMITS.archive_entries / 1_000),
    ] {
        assert!(format.contains(&fact), "{fact}");
    }
    assert!(LIMITS.inventory_bytes.is_multiple_of(1 << 20) && LIMITS.archive_entries.is_multiple_of(1_000));
}

#[test]
fn volumes_have_the_bytes_that_are_told() {
    let told: Vec<(&str, u64)> = text("volumes")
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
        .filter_map(|(name, bytes)| Some((name, bytes.trim().parse().ok()?)))
        .collect();
    assert_eq!(told, MediumKind::ALL.map(|(name, kind)| (name, kind.volume_bytes())));
}

#[test]
fn merging_names_every_way() {
    let told: Vec<Mode> = text("merging")
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
        .filter_map(|(name, _)| name.parse().ok())
        .collect();
    assert_eq!(told, [Mode::Auto, Mode::Union, Mode::Replace, Mode::Split, Mode::KeepOld]);
}

#[test]
fn nexus_is_told_what_its_profile_does() {
    let (profile, nexus) = (Profile::of(ProfileName::Nexus), text("nexus"));
    let tasks: Vec<&str> = profile.reclaim.split('`').skip(1).step_by(2).collect();
    let told = nexus.split_once("in this order:\n\n").unwrap().1;
    assert_eq!(told.lines().take(tasks.len()).map(str::trim).collect::<Vec<_>>(), tasks);
    assert!(!profile.mounts && nexus.contains("never asks for a blob to be mounted"));
}

#[test]
fn trust_names_how_far_a_generation_may_jump() {
    assert!(text("trust").contains(&format!("\n    {} ahead of it", Policy::JUMP)));
}
