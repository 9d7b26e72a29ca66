//! Bounded threads: one list of jobs, a few workers, the first failure ends the rest.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

use crate::event::Events;
use crate::fault::{AnyFault, Exit, Fault};

/// The person asked to stop.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub struct Interrupted;

impl Fault for Interrupted {
    fn exit(&self) -> Exit {
        Exit::Interrupted
    }

    fn hint(&self) -> Option<String> {
        Some("run the same command again: it goes on where it stopped".to_owned())
    }
}

/// How many threads can compute at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get)
}

/// Does `work` on each item with at most `threads` threads, in the order of the list as they get free.
///
/// The first failure is returned when the threads have ended; no new item is begun after it, nor after an interruption.
pub fn for_each<T: Sync>(
    items: &[T],
    threads: usize,
    events: &dyn Events,
    work: impl Fn(&T) -> Result<(), AnyFault> + Sync,
) -> Result<(), AnyFault> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let failure: Mutex<Option<AnyFault>> = Mutex::new(None);
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let result = if events.interrupted() { Err(Interrupted.into()) } else { work(item) };
            if let Err(fault) = result {
                stop.store(true, Ordering::Relaxed);
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
            }
        }
    };
    std::thread::scope(|scope| {
        // The calling thread works too.
        for _ in 1..threads.min(items.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// The same, with a result for each item, in the order of the list.
pub fn map<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    events: &dyn Events,
    work: impl Fn(&T) -> Result<R, AnyFault> + Sync,
) -> Result<Vec<R>, AnyFault> {
    let slots: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let numbered: Vec<(usize, &T)> = items.iter().enumerate().collect();
    for_each(&numbered, threads, events, |(index, item)| {
        let result = work(item)?;
        if let Some(slot) = slots.get(*index) {
            slot.lock().unwrap_or_else(PoisonError::into_inner).replace(result);
        }
        Ok(())
    })?;
    Ok(slots
        .into_iter()
        .filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect())
}

/// The same, with each result handed to `take` in the order of the list, on the calling thread, as soon as it is there. No more
/// than two results for each thread wait to be taken. `take` may break off.
pub fn in_order<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    events: &dyn Events,
    work: impl Fn(&T) -> Result<R, AnyFault> + Sync,
    mut take: impl FnMut(R) -> Result<ControlFlow<()>, AnyFault>,
) -> Result<(), AnyFault> {
    struct Line<R> {
        begun: usize,
        taken: usize,
        done: BTreeMap<usize, Result<R, AnyFault>>,
        over: bool,
    }
    let line = Mutex::new(Line { begun: 0, taken: 0, done: BTreeMap::new(), over: false });
    let moved = Condvar::new();
    let lock = || line.lock().unwrap_or_else(PoisonError::into_inner);
    let threads = threads.clamp(1, items.len().max(1));
    let worker = || loop {
        let index = {
            let mut line = lock();
            while !line.over && line.begun >= line.taken + 2 * threads {
                line = moved.wait(line).unwrap_or_else(PoisonError::into_inner);
            }
            if line.over || line.begun >= items.len() {
                return;
            }
            line.begun += 1;
            line.begun - 1
        };
        let Some(item) = items.get(index) else { return };
        let result = if events.interrupted() { Err(Interrupted.into()) } else { work(item) };
        lock().done.insert(index, result);
        moved.notify_all();
    };
    let mut taker = || {
        for index in 0..items.len() {
            let result = {
                let mut line = lock();
                loop {
                    if let Some(result) = line.done.remove(&index) {
                        line.taken = index + 1;
                        break result;
                    }
                    line = moved.wait(line).unwrap_or_else(PoisonError::into_inner);
                }
            };
            moved.notify_all();
            if take(result?)?.is_break() {
                break;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
        let outcome = taker();
        lock().over = true;
        moved.notify_all();
        outcome
    })
}

/// Does `work` on what `feed` hands out, with `threads` threads, while `feed` itself runs on the calling one, which helps when it
/// has ended. Gives what `feed` gave, and the results in no order.
///
/// The first failure is returned when the threads have ended; no new item is begun after it, nor after an interruption.
pub fn fed<T: Send, F, R: Send>(
    threads: usize,
    events: &dyn Events,
    feed: impl FnOnce(mpsc::Sender<T>) -> Result<F, AnyFault>,
    work: impl Fn(T) -> Result<R, AnyFault> + Sync,
) -> Result<(F, Vec<R>), AnyFault> {
    let (sender, receiver) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    let stop = AtomicBool::new(false);
    let done: Mutex<Result<Vec<R>, AnyFault>> = Mutex::new(Ok(Vec::new()));
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let Ok(item) = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv() else { break };
            let result = if events.interrupted() { Err(Interrupted.into()) } else { work(item) };
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            match (&mut *done, result) {
                (Ok(results), Ok(result)) => results.push(result),
                (Ok(_), Err(fault)) => {
                    stop.store(true, Ordering::Relaxed);
                    *done = Err(fault);
                }
                (Err(_), _) => {}
            }
        }
    };
    let outcome = std::thread::scope(|scope| {
        for _ in 1..threads.max(2) {
            scope.spawn(worker);
        }
        let outcome = feed(sender);
        if outcome.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        worker();
        outcome
    });
    Ok((outcome?, done.into_inner().unwrap_or_else(PoisonError::into_inner)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Silent};

    #[test]
    fn results_come_in_the_order_of_the_list() {
        let items: Vec<u32> = (0..100).collect();
        let doubled = map(&items, 4, &Silent, |item| Ok(item * 2)).unwrap();
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(map(&[] as &[u32], 4, &Silent, |item| Ok(*item)).unwrap().is_empty());
    }

    #[test]
    fn results_are_taken_in_order_and_few_wait() {
        let items: Vec<usize> = (0..200).collect();
        let (begun, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut seen = Vec::new();
        let work = |item: &usize| {
            let ahead = begun.fetch_add(1, Ordering::SeqCst) + 1 - taken.load(Ordering::SeqCst);
            assert!(ahead <= 3 * 2 + 1, "{ahead} ahead");
            Ok(*item)
        };
        in_order(&items, 3, &Silent, work, |item| {
            seen.push(item);
            taken.fetch_add(1, Ordering::SeqCst);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(seen, items);
    }

    #[test]
    fn a_failure_a_break_and_nothing_end_the_line() {
        let items: Vec<u32> = (0..1000).collect();
        let go_on = |_| Ok(ControlFlow::Continue(()));
        let fail = |item: &u32| if *item == 7 { Err(Interrupted.into()) } else { Ok(*item) };
        assert_eq!(in_order(&items, 2, &Silent, fail, go_on).unwrap_err().exit(), Exit::Interrupted);
        let mut last = 0;
        let stop = |item: u32| {
            last = item;
            Ok(if item == 9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        in_order(&items, 2, &Silent, |item| Ok(*item), stop).unwrap();
        assert_eq!(last, 9);
        in_order(&[], 2, &Silent, |item: &u32| Ok(*item), go_on).unwrap();
    }

    #[test]
    fn what_is_fed_is_done_meanwhile() {
        let met = std::sync::Barrier::new(2);
        let feed = |sender: mpsc::Sender<u32>| {
            sender.send(0).unwrap();
            // Goes on only when the first item is being worked on.
            met.wait();
            (1..100).for_each(|item| sender.send(item).unwrap());
            Ok("fed")
        };
        let work = |item: u32| {
            if item == 0 {
                met.wait();
            }
            Ok(item)
        };
        let (told, mut done) = fed(1, &Silent, feed, work).unwrap();
        done.sort_unstable();
        assert_eq!((told, done), ("fed", (0..100).collect()));
    }

    #[test]
    fn a_failure_of_either_side_ends_the_feeding() {
        let feed = |sender: mpsc::Sender<u32>| {
            (0..100).for_each(|item| sender.send(item).unwrap());
            Ok(())
        };
        let begun = AtomicUsize::new(0);
        let work = |_| {
            begun.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(Interrupted.into())
        };
        assert_eq!(fed(2, &Silent, feed, work).unwrap_err().exit(), Exit::Interrupted);
        assert!(begun.load(Ordering::SeqCst) <= 2);
        let feed = |_: mpsc::Sender<u32>| Err::<(), _>(Interrupted.into());
        assert_eq!(fed(2, &Silent, feed, Ok).unwrap_err().exit(), Exit::Interrupted);
    }

    #[test]
    fn the_first_failure_ends_the_rest() {
        let begun = AtomicUsize::new(0);
        let items: Vec<u32> = (0..10_000).collect();
        let result = for_each(&items, 2, &Silent, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 10 { Err(Interrupted.into()) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().exit(), Exit::Interrupted);
        assert!(begun.load(Ordering::Relaxed) < 10_000);
    }

    #[test]
    fn an_interruption_begins_nothing_new() {
        struct Stopped;
        impl Events for Stopped {
            fn emit(&self, _: &Event<'_>) {}

            fn interrupted(&self) -> bool {
                true
            }
        }
        let result = for_each(&[1], 2, &Stopped, |_| unreachable!("nothing may begin"));
        assert_eq!(result.unwrap_err().exit(), Exit::Interrupted);
    }
}
