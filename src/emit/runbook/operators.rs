//! The chapter of the runbook that moves the operators, hop by hop.

use crate::emit::course::{Course, Leg, Stand};
use crate::emit::files::{Work, place};
use crate::emit::names::fit;
use crate::emit::runbook::message::Message;
use crate::emit::runbook::model::{SUBSCRIPTION, boxed, exactly, patch, place_of, step};
use crate::emit::runbook::render::{Block, Expect, Section, Step};
use crate::plan::Hop;
use crate::text::Word;

/// All of it, where OpenShift itself stays as it is.
pub(super) fn section(work: &Work<'_>) -> Section {
    at_stage(work, 0, Message::Operators).unwrap_or_else(|| Section {
        heading: Message::Operators,
        blocks: vec![Block::Text(Message::NoOperators)],
    })
}

/// What is done after so many updates of OpenShift; nothing where that is nothing.
pub(super) fn at_stage(work: &Work<'_>, stage: usize, heading: Message) -> Option<Section> {
    let courses: Vec<_> = work.courses.iter().filter(|course| course.is_at(stage)).collect();
    if courses.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Text(Message::OperatorsWhy)];
    for course in courses {
        blocks.push(Block::Heading(Message::Operator {
            package: course.package.name.clone(),
            place: place_of(course),
        }));
        blocks.push(Block::Text(Message::Reason { required_by: course.package.required_by.clone() }));
        match &course.stand {
            Stand::Absent => {
                blocks.push(Block::Text(Message::NothingRuns { package: course.package.name.clone() }));
            }
            Stand::Elsewhere(csv) => blocks.push(Block::Warning(Message::NotOnPath { csv: csv.clone() })),
            Stand::There(csv) => {
                blocks.push(Block::Text(Message::AlreadyThere { csv: csv.clone() }));
                switch(&mut blocks, course, stage);
            }
            Stand::Before(_) => {
                let hops: Vec<&Hop> = here(course, stage).flat_map(|(_, leg)| leg.hops).collect();
                let from = hops.first().map(|hop| hop.from.clone()).unwrap_or_default();
                let to = hops.iter().map(|hop| hop.name.clone()).collect();
                blocks.push(Block::Text(Message::HopsLeft { from, to }));
                limits(&mut blocks, work, course, &hops);
                find(&mut blocks, course);
                switch(&mut blocks, course, stage);
            }
        }
    }
    Some(Section { heading, blocks })
}

/// The legs of a course at one stage, with their places among all of them.
fn here<'c, 'a>(course: &'c Course<'a>, stage: usize) -> impl Iterator<Item = (usize, &'c Leg<'a>)> {
    course.legs.iter().enumerate().filter(move |(_, leg)| leg.stage == stage)
}

/// What the CSVs on the way demand of the cluster, or forbid it.
fn limits(blocks: &mut Vec<Block>, work: &Work<'_>, course: &Course<'_>, hops: &[&Hop]) {
    for hop in hops {
        let Some(evidence) = course.evidence(&hop.name) else { continue };
        let csv = hop.name.clone();
        if let Some(version) = &evidence.min_kube_version {
            blocks.push(Block::Item(Message::MinKube { csv: csv.clone(), version: version.clone() }));
        }
        if let Some(version) = &evidence.max_openshift_version {
            let cluster = work.input.cluster.and_then(|cluster| cluster.openshift.clone());
            blocks.push(Block::Item(Message::MaxOpenShift { csv, version: version.clone(), cluster }));
        }
    }
}

/// Where the Subscription is not known, the runbook asks for it and goes on with shell variables.
fn find(blocks: &mut Vec<Block>, course: &Course<'_>) {
    if course.subscription.is_some() {
        return;
    }
    let package = &course.package.name;
    let command = format!(
        r"oc get {SUBSCRIPTION} -A -o custom-columns=NS:.metadata.namespace,SUB:.metadata.name,PACKAGE:.spec.name,APPROVAL:.spec.installPlanApproval,SOURCE:.spec.source,CHANNEL:.spec.channel | awk -v p={} '$3 == p'",
        Word(package)
    );
    let found = Expect::Like(Message::FindExpect);
    blocks.push(step(Message::Find { package: package.clone() }, command, found, Message::FindElse));
    blocks.push(boxed(Step {
        text: Message::FindSet,
        commands: vec!["NS=…".to_owned(), "SUB=…".to_owned()],
        expect: Expect::Nothing,
        otherwise: None,
    }));
}

fn switch(blocks: &mut Vec<Block>, course: &Course<'_>, stage: usize) {
    let patches = course.patches();
    let catalog = fit(&course.catalog.name);
    let (namespace, name) = place(course);
    let of = course.hops();
    let earlier = course.legs.iter().take_while(|leg| leg.stage < stage);
    let mut number = earlier.map(|leg| leg.hops.len()).sum();
    // Where no hop is left there is no leg, and still a Subscription to switch.
    let legs: Vec<(usize, Option<&Leg<'_>>)> = if course.legs.is_empty() {
        vec![(0, None)]
    } else {
        here(course, stage).map(|(index, leg)| (index, Some(leg))).collect()
    };
    for (index, leg) in legs {
        if let Some(Some(switch)) = patches.switch.get(index) {
            let channel = leg.map(|leg| leg.channel.to_owned());
            let text = match (index, channel) {
                (0, channel) => Message::Switch { catalog: catalog.clone(), channel },
                (_, channel) => Message::NextChannel { channel: channel.unwrap_or_default() },
            };
            blocks.push(patch(text, course, switch));
            blocks.push(step(
                Message::Resolved,
                format!(
                    r#"oc -n {namespace} get {SUBSCRIPTION} {name} -o jsonpath='{{.status.conditions[?(@.type=="ResolutionFailed")].message}}{{"\n"}}' | grep ."#
                ),
                Expect::Nothing,
                Message::ResolvedElse { catalog: catalog.clone() },
            ));
        }
        for hop in leg.into_iter().flat_map(|leg| leg.hops) {
            number += 1;
            self::hop(blocks, (&namespace, &name), &catalog, hop, (number, of));
        }
    }
    if course.legs.last().is_some_and(|last| last.stage != stage) {
        // It goes on after an update of OpenShift: until then nobody but a person may approve.
        return;
    }
    if let Some(release) = &patches.release {
        blocks.push(patch(Message::Release, course, release));
    }
    if course.subscription.is_none() && course.moves() {
        blocks.push(step(
            Message::ReleaseUnknown,
            format!(
                r#"oc -n {namespace} patch {SUBSCRIPTION} {name} --type merge -p '{{"spec":{{"installPlanApproval":"Automatic"}}}}'"#
            ),
            Expect::Like(Message::Patched),
            Message::ReleaseUnknownElse,
        ));
    }
}

/// One hop: the InstallPlan, its approval, the CSV, what the Subscription says then.
fn hop(
    blocks: &mut Vec<Block>,
    (namespace, name): (&str, &str),
    catalog: &str,
    hop: &Hop,
    (number, of): (usize, usize),
) {
    let csv = hop.name.clone();
    let plan = format!(
        "PLAN=$(oc -n {namespace} get {SUBSCRIPTION} {name} -o jsonpath='{{.status.installPlanRef.name}}')"
    );
    let show = format!(
        r#"oc -n {namespace} get installplan "$PLAN" -o jsonpath='{{.spec.approved}} {{.spec.clusterServiceVersionNames}}{{"\n"}}'"#
    );
    blocks.push(boxed(Step {
        text: Message::Plan { csv: csv.clone(), from: hop.from.clone(), number, of, edge: hop.edge },
        commands: vec![plan, show],
        expect: Expect::Like(Message::PlanExpect { csv: csv.clone() }),
        otherwise: Some(Message::PlanElse { csv: csv.clone(), catalog: catalog.to_owned() }),
    }));
    blocks.push(boxed(Step {
        text: Message::Approve { csv: csv.clone() },
        commands: vec![format!(
            r#"oc -n {namespace} patch installplan "$PLAN" --type merge -p '{{"spec":{{"approved":true}}}}'"#
        )],
        expect: Expect::Like(Message::Patched),
        otherwise: None,
    }));
    blocks.push(step(
        Message::Succeeded { csv: csv.clone() },
        format!(
            "oc -n {namespace} wait {} --for=jsonpath='{{.status.phase}}'=Succeeded --timeout=15m",
            Word(&format!("clusterserviceversion/{csv}"))
        ),
        exactly(format!("clusterserviceversion.operators.coreos.com/{csv} condition met")),
        Message::SucceededElse { namespace: namespace.to_owned(), csv: csv.clone() },
    ));
    blocks.push(step(
        Message::Installed { csv: csv.clone() },
        format!(
            r#"oc -n {namespace} get {SUBSCRIPTION} {name} -o jsonpath='{{.status.installedCSV}}{{"\n"}}'"#
        ),
        exactly(csv),
        Message::InstalledElse,
    ));
}
