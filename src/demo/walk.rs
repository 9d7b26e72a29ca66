//! The walk through a whole upgrade, twice, on three registries that run on loopback while it lasts.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::demo::{Belongings, DemoError, Generation, ImageSize, World};
use crate::event::Silent;
use crate::fault::Exit;
use crate::reference::RegistryHost;
use crate::registry::{Client, ClientOptions, Environment};
use crate::serve::{Running, ServeOptions, Server};

/// How to walk.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// An empty folder for registries, files and archives. Who gives it removes it, or keeps it.
    pub folder: PathBuf,
    /// How large the images are.
    pub size: ImageSize,
}

/// Whoever watches, and has the commands at hand.
pub trait Audience {
    /// A new part begins.
    fn heading(&mut self, text: &str);

    /// Something is explained: one paragraph, not wrapped.
    fn say(&mut self, text: &str);

    /// Shows a command line as a person in the folder would type it, and runs this program with these arguments (without its
    /// name). What is shown and what runs differ only in that file names are full.
    fn run(&mut self, shown: &str, arguments: &[OsString]) -> Exit;
}

/// Walks through it. An error means that the walk itself, or a command in it, did not end as it should.
pub fn run(options: &DemoOptions, audience: &mut dyn Audience) -> Result<(), DemoError> {
    let mut walk = Walk { place: Place::open(options)?, size: options.size, audience };
    walk.introduce()?;
    walk.first_upgrade()?;
    walk.second_upgrade()?;
    walk.damage()?;
    walk.end();
    Ok(())
}

/// The registries, and the folder with everything.
struct Place {
    folder: PathBuf,
    client: Client,
    source: Running,
    staging: Running,
    production: Running,
}

impl Place {
    fn open(options: &DemoOptions) -> Result<Self, DemoError> {
        let serve = |role: &'static str| {
            let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let mut options = ServeOptions::new(options.folder.join("registries").join(role), listen);
            // What is gone after a power cut is a demo.
            options.durable = false;
            Server::start(options).map_err(|source| DemoError::Serve { role, source })
        };
        let client = Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent))
            .map_err(|source| DemoError::Publish { image: "anything".to_owned(), source })?;
        Ok(Self {
            folder: options.folder.clone(),
            client,
            source: serve("source")?,
            staging: serve("staging")?,
            production: serve("production")?,
        })
    }

    fn write(&self, path: &str, text: &str) -> Result<(), DemoError> {
        let path = self.folder.join(path);
        let failed = |source| DemoError::File { path: path.clone(), source };
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::write(&path, text).map_err(failed)
    }
}

fn host(registry: &Running) -> Result<RegistryHost, DemoError> {
    Ok(registry.address().to_string().parse()?)
}

struct Walk<'a> {
    place: Place,
    size: ImageSize,
    audience: &'a mut dyn Audience,
}

impl Walk<'_> {
    fn introduce(&mut self) -> Result<(), DemoError> {
        let place = &self.place;
        let (source, staging, production) =
            (host(&place.source)?, host(&place.staging)?, host(&place.production)?);
        let prefix = Belongings::PREFIX.parse()?;
        let incumbent = World::incumbent(self.size)?;
        incumbent.push_under(&place.client, &production, &prefix)?;
        self.publish(Generation::First)?;
        self.audience.heading("A small world");
        self.audience.say(&format!(
            "Three registries run on this machine while the demo lasts. {source} plays registry.redhat.io on the connected side. \
             Behind the air gap, {staging} is the site's staging registry and {production} its production registry, from which \
             the cluster pulls. Nothing else is contacted."
        ));
        self.audience.say(
            "The cluster runs web-terminal 1.8.0 and devworkspace-operator 0.20.0. Production offers these, and \
             self-node-remediation, which nobody will ask for and which must survive. No account, no cluster and no network \
             are needed: operators and images are made up, and about as large as a minute allows.",
        );
        self.audience.say(&format!(
            "All files are in {}; the commands below are meant to be typed there.",
            self.place.folder.display()
        ));
        self.audience.heading("A key to sign with");
        self.audience.say(
            "Archives are signed outside and judged inside. The site trusts one public key, which site.yaml names.",
        );
        self.command("key generate --out @signer")
    }

    fn first_upgrade(&mut self) -> Result<(), DemoError> {
        self.audience.heading("Outside: what would travel");
        self.audience.say(
            "The request is an ImageSetConfiguration as oc-mirror takes it: web-terminal from 1.8.0 to 1.9.0. The plan starts at \
             what is installed, follows the upgrade graph and the dependencies, and says why each thing is in it. It is a file \
             that can be read and approved.",
        );
        self.command(
            "plan -c @first/imageset.yaml --site @site.yaml --cluster @first/csvs.json \
             --cluster @first/subscriptions.json --registries-conf @registries.conf -o @first/plan.json",
        )?;
        self.audience.heading("Outside: one signed file");
        self.audience.say(
            "Every blob is fetched once, hashed on the way, and written to its final place. The file gets its name when it is \
             complete and signed, and not before.",
        );
        self.command(
            "pack --plan @first/plan.json --site @site.yaml --key @signer.key --registries-conf @registries.conf -o @first.ombundle",
        )?;
        self.audience.heading("Inside: is it what was signed?");
        self.audience.say("The file crossed the gap. It is judged in one pass, without a network: signature, site, age, every byte.");
        self.command("verify @first.ombundle --site @site.yaml")?;
        self.audience.heading("Inside: stage, merge, promote");
        self.audience.say(
            "The import fills staging, reads the catalog that production serves now, merges what arrived into it, and promotes. \
             Production changes by one request at the end: before it the old catalog, after it the new one. Then the cluster \
             resources and a runbook are written.",
        );
        self.command(
            "import @first.ombundle --site @site.yaml --cluster @first/csvs.json --cluster @first/subscriptions.json \
             -o @first/out",
        )?;
        self.audience.say("Does everything that production offers resolve in production, by digest?");
        self.command("check --site @site.yaml")
    }

    fn second_upgrade(&mut self) -> Result<(), DemoError> {
        self.publish(Generation::Second)?;
        self.apply()?;
        self.audience.heading("Months later");
        self.audience.say(
            "The cluster runs web-terminal 1.9.0 now. Upstream has 1.11.0, and its index was cut: its oldest entry, 1.10.0, no \
             longer says that it replaces 1.9.0, so the index alone shows no way. The bundle itself still says it; the plan \
             finds that and carries it as evidence. The receipt of the last import tells the outside what the site has, so only \
             what is missing travels. What the first import emitted was applied since, so objects.yaml, the dump of mirror sets and \
             catalogs, has it: nothing in them changes but the catalog's digest, and no node is drained.",
        );
        self.command(
            "plan -c @second/imageset.yaml --site @site.yaml --report @first/out/receipt.json --cluster @second/csvs.json \
             --cluster @second/subscriptions.json --registries-conf @registries.conf -o @second/plan.json",
        )?;
        self.command(
            "pack --plan @second/plan.json --site @site.yaml --key @signer.key --registries-conf @registries.conf -o @second.ombundle",
        )?;
        self.command(
            "import @second.ombundle --site @site.yaml --cluster @second/csvs.json --cluster @second/subscriptions.json \
             --cluster @second/objects.yaml -o @second/out",
        )?;
        self.command("check --site @site.yaml")
    }

    fn damage(&mut self) -> Result<(), DemoError> {
        let damaged = self.place.folder.join("damaged.ombundle");
        let at = flip(&self.place.folder.join("second.ombundle"), &damaged)?;
        self.audience.heading("A byte goes wrong");
        self.audience.say(&format!(
            "damaged.ombundle is the same file with one bit changed, in byte {at}. It must be refused, the damaged entry named, \
             and nothing written anywhere."
        ));
        self.refused("verify @damaged.ombundle --site @site.yaml")?;
        self.refused("import @damaged.ombundle --site @site.yaml -o @damaged")
    }

    fn end(&mut self) {
        self.audience.heading("That was it");
        self.audience.say(&format!(
            "Two upgrades crossed a gap, and a damaged one did not. In {}, first/out and second/out hold what the imports left \
             behind: RUNBOOK.md, cluster resources, the way back, and the catalogs as text.",
            self.place.folder.display()
        ));
    }

    /// Upstream publishes a generation, and the user has the files that go with it.
    fn publish(&self, generation: Generation) -> Result<(), DemoError> {
        let place = &self.place;
        let (source, staging, production) =
            (host(&place.source)?, host(&place.staging)?, host(&place.production)?);
        let upstream = World::generation(generation, self.size)?;
        upstream.push(&place.client, &source)?;
        let files = Belongings::new(generation, &upstream, &source, &staging, &production);
        let name = match generation {
            Generation::First => "first",
            Generation::Second => "second",
        };
        place.write("site.yaml", &files.site)?;
        place.write("registries.conf", &files.registries_conf)?;
        place.write(&format!("{name}/imageset.yaml"), &files.imageset)?;
        place.write(&format!("{name}/csvs.json"), &files.csvs)?;
        place.write(&format!("{name}/subscriptions.json"), &files.subscriptions)
    }

    /// The cluster has what the first import emitted, and a dump of it shows that.
    fn apply(&self) -> Result<(), DemoError> {
        let emitted = self.place.folder.join("first/out/cluster");
        let failed = |source| DemoError::File { path: emitted.clone(), source };
        let entries: io::Result<Vec<_>> = fs::read_dir(&emitted).map_err(failed)?.collect();
        let mut files: Vec<PathBuf> = entries.map_err(failed)?.iter().map(fs::DirEntry::path).collect();
        files.sort();
        let mut objects = String::new();
        for path in files {
            objects += "---\n";
            objects += &fs::read_to_string(&path).map_err(|source| DemoError::File { path, source })?;
        }
        self.place.write("second/objects.yaml", &objects)
    }

    fn command(&mut self, line: &str) -> Result<(), DemoError> {
        self.expect(line, Exit::Done)
    }

    fn refused(&mut self, line: &str) -> Result<(), DemoError> {
        self.expect(line, Exit::Integrity)
    }

    /// Runs a command line. A word that begins with `@` is a file in the folder.
    fn expect(&mut self, line: &str, expected: Exit) -> Result<(), DemoError> {
        let shown = format!("ombundle {}", line.replace('@', ""));
        let arguments: Vec<OsString> = line
            .split_whitespace()
            .map(|word| match word.strip_prefix('@') {
                Some(file) => self.place.folder.join(file).into_os_string(),
                None => word.into(),
            })
            .collect();
        let found = self.audience.run(&shown, &arguments);
        if found == expected { Ok(()) } else { Err(DemoError::Step { command: shown, expected, found }) }
    }
}

/// Copies a file with one bit changed in the middle. Says where.
fn flip(from: &Path, to: &Path) -> Result<u64, DemoError> {
    use std::io::{Read, Seek, SeekFrom, Write};
    let failed = |source| DemoError::File { path: to.to_owned(), source };
    fs::copy(from, to).map_err(failed)?;
    let mut file = fs::OpenOptions::new().read(true).write(true).open(to).map_err(failed)?;
    let at = file.metadata().map_err(failed)?.len() / 2;
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).map_err(failed)?;
    file.read_exact(&mut byte).map_err(failed)?;
    file.seek(SeekFrom::Start(at)).map_err(failed)?;
    file.write_all(&[byte[0] ^ 1]).map_err(failed)?;
    Ok(at)
}
