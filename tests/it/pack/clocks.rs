//! The clock of a site may be a little behind the one of the connected host.

use std::sync::Arc;

use ombundle::archive::Moment;
use ombundle::demo::Generation;
use ombundle::event::Silent;
use ombundle::flow::verify::verify;
use ombundle::limits::LIMITS;
use ombundle::store::archive_file::ArchiveFile;
use ombundle::trust::{PublicKey, TrustSet};
use ombundle::verify::Policy;

use super::stage::Stage;

#[test]
fn ten_minutes_are_no_matter_and_more_are() {
    let stage = Stage::new(Generation::First);
    let created: Moment = stage.plan()["created"].as_str().unwrap().parse().unwrap();
    stage.pack("a.ombundle", &[]).ended(0);
    let key = PublicKey::from_pem(&String::from_utf8(stage.read("signer.pub")).unwrap()).unwrap();
    let trust = TrustSet::new(vec![key], 1).unwrap();
    let archive = Arc::new(ArchiveFile::open(&stage.path("a.ombundle")).unwrap());
    let codes = |behind: i64| -> Vec<String> {
        let policy = Policy::at(Moment::from_unix(created.unix() - behind).unwrap());
        match verify(Arc::clone(&archive) as _, &trust, &policy, &Silent, &LIMITS) {
            Ok(_) => Vec::new(),
            Err(refused) => refused.refusals().iter().map(|refusal| refusal.code().to_owned()).collect(),
        }
    };
    assert_eq!(codes(0), [""; 0]);
    assert_eq!(codes(600), [""; 0]);
    assert_eq!(codes(601), ["NOT_YET_VALID"]);
    // The end is not moved.
    let end = 365 * 24 * 3600;
    assert_eq!(codes(-(end - 1)), [""; 0]);
    assert_eq!(codes(-end), ["EXPIRED"]);
}
