//! The lease on production, held by many at once if it were worth nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ombundle::event::Silent;
use ombundle::fault::AnyFault;
use ombundle::promote::{Claimant, Lease};
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, Environment};

use crate::support::registry::DockerRegistry;

fn client() -> Client {
    Client::new(ClientOptions::default(), &Environment::default(), std::sync::Arc::new(Silent)).unwrap()
}

fn claimant<'a>(client: &'a Client, name: &'a str, patience: u64) -> Claimant<'a> {
    Claimant { name, holder: name, patience: Duration::from_secs(patience), client, events: &Silent }
}

#[test]
fn only_one_is_inside() {
    let registry = DockerRegistry::start();
    let state = registry.repository("ombundle/state");
    let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for name in ["0a", "1b", "2c", "3d"] {
            let (state, inside, turns) = (&state, &inside, &turns);
            scope.spawn(move || {
                let client = client();
                let claimant = claimant(&client, name, 90);
                for _ in 0..3 {
                    let work = |lease: &Lease<'_>| {
                        lease.take()?;
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "{name} is not alone");
                        assert!(lease.holds());
                        std::thread::sleep(Duration::from_millis(30));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    };
                    claimant.hold(state, work).unwrap();
                }
            });
        }
    });
    assert_eq!(turns.into_inner(), 12);
}

/// Takes the lease and dies with it.
fn die(claimant: &Claimant<'_>, state: &RepositoryRef) {
    let work = |lease: &Lease<'_>| -> Result<(), AnyFault> {
        lease.take().unwrap();
        std::panic::panic_any("dead");
    };
    let died = catch_unwind(AssertUnwindSafe(|| claimant.hold(state, work)));
    assert_eq!(died.unwrap_err().downcast_ref(), Some(&"dead"));
}

/// How long it takes to get it.
fn wait(claimant: &Claimant<'_>, state: &RepositoryRef) -> Duration {
    let begin = Instant::now();
    let work = |lease: &Lease<'_>| {
        lease.take()?;
        Ok(begin.elapsed())
    };
    claimant.hold(state, work).unwrap()
}

#[test]
fn a_dead_holder_is_waited_for_and_no_longer() {
    let registry = DockerRegistry::start();
    let state = registry.repository("ombundle/state");
    let client = client();
    die(&claimant(&client, "0a", 2), &state);
    // Its own next run need not wait: the claim is its own.
    let own = wait(&claimant(&client, "0a", 60), &state);
    assert!(own < Duration::from_secs(2), "{own:?}");
    die(&claimant(&client, "0a", 2), &state);
    let other = wait(&claimant(&client, "1b", 2), &state);
    assert!((2..8).contains(&other.as_secs()), "{other:?}");
    // What was let go is free at once, though the dead one's claim still stands.
    let next = wait(&claimant(&client, "2c", 1), &state);
    assert!(next < Duration::from_secs(5), "{next:?}");
}

#[test]
fn a_long_import_keeps_it() {
    let registry = DockerRegistry::start();
    let state = registry.repository("ombundle/state");
    let (inside, after) = (AtomicBool::new(true), AtomicBool::new(false));
    let taken = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let client = client();
        let (taken, inside, after, state) = (&taken, &inside, &after, &state);
        scope.spawn(move || {
            let work = |lease: &Lease<'_>| {
                lease.take()?;
                taken.wait();
                // Thrice as long as anybody believes in a claim that is not renewed.
                std::thread::sleep(Duration::from_secs(9));
                assert!(lease.holds());
                inside.store(false, Ordering::SeqCst);
                Ok(())
            };
            claimant(&client, "1b", 3).hold(state, work).unwrap();
        });
        taken.wait();
        // A smaller name has no precedence over who is inside.
        let client = self::client();
        let work = |lease: &Lease<'_>| {
            lease.take()?;
            after.store(!inside.load(Ordering::SeqCst), Ordering::SeqCst);
            Ok(())
        };
        claimant(&client, "0a", 3).hold(state, work).unwrap();
    });
    assert!(after.into_inner(), "both were inside");
    // Of all the renewals a registry keeps few, whatever the time: four of each holder, and the one that says `free`.
    let links =
        registry.storage().join("docker/registry/v2/repositories/ombundle/state/_manifests/revisions/sha256");
    let kept = std::fs::read_dir(links).unwrap().count();
    assert!(kept <= 9, "{kept} manifests");
}
