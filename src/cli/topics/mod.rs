//! What `help TOPIC` tells: texts beside this file, for people who have no network to look things up in.

/// One text.
pub(super) struct Topic {
    /// What people type.
    pub(super) name: &'static str,
    /// Its title on the first line, then a blank one, then the rest.
    pub(super) text: &'static str,
}

/// All of them, by name. None is called as a command is.
pub(super) const TOPICS: [Topic; 8] = [
    Topic { name: "exit-codes", text: include_str!("exit-codes.txt") },
    Topic { name: "format", text: include_str!("format.txt") },
    Topic { name: "merging", text: include_str!("merging.txt") },
    Topic { name: "nexus", text: include_str!("nexus.txt") },
    Topic { name: "openshift", text: include_str!("openshift.txt") },
    Topic { name: "runbook", text: include_str!("runbook.txt") },
    Topic { name: "trust", text: include_str!("trust.txt") },
    Topic { name: "volumes", text: include_str!("volumes.txt") },
];

impl Topic {
    /// The topic of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.name == name)
    }

    /// The first line.
    pub(super) fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default()
    }

    /// What stands below the title.
    pub(super) fn body(&self) -> &'static str {
        self.text.split_once("\n\n").map_or("", |(_, body)| body.trim_end())
    }
}

#[cfg(test)]
mod tests;
