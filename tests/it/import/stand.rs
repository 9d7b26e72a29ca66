//! Three registries, a folder with a user's files, and the binary: what every test of the whole way starts from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ombundle::demo::{Belongings, Generation, ImageSize, World};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::reference::{ImageRef, RegistryHost, RepositoryRef};
use ombundle::registry::{Client, ClientOptions, Environment, Target};

use crate::support::registry::{DockerRegistry, Options, PASSWORD, USER, auth_file};
use crate::support::token::TokenServer;

/// No command of these tests takes near so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// Files of a folder with size and time of change.
pub(crate) type Listing = BTreeMap<PathBuf, (u64, SystemTime)>;

/// The registries and the folder.
pub(crate) struct Stand {
    pub(crate) source: DockerRegistry,
    pub(crate) staging: DockerRegistry,
    pub(crate) production: DockerRegistry,
    /// Flags by which the binary gets in.
    access: Vec<String>,
    client: Client,
    folder: tempfile::TempDir,
    pub(crate) tokens: Option<TokenServer>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// The result as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Stand {
    /// Plain HTTP on loopback, open to everybody.
    pub(crate) fn plain() -> Self {
        Self::with(&Options::default(), None)
    }

    /// TLS by authorities of their own, and a password.
    pub(crate) fn secured() -> Self {
        Self::with(&Options { tls: true, htpasswd: true, ..Options::default() }, None)
    }

    /// Tokens of a token server.
    pub(crate) fn with_tokens() -> Self {
        let tokens = TokenServer::start();
        Self::with(&Options::tokens_of(&tokens), Some(tokens))
    }

    fn with(options: &Options, tokens: Option<TokenServer>) -> Self {
        let registries: Vec<_> = (0..3).map(|_| DockerRegistry::start_with(options)).collect();
        let Ok([source, staging, production]) = <[DockerRegistry; 3]>::try_from(registries) else { panic!() };
        let folder = tempfile::tempdir().unwrap();
        let (mut access, mut client) = (Vec::new(), ClientOptions::default());
        if options.htpasswd || tokens.is_some() {
            let hosts = [&source, &staging, &production].map(|registry| registry.host().to_string());
            let entries = hosts.each_ref().map(|host| (host.as_str(), USER, PASSWORD));
            let file = auth_file(folder.path(), &entries);
            access.extend(["--authfile".to_owned(), file.to_str().unwrap().to_owned()]);
            client.authfile = Some(file);
        }
        if options.tls {
            for registry in [&source, &staging, &production] {
                let ca = registry.ca_pem_path();
                access.extend(["--ca-file".to_owned(), ca.to_str().unwrap().to_owned()]);
                client.ca_files.push(ca);
            }
        }
        let client = Client::new(client, &Environment::default(), Arc::new(Silent)).unwrap();
        Self { source, staging, production, access, client, folder, tokens }
    }

    /// A file of the user.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Changes a text in a file; it must be there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{name} has no `{from}`");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// Asks the registries as the binary would.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The binary with these words; one that begins with `@` is a file of the user.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ombundle"));
        self.furnish(&mut command, line);
        command
    }

    /// The binary below strace, which does to it what `inject` says.
    pub(crate) fn traced(&self, inject: &str, line: &str) -> Command {
        let mut command = Command::new("strace");
        let calls = inject.split(':').next().unwrap_or_default();
        command.args(["-f", "-qqq", "-o"]).arg(self.path("strace.log"));
        command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={inject}")]);
        command.arg(env!("CARGO_BIN_EXE_ombundle"));
        self.furnish(&mut command, line);
        command
    }

    /// The binary on one processor below strace, which does `inject` to its calls on one file of the user and writes each of them to
    /// `strace.log`. Counting is by thread, so there is one.
    pub(crate) fn traced_at(&self, file: &str, inject: &str, line: &str) -> Command {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
        let first = allowed.split([',', '-']).next().unwrap();
        let mut command = Command::new("taskset");
        command.args(["-c", first, "strace", "-f", "-qqq", "-o"]).arg(self.path("strace.log"));
        command.arg("-P").arg(self.path(file));
        command.args(["-e", "trace=pread64", "-e", &format!("inject=pread64:{inject}")]);
        command.arg(env!("CARGO_BIN_EXE_ombundle"));
        self.furnish(&mut command, line);
        command
    }

    fn furnish(&self, command: &mut Command, line: &str) {
        let mut words: Vec<String> = line
            .split_whitespace()
            .map(|word| match word.strip_prefix('@') {
                Some(file) => self.path(file).to_str().unwrap().to_owned(),
                None => word.to_owned(),
            })
            .collect();
        if ["plan", "pack", "verify", "import", "check", "site", "rollback", "vacuum", "doctor"]
            .contains(&words[0].as_str())
        {
            words.extend(self.access.iter().cloned());
        }
        if ["plan", "pack"].contains(&words[0].as_str()) {
            words.push("--registries-conf".to_owned());
            words.push(self.path("registries.conf").to_str().unwrap().to_owned());
        }
        command.args(words).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).current_dir(self.folder.path());
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, line: &str) -> Ended {
        finish(self.command(line))
    }

    /// The same, and it must succeed.
    pub(crate) fn ok(&self, line: &str) -> Ended {
        self.expect(line, 0)
    }

    /// The same, with the exit code that it must end with.
    pub(crate) fn expect(&self, line: &str, code: i32) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, Some(code), "{line}\n{}{}", ended.stdout, ended.stderr);
        ended
    }

    /// Production serves the operators that run, and the user has a key.
    pub(crate) fn incumbent(&self) {
        let world = World::incumbent(ImageSize::SMALL).unwrap();
        let prefix = Belongings::PREFIX.parse().unwrap();
        world.push_under(&self.client, &self.production.host(), &prefix).unwrap();
        self.ok("key generate --out @signer");
    }

    /// Upstream publishes a generation, and the user has the files that go with it: `first/…` or `second/…`.
    pub(crate) fn publish(&self, generation: Generation) {
        let world = World::generation(generation, ImageSize::SMALL).unwrap();
        world.push(&self.client, &self.source.host()).unwrap();
        let (source, staging, production) = (self.source.host(), self.staging.host(), self.production.host());
        let files = Belongings::new(generation, &world, &source, &staging, &production);
        let folder = match generation {
            Generation::First => "first",
            Generation::Second => "second",
        };
        self.write("site.yaml", &files.site);
        self.write("registries.conf", &files.registries_conf);
        self.write(&format!("{folder}/imageset.yaml"), &files.imageset);
        self.write(&format!("{folder}/csvs.json"), &files.csvs);
        self.write(&format!("{folder}/subscriptions.json"), &files.subscriptions);
    }

    /// A site that serves the incumbent world, and `first.ombundle` for it.
    pub(crate) fn first(&self) {
        self.incumbent();
        self.publish(Generation::First);
        self.pack("first", "");
    }

    /// Packs another archive with the number of the first, as another host does where nobody knows that it is taken.
    pub(crate) fn twin(&self) {
        let first = self.text("first/imageset.yaml");
        let twin = first.replace("  additionalImages:", "  blockedImages: []\n  additionalImages:");
        self.write("twin/imageset.yaml", &twin);
        for file in ["csvs.json", "subscriptions.json"] {
            self.write(&format!("twin/{file}"), &self.text(&format!("first/{file}")));
        }
        std::fs::remove_dir_all(self.path(".local")).unwrap();
        self.pack("twin", "--sequence 1");
    }

    /// `NAME/plan.json` and `NAME.ombundle` of `NAME/imageset.yaml`.
    pub(crate) fn pack(&self, name: &str, more: &str) {
        self.ok(&format!(
            "plan -c @{name}/imageset.yaml --site @site.yaml --cluster @{name}/csvs.json \
             --cluster @{name}/subscriptions.json -o @{name}/plan.json {more}"
        ));
        self.ok(&format!("pack --plan @{name}/plan.json --key @signer.key -o @{name}.ombundle"));
    }

    /// The line that imports `NAME.ombundle` and writes `NAME/out`.
    pub(crate) fn import_line(name: &str) -> String {
        format!(
            "import @{name}.ombundle --site @site.yaml --cluster @{name}/csvs.json --cluster @{name}/subscriptions.json \
             -o @{name}/out"
        )
    }

    /// The site's catalog in production, by its tag.
    pub(crate) fn catalog(&self) -> ImageRef {
        let path = World::CATALOG.split_once('/').unwrap().1;
        format!("{}/{}/{path}", self.production.host(), Belongings::PREFIX).parse().unwrap()
    }

    /// What a tag of production points to.
    pub(crate) fn digest_of(&self, image: &ImageRef) -> Option<Digest> {
        let target = Target::Tag(image.tag.clone().unwrap());
        self.client.manifest(&image.repository, &target).unwrap().map(|manifest| manifest.digest())
    }

    /// What production's catalog is.
    pub(crate) fn served(&self) -> Option<Digest> {
        self.digest_of(&self.catalog())
    }

    /// A repository of upstream where the site has it in a registry.
    pub(crate) fn at(host: &RegistryHost, source: &RepositoryRef) -> RepositoryRef {
        let prefix = Belongings::PREFIX.parse().unwrap();
        RepositoryRef { host: host.clone(), repository: source.repository.under(&prefix).unwrap() }
    }

    /// What both registries of the site hold, as files.
    pub(crate) fn holdings(&self) -> [Listing; 2] {
        [listing(self.staging.storage()), listing(self.production.storage())]
    }
}

/// A listing without uploads that were opened and given up: of these docker-registry 2.8 keeps a file for the sums.
pub(crate) fn kept(holdings: &Listing) -> Listing {
    let upload = |path: &Path| path.components().any(|part| part.as_os_str() == "_uploads");
    holdings.iter().filter(|(path, _)| !upload(path)).map(|(path, facts)| (path.clone(), *facts)).collect()
}

/// Runs a command to its end, and ends it when it takes too long.
pub(crate) fn finish(mut command: Command) -> Ended {
    let shown = format!("{command:?}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let (over, waiting) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let late = waiting.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
        if late {
            let _ = Command::new("kill").args(["-9", &id]).status();
        }
        late
    });
    let output = child.wait_with_output().unwrap();
    drop(over);
    assert!(!watch.join().unwrap(), "{shown} did not end");
    output.into()
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The files below a folder.
pub(crate) fn listing(folder: &Path) -> Listing {
    let mut found = Listing::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path(), (metadata.len(), metadata.modified().unwrap()));
            }
        }
    }
    found
}

/// The files below a folder with their bytes, by relative path.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    listing(folder).keys().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// Keeps the content of folders.
pub(crate) fn save(folders: &[PathBuf], at: &Path) {
    for (index, folder) in folders.iter().enumerate() {
        copy(folder, &at.join(index.to_string()));
    }
}

/// Gives folders the content that was kept. A registry keeps nothing in memory, so it may run on meanwhile.
pub(crate) fn restore(folders: &[PathBuf], from: &Path) {
    for (index, folder) in folders.iter().enumerate() {
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
        copy(&from.join(index.to_string()), folder);
    }
}

fn copy(from: &Path, to: &Path) {
    if !from.exists() {
        return;
    }
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "{} to {}", from.display(), to.display());
}

/// A site that imported both generations.
pub(crate) fn two_generations() -> Stand {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    stand.ok(&Stand::import_line("second"));
    stand
}
