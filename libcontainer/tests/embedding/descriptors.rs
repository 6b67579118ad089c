//! Descriptors: none of the library's gets into another program, none of another's into a container.

use super::{Outcome, read_all, run, sys, with_bundle};
use libcontainer::{ExecOptions, Stdio};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

/// From here on tests put descriptors that are inherited on purpose.
const ON_PURPOSE: i32 = 600;

/// Standard streams apart, and what a program that this test was started by handed down.
fn inheritable() -> Vec<i32> {
    (3..ON_PURPOSE).filter(|number| sys::is_inheritable(*number)).collect()
}

#[test]
fn none_of_the_library_is_ever_inheritable() {
    let handed_down = inheritable();
    with_bundle("cloexec", |bundle| -> Outcome {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| -> Outcome {
            let watcher = scope.spawn(|| {
                let mut looks = 0;
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(inheritable(), handed_down);
                    looks += 1;
                    std::thread::yield_now();
                }
                looks
            });
            let lived = (0..10).try_for_each(|number| -> Outcome {
                let (running, _output) =
                    run(bundle, &bundle.id(&format!("c{number}")), &["sleep", "600"])?;
                let exec = ExecOptions::command(["true"]).stdio(Stdio::null()?);
                running.container.exec(&exec)?.wait()?;
                Ok(running.container.delete(true)?)
            });
            done.store(true, Ordering::Relaxed);
            assert!(watcher.join().expect("the watcher") > 10);
            lived
        })
    });
}

/// Another thread opens files that are not close-on-exec, as programs do that do not know better.
#[test]
fn none_of_another_thread_gets_into_a_container() {
    with_bundle("leaks", |bundle| -> Outcome {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| -> Outcome {
            scope.spawn(|| {
                let file = File::open("/dev/null").expect("/dev/null");
                while !done.load(Ordering::Relaxed) {
                    drop(sys::duplicate_inheritable(file.as_fd(), ON_PURPOSE));
                }
            });
            let lived = (0..10).try_for_each(|number| -> Outcome {
                let id = bundle.id(&format!("c{number}"));
                let (running, mut output) = run(
                    bundle,
                    &id,
                    &["sh", "-c", "ls /proc/self/fd; exec sleep 600 >/dev/null 2>&1"],
                )?;
                let (mut ours, theirs) = UnixStream::pair()?;
                let exec = ExecOptions::command(["ls", "/proc/self/fd"])
                    .stdio(Stdio::null()?.output(theirs));
                running.container.exec(&exec)?.wait()?;
                drop(exec);
                // The last one is the directory that is read.
                assert_eq!(read_all(&mut output), "0\n1\n2\n3\n");
                assert_eq!(read_all(&mut ours), "0\n1\n2\n3\n");
                Ok(running.container.delete(true)?)
            });
            done.store(true, Ordering::Relaxed);
            lived
        })
    });
}
