//! Upstream on a registry, a folder with what a user has, and the program run in it.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ombundle::demo::{Belongings, Generation, Image, ImageSize, World};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::reference::{ImageRef, RegistryHost};
use ombundle::registry::{Client, ClientOptions, Environment, Known, Target};
use serde_json::Value;

use crate::support::registry::DockerRegistry;

/// Longer than any command here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Layers that take several reads, and few enough bytes to hash in no time.
pub(super) const SIZE: ImageSize = ImageSize { base: 600 << 10, own: 80 << 10 };

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ran {
    /// Fails unless it ended so.
    pub(super) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Codes and subjects of the findings that it printed as JSON.
    pub(super) fn findings(&self) -> Vec<(String, String)> {
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{self:?}"));
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let findings = value["findings"].as_array().unwrap().iter();
        findings.map(|finding| (text(finding, "code"), text(finding, "subject"))).collect()
    }
}

/// Upstream on a registry, and a user's folder.
pub(super) struct Stage {
    pub(super) registry: DockerRegistry,
    pub(super) world: World,
    pub(super) folder: tempfile::TempDir,
    /// Where the user's records are.
    pub(super) state: tempfile::TempDir,
}

impl Stage {
    pub(super) fn new(generation: Generation) -> Self {
        Self::of(World::generation(generation, SIZE).unwrap(), generation)
    }

    pub(super) fn of(world: World, generation: Generation) -> Self {
        let registry = DockerRegistry::start();
        let folder = tempfile::tempdir().unwrap();
        let host = registry.host();
        world.push(&client(), &host).unwrap();
        let site = |port: &str| format!("nexus.example:{port}").parse().unwrap();
        let belongings = Belongings::new(generation, &world, &host, &site("5001"), &site("5000"));
        belongings.write(folder.path()).unwrap();
        let stage = Self { registry, world, folder, state: tempfile::tempdir().unwrap() };
        stage.run(&["key", "generate", "--out", "signer"]).ended(0);
        stage
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(super) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// Names in the folder.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// From now on upstream's names lead to this host.
    pub(super) fn source_is(&self, host: &str) {
        let host: RegistryHost = host.parse().unwrap();
        self.write("registries.conf", self.world.registries_conf(&host));
    }

    /// The program in the user's folder, with next to nothing of the environment.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ombundle"));
        command.args(arguments).current_dir(self.folder.path());
        self.plain(&mut command);
        command
    }

    /// Takes the environment away.
    pub(super) fn plain(&self, command: &mut Command) {
        command.env_clear().env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("CONTAINERS_REGISTRIES_CONF", self.path("registries.conf"));
        command.env("XDG_STATE_HOME", self.state.path());
        // Each test sees what is really asked for; those of the cache name one.
        command.env("OMBUNDLE_CACHE_DIR", "none");
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments))
    }

    /// Makes `plan.json` for what the demo's site runs.
    pub(super) fn plan(&self) -> Value {
        let installed =
            ["--installed", "web-terminal.v1.8.0", "--installed", "devworkspace-operator.v0.20.0"];
        let plan = [&["plan", "-c", "imageset.yaml", "-o", "plan.json"][..], &installed].concat();
        self.run(&plan).ended(0);
        self.json("plan.json")
    }

    /// Packs `plan.json`.
    pub(super) fn pack(&self, output: &str, more: &[&str]) -> Ran {
        self.run(&pack_line(output, more))
    }

    pub(super) fn verify(&self, archive: &str) -> Ran {
        self.run(&["verify", archive, "--trust-key", "signer.pub"])
    }

    /// Pushes an image under its repository path and a tag.
    pub(super) fn push(&self, image: &Image, name: &str) -> Digest {
        let name: ImageRef = name.parse().unwrap();
        let target = self.registry.repository(name.repository.repository.as_str());
        let client = client();
        for blob in &image.blobs {
            let mut open = || Ok(Box::new(blob.bytes.as_slice()) as Box<dyn Read>);
            let size = blob.bytes.len() as u64;
            client.push_blob(&target, blob.digest, size, Known::Nothing, &mut open, &|_| {}).unwrap();
        }
        let tag = Target::of(&name).unwrap();
        client.push_manifest(&target, &tag, &image.manifest).unwrap();
        image.digest()
    }
}

/// Arguments that pack `plan.json`.
pub(super) fn pack_line<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["pack", "--plan", "plan.json", "--key", "signer.key", "-o", output][..], more].concat()
}

pub(super) fn client() -> Client {
    Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap()
}

/// Runs a command to its end, which must come.
pub(super) fn run(command: Command) -> Ran {
    Running::start(command).end()
}

/// A command under way. It ends when it is dropped.
pub(super) struct Running {
    pub(super) child: Child,
    streams: Vec<std::thread::JoinHandle<Vec<u8>>>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let read = |mut stream: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stream.read_to_end(&mut bytes);
                bytes
            })
        };
        Self { child, streams: streams.into_iter().map(read).collect() }
    }

    /// Sends a signal by its name.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(super) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// A value in a file of its folder in /proc.
    pub(super) fn proc(&self, file: &str, key: &str) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    }

    pub(super) fn end(mut self) -> Ran {
        let end = Instant::now() + PATIENCE;
        while !self.is_over() {
            assert!(Instant::now() < end, "the command does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let code = self.child.wait().unwrap().code();
        let mut texts = self
            .streams
            .drain(..)
            .map(|stream| String::from_utf8_lossy(&stream.join().unwrap()).into_owned());
        Ran { code, stdout: texts.next().unwrap(), stderr: texts.next().unwrap() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
