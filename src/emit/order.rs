//! The order in which operators move: what another one requires comes first.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::course::Course;

/// Courses by package, required ones before those that require them, else by name. A ring is entered at its first name.
pub(super) fn required_first(mut courses: Vec<Course<'_>>) -> Vec<Course<'_>> {
    // By package: what it requires and what has no place yet.
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        courses.iter().map(|course| (course.package.name.as_str(), BTreeSet::new())).collect();
    for package in courses.iter().map(|course| course.package) {
        for by in package.required_by.iter().filter(|by| **by != package.name) {
            if let Some(requires) = left.get_mut(by.as_str()) {
                requires.insert(&package.name);
            }
        }
    }
    let mut ranks: BTreeMap<&str, usize> = BTreeMap::new();
    while let Some(next) = free(&left).or_else(|| first_of_ring(&left)) {
        left.remove(next);
        for requires in left.values_mut() {
            requires.remove(next);
        }
        ranks.insert(next, ranks.len());
    }
    courses.sort_by_key(|course| ranks.get(course.package.name.as_str()).copied());
    courses
}

fn free<'a>(left: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<&'a str> {
    left.iter().find(|(_, requires)| requires.is_empty()).map(|(name, _)| *name)
}

/// Where nobody is free, who follows what is required comes round.
fn first_of_ring<'a>(left: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<&'a str> {
    let mut walked: Vec<&str> = Vec::new();
    let mut at = *left.keys().next()?;
    loop {
        if let Some(round) = walked.iter().position(|one| *one == at) {
            return walked.split_off(round).into_iter().min();
        }
        walked.push(at);
        at = left.get(at)?.first()?;
    }
}
