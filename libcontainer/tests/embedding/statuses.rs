//! No status is lost, whoever waits and whoever reaps.

use super::{Outcome, run, skip, with_bundle};
use libcontainer::{Error, ExecOptions, Exit, Process, Runtime, Stdio};
use std::time::{Duration, Instant};

fn zombies() -> usize {
    let children = std::fs::read_dir("/proc").expect("/proc").flatten().filter(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut fields = rest.split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        state == Some("Z") && parent == Some(std::process::id().to_string().as_str())
    });
    children.count()
}

#[test]
fn all_who_wait_get_the_same_status() {
    with_bundle("waiters", |bundle| -> Outcome {
        let (running, _output) = run(bundle, &bundle.id("c"), &["sleep", "600"])?;
        let exits: Vec<Exit> = std::thread::scope(|scope| {
            let wait = || scope.spawn(|| running.process.clone().wait());
            let waiters: Vec<_> = (0..8).map(|_| wait()).collect();
            running.process.signal(libc::SIGKILL).expect("a signal");
            waiters.into_iter().map(|waiter| waiter.join().unwrap().unwrap()).collect()
        });
        assert_eq!(exits, [Exit::Signal(libc::SIGKILL); 8]);
        assert_eq!(running.container.wait()?, Exit::Signal(libc::SIGKILL));
        running.container.delete(false)?;
        Ok(())
    });
}

#[test]
fn a_container_that_is_deleted_under_a_waiter_tells_it_how_it_ended() {
    with_bundle("deleted", |bundle| -> Outcome {
        for number in 0..20 {
            let (running, _output) =
                run(bundle, &bundle.id(&format!("c{number}")), &["sleep", "600"])?;
            let process = running.process.clone();
            let waiter = std::thread::spawn(move || process.wait());
            running.container.delete(true)?;
            assert_eq!(waiter.join().expect("the waiter")?, Exit::Signal(libc::SIGKILL));
        }
        Ok(())
    });
}

/// Deleted by its id, in the program that started it and did not wait.
#[test]
fn a_deleted_container_is_no_zombie() {
    with_bundle("zombie", |bundle| -> Outcome {
        let (id, runtime) = (bundle.id("c"), Runtime::new(bundle.state_root()));
        let pid = {
            let (running, _output) = run(bundle, &id, &["sleep", "600"])?;
            running.process.pid()
        };
        runtime.load(&id)?.delete(true)?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(!stat.contains(") Z "), "{stat}");
        Ok(())
    });
}

/// As a program does that waits for any child. From Linux 6.15 on the kernel tells how a process ended to whoever has
/// a pidfd of it.
#[test]
fn a_status_that_somebody_else_took_is_asked_of_the_kernel() {
    with_bundle("taken", |bundle| -> Outcome {
        let (running, _output) = run(bundle, &bundle.id("c"), &["sh", "-c", "exit 5"])?;
        let pid = nix::unistd::Pid::from_raw(running.process.pid());
        nix::sys::wait::waitpid(pid, None)?;
        match running.wait() {
            Ok(exit) => assert_eq!(exit, Exit::Status(5)),
            Err(Error::ExitUnknown { pid: unknown }) => {
                assert_eq!(unknown, pid.as_raw());
                skip(
                    "statuses::a_status_that_somebody_else_took_is_asked_of_the_kernel",
                    "Linux before 6.15",
                );
            }
            Err(error) => return Err(error.into()),
        }
        running.container.delete(false)?;
        Ok(())
    });
}

/// As short as can be, many, from several threads; then there are no descriptors, threads or zombies more than before.
#[test]
fn short_lives_from_several_threads_lose_no_status() {
    with_bundle("short", |bundle| -> Outcome {
        let count: usize =
            std::env::var("CREEL_TEST_LIVES").map_or(Ok(24), |count| count.parse())?;
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for number in 0..count.div_ceil(4) {
                        let id = bundle.id(&format!("c{thread}-{number}"));
                        let script = format!("exit {}", number % 200);
                        let (running, _) = run(bundle, &id, &["sh", "-c", &script]).unwrap();
                        let exit = running.process.wait_timeout(Duration::from_secs(60)).unwrap();
                        assert_eq!(exit, Some(Exit::Status(number as i32 % 200)));
                        running.container.delete(false).unwrap();
                    }
                });
            }
        });
        super::wait_until("all children to be reaped", || zombies() == 0);
        Ok(())
    });
}

/// Of a process that is no child of this program and runs on.
#[test]
fn a_handle_is_not_the_process() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Process>();
    shared::<libcontainer::Container>();
    shared::<Runtime>();
    with_bundle("handle", |bundle| -> Outcome {
        let id = bundle.id("c");
        let pid = run(bundle, &id, &["sleep", "600"])?.0.process.pid();
        let found = Runtime::new(bundle.state_root()).load(&id)?;
        let process = found.process()?.expect("it runs on");
        assert_eq!(process.pid(), pid);
        process.signal(libc::SIGKILL)?;
        assert_eq!(process.wait()?, Exit::Signal(libc::SIGKILL));
        found.delete(false)?;
        Ok(())
    });
}

/// The first process of a pid namespace ends only after all others in it were reaped, those of exec by this program.
#[test]
fn a_container_ends_although_nobody_waits_for_its_execs() {
    with_bundle("execs", |bundle| -> Outcome {
        let begin = Instant::now();
        let sleep = || ExecOptions::command(["sleep", "600"]).stdio(Stdio::null().expect("null"));
        for number in 0..3 {
            let (running, _output) =
                run(bundle, &bundle.id(&format!("c{number}")), &["sleep", "600"])?;
            let known = running.container.exec(&sleep())?;
            drop(running.container.exec(&sleep())?);
            let container = running.container.clone();
            let (waiting, waits) = std::sync::mpsc::channel();
            let waiter = std::thread::spawn(move || {
                waiting.send(()).expect("a listener");
                container.wait()
            });
            waits.recv()?;
            // While another thread waits for the first one already.
            std::thread::sleep(Duration::from_millis(20));
            drop(running.container.exec(&sleep())?);
            let late =
                Runtime::new(bundle.state_root()).load(running.container.id())?.exec(&sleep())?;
            match number {
                0 => running.process.signal(libc::SIGKILL)?,
                1 => running.container.delete(true)?,
                _ => Runtime::new(bundle.state_root()).delete_force(running.container.id())?,
            }
            assert_eq!(waiter.join().expect("the waiter")?, Exit::Signal(libc::SIGKILL));
            assert_eq!(known.wait()?, Exit::Signal(libc::SIGKILL));
            assert_eq!(late.wait()?, Exit::Signal(libc::SIGKILL));
            Runtime::new(bundle.state_root()).delete_force(running.container.id())?;
        }
        assert!(begin.elapsed() < Duration::from_secs(8), "took {:?}", begin.elapsed());
        Ok(())
    });
}
