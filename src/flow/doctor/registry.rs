//! One registry of the site: how far one gets towards it, whether it takes us for who we are, and what it takes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::archive::Moment;
use crate::fault::{AnyFault, Exit, Fault};
use crate::finding::{Finding, Severity};
use crate::flow::doctor::Doctor;
use crate::flow::doctor::cargo::Cargo;
use crate::flow::doctor::edition::Edition;
use crate::flow::doctor::report::{Part, Question};
use crate::flow::doctor::sheet::{Sheet, with_causes};
use crate::flow::import::preflight::{Tried, lacking, remedy, tried, unmet};
use crate::flow::import::state_repository;
use crate::plan::Prerequisite;
use crate::reference::{RegistryHost, RepositoryRef};
use crate::registry::{AuthKind, Certificate, Greeting, Left, NoTls, RegistryError, Speech, caught_by_proxy};
use crate::site::ProfileName;
use crate::text::{counted, human_bytes};

/// A certificate that ends within so many days is told of.
const DAYS: i64 = 30;
/// Clocks that differ by more seconds than this are told of.
const SKEW: u64 = 60;
/// With more than this, tokens and certificates are refused as not yet or no longer valid.
const MUCH_SKEW: u64 = 300;
/// A token that lives shorter is gone before a large layer is over.
const TOKEN_LIFE: Duration = Duration::from_mins(1);
/// Without an archive, a layer as large as those of OpenShift's operators come.
const BODY: u64 = 1 << 30;

impl Doctor<'_> {
    /// Asks one registry. Also says which Nexus it is, where it is one.
    pub(super) fn registry(
        &self,
        part: Part,
        cargo: Option<&Cargo>,
    ) -> Result<(Sheet, Option<Edition>), AnyFault> {
        let mut sheet = self.sheet(part);
        let Some(greeting) = self.reach(part, &mut sheet) else {
            sheet.unasked_for(&[Question::Clock, Question::Authentication], Question::Api);
            sheet.unasked_for(&later(part), Question::Api);
            return Ok((sheet, None));
        };
        let edition = Edition::of(&greeting.server);
        clock(&greeting, &mut sheet);
        if !self.authentication(part, &greeting, &mut sheet)? {
            sheet.unasked_for(&later(part), Question::Authentication);
            return Ok((sheet, edition));
        }
        let written = self.written(part, cargo);
        let trial = self.write(part, &written, &mut sheet)?;
        self.body_size(trial.as_ref(), cargo, &mut sheet)?;
        if part == Part::Production {
            self.prerequisites(cargo, &mut sheet)?;
            self.generation(&mut sheet)?;
        }
        self.write_test(part, trial.is_some(), &mut sheet)?;
        Ok((sheet, edition))
    }

    /// Proxies, name, connection, TLS, and the API itself.
    fn reach(&self, part: Part, sheet: &mut Sheet) -> Option<Greeting> {
        let host = self.host(part);
        let rest = [Question::Connection, Question::Tls, Question::Api];
        self.proxy(host, sheet);
        let addresses = match self.client.addresses(host) {
            Ok(addresses) => addresses,
            Err(error) => {
                sheet.failed(Question::Name, "NAME_UNKNOWN", &error);
                sheet.unasked_for(&rest, Question::Name);
                return None;
            }
        };
        let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
        sheet.ok(Question::Name, shown.join(", "));
        match self.client.connects(host, &addresses) {
            Ok(at) => sheet.ok(Question::Connection, at.to_string()),
            Err(error) => {
                sheet.failed(Question::Connection, "NO_CONNECTION", &error);
                sheet.unasked_for(&rest[1..], Question::Connection);
                return None;
            }
        }
        if !self.tls(host, &addresses, sheet) {
            sheet.unasked_for(&rest[2..], Question::Tls);
            return None;
        }
        self.api(host, sheet)
    }

    /// Whether it speaks as it should, and proves who it is.
    fn tls(&self, host: &RegistryHost, addresses: &[SocketAddr], sheet: &mut Sheet) -> bool {
        match self.client.speech(host, addresses) {
            Ok(Speech::Plain) => {
                sheet.found(Question::Tls, "plain HTTP", in_clear(host, sheet.subject()));
                true
            }
            Ok(Speech::Tls(certificate)) => {
                let ending = certificate.as_ref().and_then(|shown| ending(shown, &self.now));
                let findings = ending.map(|(days, until)| {
                    let message = format!("its certificate ends in {days} days, on {until}");
                    Finding::warning("CERTIFICATE_ENDS", sheet.subject(), message).hint(
                        "renew it before the maintenance window; clusters that pull from there need it too",
                    )
                });
                sheet.found(Question::Tls, told_of(certificate.as_ref()), findings);
                true
            }
            Err(NoTls { error, shown }) => {
                let told = match &shown {
                    Some(_) => format!("{}; it shows {}", with_causes(&error), told_of(shown.as_deref())),
                    None => with_causes(&error),
                };
                let finding = Finding::error("TLS", sheet.subject(), &told);
                sheet.found(Question::Tls, told, [finding.hint(error.hint().unwrap_or_default())]);
                false
            }
        }
    }

    fn proxy(&self, host: &RegistryHost, sheet: &mut Sheet) {
        match caught_by_proxy(self.environment, host, !self.client.is_plain(host)) {
            None => sheet.ok(Question::Proxy, "none on the way"),
            Some(variable) => {
                let message = format!(
                    "{variable} is set and NO_PROXY does not name this registry: ombundle goes there directly, and podman, skopeo and \
                     oc will not"
                );
                let finding = Finding::warning("PROXY", sheet.subject(), message)
                    .hint(format!("add {} to NO_PROXY", host.name()));
                sheet.found(Question::Proxy, format!("{variable} would catch it"), [finding]);
            }
        }
    }

    fn api(&self, host: &RegistryHost, sheet: &mut Sheet) -> Option<Greeting> {
        match self.client.greet(host) {
            Ok(greeting) if matches!(greeting.status, 200 | 401) => {
                let server =
                    if greeting.server.is_empty() { "it does not say what it is" } else { &greeting.server };
                let is_known = greeting.names_itself || Edition::of(server).is_some();
                let finding = (!is_known && greeting.status == 200).then(|| {
                    let message = "`/v2/` answers without the header by which registries name themselves";
                    Finding::warning("UNNAMED", sheet.subject(), message)
                        .hint("is it a registry, or a web server that answers everything?")
                });
                sheet.found(Question::Api, server.to_owned(), finding);
                Some(greeting)
            }
            Ok(greeting) => {
                let told = format!("`/v2/` is answered with status {}", greeting.status);
                let finding = Finding::error("NO_REGISTRY", sheet.subject(), &told).hint(
                    "name the port where the registry itself listens (on Nexus the connector of the repository, not 8081), and leave \
                     `--plain-http` out where it speaks TLS",
                );
                sheet.found(Question::Api, told, [finding]);
                None
            }
            Err(error) => {
                sheet.failed(Question::Api, "NO_REGISTRY", &error);
                None
            }
        }
    }

    /// Whether it takes us for somebody.
    fn authentication(&self, part: Part, greeting: &Greeting, sheet: &mut Sheet) -> Result<bool, AnyFault> {
        let (host, question) = (self.host(part), Question::Authentication);
        let asked = self
            .client
            .credentials(host)
            .map_or_else(|error| (String::new(), Err(error)), |who| (who, self.client.ping(host)));
        let (who, pinged) = asked;
        match pinged {
            Ok(ping) => {
                let kind = match ping.auth {
                    AuthKind::Anonymous => "nobody is asked who they are".to_owned(),
                    AuthKind::Basic => format!("basic, {who}"),
                    AuthKind::Bearer => format!("tokens, {who}"),
                };
                let shouted = greeting.schemes.iter().any(|scheme| scheme == "BASIC").then(|| {
                    let message = "it writes `BASIC` in capitals, which some other clients do not take";
                    Finding::info("UPPER_CASE_BASIC", sheet.subject(), message)
                });
                sheet.found(question, kind, shouted.into_iter().chain(self.other_kind(ping.profile, sheet)));
                Ok(true)
            }
            Err(RegistryError::Interrupted) => Err(RegistryError::Interrupted.into()),
            Err(error) => {
                let code = match &error {
                    RegistryError::Unauthorized { had, .. } if had.starts_with("no credentials") => {
                        "NO_CREDENTIALS"
                    }
                    RegistryError::Unauthorized { .. } | RegistryError::Denied { .. } => {
                        "CREDENTIALS_REFUSED"
                    }
                    RegistryError::ForeignRealm { .. } => "FOREIGN_REALM",
                    _ => "NO_AUTHENTICATION",
                };
                let told = format!("{}; {who}", with_causes(&error));
                let told = told.trim_end_matches("; ").to_owned();
                let finding = Finding::error(code, sheet.subject(), &told);
                sheet.found(question, told, [finding.hint(error.hint().unwrap_or_default())]);
                Ok(false)
            }
        }
    }

    /// The site file calls it something that it is not.
    fn other_kind(&self, seen: ProfileName, sheet: &Sheet) -> Option<Finding> {
        let named = self.site.spec.profile;
        // What shows nothing of itself seems to be the reference implementation.
        let differs = named != ProfileName::Auto && seen != named && seen != ProfileName::Distribution;
        differs.then(|| {
            let message = format!("the site file has the profile {named:?}, and it answers as {seen:?} does");
            Finding::warning("PROFILE", sheet.subject(), message.to_lowercase())
                .hint("mend `profile` in the site file, or leave it out")
        })
    }

    /// Begins uploads wherever an import would, and gives them up. One of the repositories that take them, where there is one.
    fn write(
        &self,
        part: Part,
        written: &BTreeSet<RepositoryRef>,
        sheet: &mut Sheet,
    ) -> Result<Option<RepositoryRef>, AnyFault> {
        let (mut findings, mut willing, mut left) = (Vec::new(), Vec::new(), 0);
        for Tried { repository, result } in tried(written, self.client, self.jobs, self.events)? {
            match result {
                Ok(found) => {
                    left += usize::from(found == Left::Upload);
                    willing.push(repository);
                }
                Err(error) => {
                    let message = format!("it takes no upload: {}", with_causes(&error));
                    let finding = Finding::error("NOT_WRITABLE", &repository, message);
                    findings.push(finding.hint(remedy(&repository, &error)));
                }
            }
        }
        if left > 0 {
            let message =
                format!("{} given up and stays until the registry purges it", counted(left, "upload"));
            findings.push(Finding::info("UPLOAD_LEFT", sheet.subject(), message));
        }
        let told = format!("{} of {} take uploads", willing.len(), written.len());
        // Its own state comes last in order and is no place for tests.
        let state = state_repository(self.host(part))?;
        let first = willing.into_iter().find(|repository| *repository != state);
        sheet.found(Question::Write, told, findings);
        match &first {
            Some(first) => self.session(part, first, sheet)?,
            None => {
                sheet.unasked_for(&[Question::Token], Question::Write);
                if part == Part::Production {
                    sheet.unasked_for(&[Question::Separate], Question::Write);
                }
            }
        }
        Ok(first)
    }

    /// What an upload that is under way shows: how long its token lives, and whether both registries are one.
    fn session(&self, part: Part, repository: &RepositoryRef, sheet: &mut Sheet) -> Result<(), AnyFault> {
        let trial = match self.client.trial(repository) {
            Ok(trial) => trial,
            Err(RegistryError::Interrupted) => return Err(RegistryError::Interrupted.into()),
            Err(error) => {
                // It took one a moment ago.
                sheet.failed(Question::Token, "NOT_WRITABLE", &error);
                if part == Part::Production {
                    sheet.unasked_for(&[Question::Separate], Question::Token);
                }
                return Ok(());
            }
        };
        match trial.token_life() {
            None => sheet.ok(Question::Token, "none is needed"),
            Some(life) => {
                let told = format!("good for {} s", life.as_secs());
                let finding = (life < TOKEN_LIFE).then(|| {
                    let message = format!(
                        "tokens are {told}: a large layer takes longer, and a registry that asks again refuses its end"
                    );
                    Finding::warning("SHORT_TOKEN", sheet.subject(), message)
                        .hint("let the token server give them for 300 s at least")
                });
                sheet.found(Question::Token, told, finding);
            }
        }
        if part == Part::Production {
            let staging = &self.site.spec.staging.registry;
            let same_name = staging == self.host(part);
            let known = || trial.is_known_at(staging);
            match if same_name { Ok(true) } else { known() } {
                Ok(false) => sheet.ok(Question::Separate, "staging does not know its uploads"),
                Ok(true) => {
                    let message = format!(
                        "{staging} and {} are one registry: what is staged is in production at once",
                        self.host(part)
                    );
                    let finding = Finding::error("ONE_REGISTRY", sheet.subject(), message)
                        .hint("give each a repository of its own; on Nexus, two hosted repositories with a connector each");
                    sheet.found(Question::Separate, "it is staging", [finding]);
                }
                Err(error) => {
                    sheet.unasked(&[Question::Separate], format!("staging does not answer: {error}"));
                }
            }
        }
        trial.give_up();
        Ok(())
    }

    /// Whether something before the registry limits the size of what is sent.
    fn body_size(
        &self,
        repository: Option<&RepositoryRef>,
        cargo: Option<&Cargo>,
        sheet: &mut Sheet,
    ) -> Result<(), AnyFault> {
        let question = Question::BodySize;
        let Some(repository) = repository else {
            sheet.unasked_for(&[question], Question::Write);
            return Ok(());
        };
        let bytes = cargo.map_or(BODY, |cargo| cargo.largest.max(1));
        match self.client.takes(repository, bytes) {
            Ok(()) => sheet.ok(question, format!("{} are not refused", human_bytes(bytes))),
            Err(RegistryError::Interrupted) => return Err(RegistryError::Interrupted.into()),
            Err(error) => sheet.failed(question, "BODY_SIZE", &error),
        }
        Ok(())
    }

    fn prerequisites(&self, cargo: Option<&Cargo>, sheet: &mut Sheet) -> Result<(), AnyFault> {
        let question = Question::Prerequisites;
        let Some(Cargo { plan, places, .. }) = cargo else {
            sheet.unasked(&[question], "no archive was named");
            return Ok(());
        };
        let place = |needed: &Prerequisite| {
            places
                .get(&needed.digest)
                .cloned()
                .ok_or_else(|| RegistryError::NotFound { request: needed.digest.to_string() }.into())
        };
        match lacking(self.site, plan, place, self.client, self.jobs, self.events) {
            Ok(missing) => match unmet(&missing, plan, Vec::new()) {
                None => sheet.ok(question, format!("{} there", counted(plan.prerequisites.len(), "part"))),
                Some(unmet) => sheet.failed(question, "PREREQUISITES", &unmet),
            },
            Err(fault) if fault.exit() == Exit::Interrupted => return Err(fault),
            Err(fault) => sheet.failed(question, "PREREQUISITES", &*fault),
        }
        Ok(())
    }
}

/// Says of a registry without TLS what that means, unless nobody is on the way.
fn in_clear(host: &RegistryHost, subject: String) -> Option<Finding> {
    let message = "it is spoken to in clear: whoever is on the way can read and change what passes";
    (!host.is_loopback()).then(|| Finding::info("PLAIN_HTTP", subject, message))
}

/// Compares its clock with ours.
fn clock(greeting: &Greeting, sheet: &mut Sheet) {
    let Some(ahead) = greeting.ahead else {
        sheet.unasked(&[Question::Clock], "it does not tell the time");
        return;
    };
    let by = ahead.unsigned_abs();
    if by <= SKEW {
        sheet.ok(Question::Clock, "as ours");
        return;
    }
    let told = format!("{by} s {} ours", if ahead < 0 { "behind" } else { "ahead of" });
    let severity = if by > MUCH_SKEW { Severity::Error } else { Severity::Warning };
    let finding = Finding::error("CLOCK_SKEW", sheet.subject(), format!("its clock is {told}")).hint(
        "set both clocks, by NTP where there is one: tokens, certificates and archives are good for a time",
    );
    sheet.found(Question::Clock, told, [Finding { severity, ..finding }]);
}

/// What is asked of a registry once it takes us for who we are, in this order.
fn later(part: Part) -> Vec<Question> {
    let mut all = vec![Question::Write, Question::Token];
    if part == Part::Production {
        all.extend([Question::Separate, Question::BodySize, Question::Prerequisites, Question::Generation]);
    } else {
        all.push(Question::BodySize);
    }
    all.extend([Question::Redeploy, Question::SparseIndex]);
    all
}

/// In how many days it ends and when, where that is soon.
fn ending(certificate: &Certificate, now: &Moment) -> Option<(i64, Moment)> {
    let until = certificate.until?;
    let days = (until.unix() - now.unix()) / 86_400;
    (days < DAYS).then_some((days, until))
}

/// A certificate in words.
fn told_of(certificate: Option<&Certificate>) -> String {
    let Some(Certificate { issuer, until, .. }) = certificate else { return "TLS".to_owned() };
    let until = until.as_ref().map(|until| format!(", good until {until}")).unwrap_or_default();
    format!("a certificate by {issuer}{until}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_told_where_somebody_may_be_on_the_way() {
        for (host, told) in [
            ("127.0.0.1:5000", false),
            ("localhost:5000", false),
            ("[::1]:5000", false),
            ("127.0.0.1.example:5000", true),
            ("10.0.0.7:5000", true),
            ("registry.example", true),
        ] {
            let found = in_clear(&host.parse().unwrap(), format!("staging {host}"));
            let found = found.map(|finding| (finding.code, finding.subject));
            let expected = told.then(|| ("PLAIN_HTTP".to_owned(), format!("staging {host}")));
            assert_eq!(found, expected, "{host}");
        }
    }
}
