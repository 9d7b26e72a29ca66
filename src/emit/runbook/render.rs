//! A runbook as Markdown: numbered boxes to tick, each with its command, what it prints, and what to do if it does not.

use std::fmt::Write;

use crate::emit::runbook::message::Message;
use crate::text::Safe;

/// Says a message in one language.
pub(super) type Language = fn(&Message) -> String;

/// A whole runbook.
pub(super) struct Runbook {
    pub(super) title: Message,
    pub(super) intro: Message,
    pub(super) facts: Vec<Message>,
    pub(super) sections: Vec<Section>,
}

/// One chapter.
pub(super) struct Section {
    pub(super) heading: Message,
    pub(super) blocks: Vec<Block>,
}

/// One part of a chapter.
pub(super) enum Block {
    /// A heading below the chapter's.
    Heading(Message),
    /// A paragraph.
    Text(Message),
    /// A line of a list.
    Item(Message),
    /// A warning that must not be read over.
    Warning(Message),
    /// A box to tick.
    Step(Box<Step>),
}

/// One thing to do.
pub(super) struct Step {
    pub(super) text: Message,
    pub(super) commands: Vec<String>,
    pub(super) expect: Expect,
    pub(super) otherwise: Option<Message>,
}

/// What the commands print.
pub(super) enum Expect {
    /// Nothing, and there is no need to say so: there is no command.
    Silent,
    /// Nothing.
    Nothing,
    /// Exactly these lines.
    Exactly(Vec<String>),
    /// These lines, among others.
    Among(Vec<String>),
    /// Something that is described.
    Like(Message),
}

/// The runbook in one language.
pub(super) fn markdown(runbook: &Runbook, say: Language) -> String {
    let mut page = Page { out: String::new(), say };
    page.line(0, &format!("# {}", say(&runbook.title)));
    page.gap();
    page.line(0, &say(&runbook.intro));
    page.gap();
    for fact in &runbook.facts {
        page.line(0, &format!("- {}", say(fact)));
    }
    for (index, section) in runbook.sections.iter().enumerate() {
        page.section(index + 1, section);
    }
    page.out
}

struct Page {
    out: String,
    say: Language,
}

impl Page {
    fn section(&mut self, number: usize, section: &Section) {
        self.gap();
        self.line(0, &format!("## {number}. {}", (self.say)(&section.heading)));
        let (mut steps, mut in_list) = (0, false);
        for block in &section.blocks {
            let item = matches!(block, Block::Item(_));
            if !(item && in_list) {
                self.gap();
            }
            in_list = item;
            match block {
                Block::Heading(message) => self.line(0, &format!("### {}", (self.say)(message))),
                Block::Text(message) => self.line(0, &(self.say)(message)),
                Block::Item(message) => self.line(0, &format!("- {}", (self.say)(message))),
                Block::Warning(message) => self.line(0, &format!("> **⚠** {}", (self.say)(message))),
                Block::Step(step) => {
                    steps += 1;
                    self.step(&format!("{number}.{steps}"), step);
                }
            }
        }
    }

    fn step(&mut self, number: &str, step: &Step) {
        self.line(0, &format!("- [ ] **{number}** {}", (self.say)(&step.text)));
        if !step.commands.is_empty() {
            self.gap();
            self.fenced("sh", &step.commands);
        }
        match &step.expect {
            Expect::Silent => {}
            Expect::Nothing => self.paragraph(&Message::ExpectedNothing, ""),
            Expect::Exactly(lines) => {
                self.paragraph(&Message::Expected, "");
                self.gap();
                self.fenced("text", lines);
            }
            Expect::Among(lines) => {
                self.paragraph(&Message::ExpectedAmong, "");
                self.gap();
                self.fenced("text", lines);
            }
            Expect::Like(message) => self.paragraph(&Message::Expected, &(self.say)(message)),
        }
        if let Some(otherwise) = &step.otherwise {
            self.paragraph(&Message::Otherwise, &(self.say)(otherwise));
        }
    }

    fn paragraph(&mut self, lead: &Message, text: &str) {
        self.gap();
        let line = format!("{} {text}", (self.say)(lead));
        self.line(1, line.trim_end());
    }

    /// Lines in a fence. They hold no line end of their own, so that none of them can close it.
    fn fenced(&mut self, kind: &str, lines: &[String]) {
        self.line(1, &format!("```{kind}"));
        for line in lines {
            self.line(1, &Safe(line).to_string());
        }
        self.line(1, "```");
    }

    fn gap(&mut self) {
        self.out.push('\n');
    }

    fn line(&mut self, depth: usize, text: &str) {
        // Writing to a String cannot fail.
        _ = writeln!(self.out, "{}{text}", "  ".repeat(depth));
    }
}
