//! Each operation, without the program.

use super::{Outcome, read_all, run, wait_until, with_bundle};
use libcontainer::oci_spec::runtime::{LinuxPidsBuilder, LinuxResources};
use libcontainer::{
    Config, CreateOptions, Error, Event, ExecOptions, ExecProcess, Exit, Runtime, Status, Stdio,
    cgroups,
};
use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[test]
fn a_configuration_is_a_value_a_file_or_in_the_bundle() {
    with_bundle("config", |bundle| -> Outcome {
        let write = |name: &str, status: &str| -> Outcome {
            let spec = bundle.spec(&["sh", "-c", &format!("exit {status}")]);
            Ok(fs::write(bundle.path().join(name), serde_json::to_vec(&spec)?)?)
        };
        write("config.json", "1")?;
        write("other.json", "2")?;
        let value = bundle.spec(&["sh", "-c", "exit 3"]);
        let new = || CreateOptions::new(bundle.path()).stdio(Stdio::null().expect("/dev/null"));
        let other = bundle.path().join("other.json");
        let runtime = Runtime::new(bundle.state_root());
        for (number, options) in
            [new(), new().config_file(other), new().spec(value)].into_iter().enumerate()
        {
            let running = runtime.run(&bundle.id(&format!("c{number}")), &options)?;
            assert_eq!(running.wait()?, Exit::Status(number as i32 + 1));
            running.container.delete(false)?;
        }
        Ok(())
    });
}

#[test]
fn a_value_without_a_bundle_directory_is_refused() {
    with_bundle("nobundle", |bundle| -> Outcome {
        let options = CreateOptions::default();
        assert!(matches!(options.config, Config::Bundle));
        let options = options.spec(bundle.spec(&["true"]));
        let error = Runtime::new(bundle.state_root()).create("x", &options).unwrap_err();
        assert!(matches!(error, Error::Load(_)), "{error:?}");
        Ok(())
    });
}

#[test]
fn from_created_to_deleted() {
    with_bundle("life", |bundle| -> Outcome {
        let runtime = Runtime::new(bundle.state_root());
        let id = bundle.id("c");
        let pid_file = bundle.path().join("pid");
        let options = CreateOptions::new(bundle.path())
            .spec(bundle.spec(&["sleep", "600"]))
            .stdio(Stdio::null()?)
            .pid_file(&pid_file);
        let made = runtime.create(&id, &options)?;
        assert_eq!(made.state()?.status, Status::Created);
        let process = made.process()?.expect("a process");
        assert_eq!(fs::read_to_string(pid_file)?, process.pid().to_string());
        assert_eq!(process.wait_timeout(Duration::from_millis(20))?, None);
        made.start()?;

        let found = runtime.load(&id)?;
        assert_eq!(found.state()?.pid, process.pid());
        assert_eq!(found.processes()?, [process.pid()]);
        found.pause()?;
        assert_eq!(made.state()?.status, Status::Paused);
        found.resume()?;
        let mut limits = LinuxResources::default();
        limits.set_pids(Some(LinuxPidsBuilder::default().limit(7).build()?));
        match found.update(&limits) {
            Ok(()) => assert_eq!(found.stats()?.pids.limit, 7),
            Err(Error::Cgroup(cgroups::Error::NotEnabled { .. })) => {
                super::skip("life::from_created_to_deleted, update", "there is no pids controller");
            }
            Err(error) => return Err(error.into()),
        }
        let mut events = found.events(Duration::from_millis(10))?;
        assert!(matches!(events.wait()?, Some(Event::Stats(_))));

        found.kill(libc::SIGKILL, true)?;
        assert_eq!(made.wait()?, Exit::Signal(libc::SIGKILL));
        assert_eq!(runtime.list()?[0].status, Status::Stopped);
        found.delete(false)?;
        assert!(made.state().unwrap_err().is_not_found());
        Ok(())
    });
}

#[test]
fn an_exec_gets_the_streams_and_files_that_it_is_given() {
    with_bundle("exec", |bundle| -> Outcome {
        let (running, _output) = run(bundle, &bundle.id("c"), &["sleep", "600"])?;
        let (mut ours, theirs) = UnixStream::pair()?;
        let input = bundle.path().join("input");
        fs::write(&input, "in\n")?;
        let script = "cat; cat <&3; cat <&4; ls /proc/self/fd; echo err >&2; exit 9";
        let options = ExecOptions::command(["sh", "-c", script])
            .stdio(
                Stdio::default()
                    .input(fs::File::open(&input)?)
                    .output(theirs.try_clone()?)
                    .error(theirs),
            )
            .file(fs::File::open(&input)?)
            .file(fs::File::open(&input)?);
        let exec = running.container.exec(&options)?;
        drop(options);
        let mut text = String::new();
        ours.read_to_string(&mut text)?;
        // The last of the numbers is the directory that ls reads.
        assert_eq!(text, "in\nin\nin\n0\n1\n2\n3\n4\n5\nerr\n");
        assert_eq!(exec.wait()?, Exit::Status(9));
        running.container.delete(true)?;
        Ok(())
    });
}

#[test]
fn files_do_not_collide_with_the_numbers_of_the_library_itself() {
    with_bundle("numbers", |bundle| -> Outcome {
        // More than the descriptors that are open here, and so beyond what the library gets for its own.
        let mut options = CreateOptions::new(bundle.path()).spec(bundle.spec(&[
            "sh",
            "-c",
            "for n in 3 60 102; do cat <&$n; done; ls /proc/self/fd",
        ]));
        for number in 3..103 {
            let file = bundle.path().join(format!("{number}"));
            fs::write(&file, format!("file {number}\n"))?;
            options = options.file(fs::File::open(&file)?);
        }
        let (mut ours, theirs) = UnixStream::pair()?;
        let options = options.stdio(Stdio::null()?.output(theirs));
        let running = Runtime::new(bundle.state_root()).run(&bundle.id("c"), &options)?;
        drop(options);
        let text = read_all(&mut ours);
        assert!(text.starts_with("file 3\nfile 60\nfile 102\n"), "{text}");
        let numbers: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        assert_eq!(numbers.len(), 104, "{numbers:?}");
        assert_eq!(running.wait()?, Exit::Status(0));
        running.container.delete(false)?;
        Ok(())
    });
}

#[test]
fn a_whole_process_can_be_given_to_exec() {
    with_bundle("given", |bundle| -> Outcome {
        let (running, _output) = run(bundle, &bundle.id("c"), &["sleep", "600"])?;
        let spec = bundle.spec(&["sh", "-c", "exit 4"]);
        let process = spec.process().clone().expect("a process");
        let options = ExecOptions::new(ExecProcess::Given(Box::new(process))).stdio(Stdio::null()?);
        assert_eq!(running.container.exec(&options)?.wait()?, Exit::Status(4));
        running.container.delete(true)?;
        Ok(())
    });
}

#[test]
fn what_fails_is_typed_and_leaves_nothing() {
    with_bundle("errors", |bundle| -> Outcome {
        let runtime = Runtime::new(bundle.state_root());
        let id = bundle.id("c");
        let options = |args: &[&str]| {
            CreateOptions::new(bundle.path())
                .spec(bundle.spec(args))
                .stdio(Stdio::null().expect("/dev/null"))
        };
        let missing = runtime.run(&id, &options(&["no-such-program"])).unwrap_err();
        assert!(
            matches!(&missing, Error::Step(step) if step.origin() == "process.args[0]"),
            "{missing:?}"
        );
        assert!(matches!(runtime.create("a/b", &options(&["true"])), Err(Error::Id(_))));
        assert!(runtime.load(&id).unwrap_err().is_not_found());

        let (running, _output) = run(bundle, &id, &["sleep", "600"])?;
        assert!(matches!(runtime.create(&id, &options(&["true"])), Err(Error::Store(_))));
        assert!(matches!(running.container.start(), Err(Error::Status { .. })));
        assert!(matches!(running.container.delete(false), Err(Error::Status { .. })));
        let missing =
            running.container.exec(&ExecOptions::command(["no-such-program"])).unwrap_err();
        assert!(matches!(missing, Error::Step(_)), "{missing:?}");
        running.container.delete(true)?;
        Ok(())
    });
}

#[test]
fn a_deleted_container_ends_its_events() {
    with_bundle("events", |bundle| -> Outcome {
        let (running, _output) = run(bundle, &bundle.id("c"), &["sleep", "600"])?;
        // Without a memory controller the end is noticed at the next interval.
        let mut events = running.container.events(Duration::from_millis(50))?;
        let watcher = std::thread::spawn(move || {
            while events.wait()?.is_some() {}
            Ok::<(), Error>(())
        });
        running.container.delete(true)?;
        wait_until("the end of the events", || watcher.is_finished());
        watcher.join().expect("the watcher")?;
        Ok(())
    });
}
