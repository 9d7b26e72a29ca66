//! The lease on production's catalogs, held by many at once if it were worth nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ombundle::event::Silent;
use ombundle::promote::Claimant;
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
    let catalog = registry.repository("olm/index");
    let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // The last two have one name: a state folder that was copied.
        for name in ["0a", "1b", "2c", "2c"] {
            let (catalog, inside, turns) = (&catalog, &inside, &turns);
            scope.spawn(move || {
                let client = client();
                let claimant = claimant(&client, name, 90);
                for _ in 0..3 {
                    let lease = claimant.take(catalog).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "{name} is not alone");
                    assert!(lease.holds());
                    std::thread::sleep(Duration::from_millis(30));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    turns.fetch_add(1, Ordering::SeqCst);
                    drop(lease);
                }
            });
        }
    });
    assert_eq!(turns.into_inner(), 12);
}

#[test]
fn a_dead_holder_is_waited_for_and_no_longer() {
    let registry = DockerRegistry::start();
    let catalog = registry.repository("olm/index");
    let client = client();
    claimant(&client, "0a", 2).take(&catalog).map(std::mem::forget).unwrap();
    // Its own next run need not wait: the claim is its own.
    let begin = Instant::now();
    claimant(&client, "0a", 60).take(&catalog).map(std::mem::forget).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    let begin = Instant::now();
    let other = claimant(&client, "1b", 2);
    let lease = other.take(&catalog).unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
    drop(lease);
    // What was let go is free at once, though the dead one's claim still stands.
    let begin = Instant::now();
    drop(claimant(&client, "2c", 1).take(&catalog).unwrap());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}
