//! The chapter of the runbook that moves the operators, hop by hop.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::course::{Course, Leg, Patch, Stand};
use crate::emit::files::Work;
use crate::emit::names::fit;
use crate::emit::patches::place;
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
    if courses.iter().filter(|course| course.subscription.is_none() && course.moves()).count() > 1 {
        blocks.push(Block::Text(Message::TogetherUnknown));
    }
    let shared = shared(&courses, stage);
    let mut opened = BTreeSet::new();
    for course in &courses {
        let namespace = course.subscription.map(|found| found.namespace.as_str());
        let together = namespace.filter(|namespace| shared.contains(namespace));
        if let Some(namespace) = together.filter(|namespace| opened.insert(*namespace)) {
            self::together(&mut blocks, &courses, namespace, stage);
        }
        blocks.push(Block::Heading(Message::Operator {
            package: course.package.name.clone(),
            place: place_of(course),
        }));
        blocks.push(Block::Text(Message::Reason { required_by: course.package.required_by.clone() }));
        match &course.stand {
            Stand::Absent => {
                blocks.push(Block::Text(Message::NothingRuns { package: course.package.name.clone() }));
                blocks.extend(stays_held(course));
            }
            Stand::Elsewhere(csv) => {
                blocks.push(Block::Warning(Message::NotOnPath { csv: csv.clone() }));
                blocks.extend(stays_held(course));
            }
            Stand::There(csv) => {
                blocks.push(Block::Text(Message::AlreadyThere { csv: csv.clone() }));
                switch(&mut blocks, course, stage, together.is_some());
            }
            Stand::Before(_) => {
                let hops: Vec<&Hop> = here(course, stage).flat_map(|(_, leg)| leg.hops).collect();
                let from = hops.first().map(|hop| hop.from.clone()).unwrap_or_default();
                let to = hops.iter().map(|hop| hop.name.clone()).collect();
                blocks.push(Block::Text(Message::HopsLeft { from, to }));
                limits(&mut blocks, work, course, &hops);
                find(&mut blocks, course);
                switch(&mut blocks, course, stage, together.is_some());
            }
        }
    }
    Some(Section { heading, blocks })
}

/// What is said of a Subscription that nothing here lets go.
fn stays_held(course: &Course<'_>) -> Option<Block> {
    let place = place_of(course).filter(|_| course.stays_held())?;
    Some(Block::Warning(Message::StaysHeld { place }))
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

/// Namespaces of which more than one Subscription is switched as this stage begins. OLM resolves a namespace as a whole.
fn shared<'c>(courses: &[&'c Course<'_>], stage: usize) -> BTreeSet<&'c str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let begin = courses.iter().filter(|course| beginning(course, stage).is_some());
    for subscription in begin.filter_map(|course| course.subscription) {
        *counts.entry(subscription.namespace.as_str()).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(namespace, _)| namespace).collect()
}

/// All Subscriptions of a namespace are switched before anything is approved there, and only then is OLM asked what it makes of them.
fn together(blocks: &mut Vec<Block>, courses: &[&Course<'_>], namespace: &str, stage: usize) {
    blocks.push(Block::Heading(Message::Namespace { namespace: namespace.to_owned() }));
    blocks.push(Block::Text(Message::NamespaceWhy));
    let mut checks = Vec::new();
    for course in courses {
        if course.subscription.is_none_or(|found| found.namespace != namespace) {
            continue;
        }
        if let Some((text, turn)) = beginning(course, stage) {
            let package = course.package.name.clone();
            blocks.push(Block::Text(Message::Operator { package, place: place_of(course) }));
            blocks.push(patch(text, course, &turn));
            checks.push(resolved(course));
        }
    }
    blocks.extend(checks);
}

/// The legs of a course at one stage, with their places. Where no hop is left there is no leg, and still a Subscription to switch.
fn legs<'c, 'a>(course: &'c Course<'a>, stage: usize) -> Vec<(usize, Option<&'c Leg<'a>>)> {
    if course.legs.is_empty() {
        vec![(0, None)]
    } else {
        here(course, stage).map(|(index, leg)| (index, Some(leg))).collect()
    }
}

/// The patch with which a course begins at a stage.
fn beginning(course: &Course<'_>, stage: usize) -> Option<(Message, Patch)> {
    let (index, leg) = legs(course, stage).into_iter().next()?;
    turn(course, index, leg)
}

/// The patch that comes before a leg, if there is one.
fn turn(course: &Course<'_>, index: usize, leg: Option<&Leg<'_>>) -> Option<(Message, Patch)> {
    let switch = course.patches().switch.into_iter().nth(index)??;
    let channel = leg.map(|leg| leg.channel.to_owned());
    let text = match (index, channel) {
        (0, channel) => Message::Switch { catalog: fit(&course.catalog.name), channel },
        (_, channel) => Message::NextChannel { channel: channel.unwrap_or_default() },
    };
    Some((text, switch))
}

/// What OLM makes of a Subscription after it was switched.
fn resolved(course: &Course<'_>) -> Block {
    let (namespace, name) = place(course);
    step(
        Message::Resolved,
        format!(
            r#"oc -n {namespace} get {SUBSCRIPTION} {name} -o jsonpath='{{.status.conditions[?(@.type=="ResolutionFailed")].message}}{{"\n"}}' | grep ."#
        ),
        Expect::Nothing,
        Message::ResolvedElse { catalog: fit(&course.catalog.name) },
    )
}

/// The hops of a course at one stage. Where its namespace was switched `together`, the first patch has been applied.
fn switch(blocks: &mut Vec<Block>, course: &Course<'_>, stage: usize, together: bool) {
    let patches = course.patches();
    let catalog = fit(&course.catalog.name);
    let (namespace, name) = place(course);
    let of = course.hops();
    let earlier = course.legs.iter().take_while(|leg| leg.stage < stage);
    let mut number = earlier.map(|leg| leg.hops.len()).sum();
    for (nth, (index, leg)) in legs(course, stage).into_iter().enumerate() {
        let applied = together && nth == 0;
        if let Some((text, turn)) = turn(course, index, leg).filter(|_| !applied) {
            blocks.push(patch(text, course, &turn));
            blocks.push(resolved(course));
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
