//! Files that people name on the command line, read and understood, or refused with everything that is wrong with them.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::archive::Moment;
use crate::cli::failure::{Failure, show_findings};
use crate::fault::Exit;
use crate::finding::{Finding, has_errors};
use crate::limits::LIMITS;
use crate::site::cluster::ClusterDump;
use crate::site::{Site, SiteReport};
use crate::store::files;
use crate::text::counted;
use crate::trust::{PublicKey, SecretKey, TrustSet};

/// Keys are small; whatever is larger is not one.
const KEY_BYTES: u64 = 64 << 10;

/// A site file and the folder that its paths are relative to.
pub(super) struct SiteFile {
    /// The site.
    pub(super) site: Site,
    /// The folder of the file.
    pub(super) base: PathBuf,
}

impl SiteFile {
    /// Reads a site file. Its findings are shown; errors among them are a failure.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path, LIMITS.yaml_bytes)?;
        let (site, findings) = Site::parse(&bytes, &path.display().to_string(), &LIMITS);
        show_findings(&findings);
        let site = site.ok_or_else(|| summary(Exit::Usage, "the site file", &findings))?;
        let base =
            path.parent().filter(|base| !base.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        Ok(Self { site, base })
    }

    /// The folder of journal and records.
    pub(super) fn state(&self) -> PathBuf {
        self.site.state_dir(&self.base)
    }

    /// The site's trust.
    pub(super) fn trust(&self) -> Result<TrustSet, Failure> {
        trust(&self.site.key_files(&self.base), self.site.spec.trust.threshold)
    }
}

/// Says that something has errors, after they were shown.
pub(super) fn summary(exit: Exit, what: &str, findings: &[Finding]) -> Failure {
    let errors =
        findings.iter().filter(|finding| finding.severity == crate::finding::Severity::Error).count();
    Failure::findings(exit, format!("{what} has {}, named above", counted(errors, "error")))
}

/// Shows findings, and fails if any of them is an error.
pub(super) fn settle(exit: Exit, what: &str, findings: &[Finding]) -> Result<(), Failure> {
    show_findings(findings);
    if has_errors(findings) { Err(summary(exit, what, findings)) } else { Ok(()) }
}

/// A set of public keys, of which so many must have signed.
pub(super) fn trust(keys: &[PathBuf], threshold: u32) -> Result<TrustSet, Failure> {
    let keys = keys.iter().map(|path| public_key(path)).collect::<Result<_, _>>()?;
    Ok(TrustSet::new(keys, usize::try_from(threshold).unwrap_or(usize::MAX))?)
}

/// A public key in PEM form.
pub(super) fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let bytes = files::read(path, KEY_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    PublicKey::from_pem(&text).map_err(|error| {
        let failure = Failure::from(error);
        failure.about(format!("`{}` is not a usable public key", path.display()))
    })
}

/// A private key that nobody else can read.
pub(super) fn secret_key(path: &Path) -> Result<SecretKey, Failure> {
    let bytes = Zeroizing::new(files::read_private(path, KEY_BYTES)?);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage(format!("`{}` is not a PEM file", path.display())))?;
    SecretKey::from_pem(text).map_err(|error| {
        let failure = Failure::from(error);
        failure.about(format!("`{}` is not a usable private key", path.display()))
    })
}

/// Refuses a file to be whose folder is not there, before there is anything to lose.
pub(super) fn in_a_folder(output: &Path) -> Result<(), Failure> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            let (output, folder) = (output.display(), folder.display());
            Err(Failure::usage(format!("`{output}` cannot be written: there is no folder `{folder}`"))
                .hint(format!("make it first: `mkdir -p {folder}`")))
        }
        _ => Ok(()),
    }
}

/// The clock.
pub(super) fn now() -> Result<Moment, Failure> {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    Moment::from_unix(seconds)
        .ok_or_else(|| Failure::usage("the clock of this machine is thousands of years off"))
}

/// When a build says it was made: what SOURCE_DATE_EPOCH says (reproducible-builds.org), else the beginning of time, so that the
/// same inputs give the same bytes.
pub(super) fn moment_of_builds() -> Result<Moment, Failure> {
    let written = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|text| !text.is_empty());
    let seconds = written.map_or(Ok(0), |text| text.parse()).ok();
    seconds.and_then(Moment::from_unix).ok_or_else(|| {
        Failure::usage("SOURCE_DATE_EPOCH is no number of seconds since 1970")
            .hint("set it to the output of `git log -1 --format=%ct`, or unset it")
    })
}

/// A site report, or the one inside a receipt.
pub(super) fn site_report(path: &Path) -> Result<SiteReport, Failure> {
    Ok(SiteReport::parse(&files::read(path, LIMITS.meta_bytes)?, &LIMITS)?)
}

/// Dumps of one cluster, laid together; nothing when there are none.
pub(super) fn cluster_dumps(paths: &[PathBuf]) -> Result<Option<ClusterDump>, Failure> {
    let mut all: Option<ClusterDump> = None;
    each_cluster_dump(paths, |_, _, dump| {
        match &mut all {
            Some(all) => all.merge(dump),
            None => all = Some(dump),
        }
        Ok(())
    })?;
    Ok(all)
}

/// Dumps one by one, each with its file and the bytes of that.
pub(super) fn each_cluster_dump(
    paths: &[PathBuf],
    mut take: impl FnMut(&Path, &[u8], ClusterDump) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for path in paths {
        let bytes = files::read(path, LIMITS.meta_bytes)?;
        let (dump, findings) = ClusterDump::parse(&bytes, &path.display().to_string());
        settle(Exit::Usage, "the cluster dump", &findings)?;
        take(path, &bytes, dump)?;
    }
    Ok(())
}
