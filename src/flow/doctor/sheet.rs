//! The answers of one section as they come in.

use std::error::Error;

use crate::fault::Fault;
use crate::finding::Finding;
use crate::flow::doctor::report::{Answer, Part, Question, Section, Verdict};

/// Questions and answers of one section.
pub(super) struct Sheet {
    section: Section,
    findings: Vec<Finding>,
}

impl Sheet {
    pub(super) fn of(part: Part, address: Option<String>) -> Self {
        Self { section: Section { part, address, answers: Vec::new() }, findings: Vec::new() }
    }

    /// What its findings are about, where they are about nothing narrower.
    pub(super) fn subject(&self) -> String {
        let part = self.section.part.as_str();
        self.section.address.as_ref().map_or_else(|| part.to_owned(), |address| format!("{part} {address}"))
    }

    /// All is well.
    pub(super) fn ok(&mut self, question: Question, told: impl Into<String>) {
        self.answer(question, Verdict::Ok, told.into());
    }

    /// Something was found; nothing at all is well.
    pub(super) fn found(
        &mut self,
        question: Question,
        told: impl Into<String>,
        findings: impl IntoIterator<Item = Finding>,
    ) {
        let before = self.findings.len();
        self.findings.extend(findings);
        let worst = self.findings.iter().skip(before).map(|finding| finding.severity).max();
        self.answer(question, worst.map_or(Verdict::Ok, Verdict::from), told.into());
    }

    /// Something that belongs to no single question.
    pub(super) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// Why the question could not be answered well, in the words of an error.
    pub(super) fn failed(&mut self, question: Question, code: &str, fault: &dyn Fault) {
        let told = with_causes(fault);
        let finding = Finding::error(code, self.subject(), &told).hint(fault.hint().unwrap_or_default());
        self.found(question, told, [finding]);
    }

    /// It was not asked.
    pub(super) fn unasked(&mut self, questions: &[Question], because: impl AsRef<str>) {
        for question in questions {
            self.answer(*question, Verdict::Unasked, because.as_ref().to_owned());
        }
    }

    /// These were not asked, because of what `of` came to.
    pub(super) fn unasked_for(&mut self, questions: &[Question], of: Question) {
        self.unasked(questions, format!("not asked because of `{}`", of.as_str()));
    }

    fn answer(&mut self, question: Question, verdict: Verdict, told: String) {
        self.section.answers.push(Answer { question, verdict, told });
    }

    pub(super) fn into_parts(self) -> (Section, Vec<Finding>) {
        (self.section, self.findings)
    }
}

/// An error with what led to it, in one line.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
