//! `serve`: a registry over a folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::event::Events;
use crate::serve::{Access, BasicCredentials, ServeOptions, Server};

/// Serve a folder as an OCI registry
///
/// For trying things, and for sites that have none. `skopeo`, `podman` and `oc-mirror` push to it and pull from it. It speaks plain
/// HTTP: put a TLS proxy before it where others can reach it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle serve --storage /srv/registry\n  \
                  ombundle serve --storage staging --listen 127.0.0.1:5001\n  \
                  skopeo copy --dest-tls-verify=false oci:layout:v1 docker://127.0.0.1:5000/team/app:v1")]
pub(super) struct ServeCommand {
    /// The folder; made when it is not there
    #[arg(long, value_name = "DIR")]
    storage: PathBuf,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,

    /// A file with one line `user:password`: only who knows it is let in
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,

    /// Take an image index whose images are not all here
    #[arg(long)]
    sparse_indexes: bool,
}

pub(super) fn run(command: ServeCommand, context: &Context) -> Result<(), Failure> {
    let mut options = ServeOptions::new(command.storage, command.listen);
    options.sparse_indexes = command.sparse_indexes;
    if let Some(path) = &command.credentials {
        let bytes = crate::store::files::read_private(path, 4096)?;
        let text = String::from_utf8_lossy(&bytes);
        let (user, password) = text
            .trim_end()
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("`{}` is not a line `user:password`", path.display())))?;
        options.credentials = Some(BasicCredentials::new(user, password));
    }
    let console = Arc::clone(&context.console);
    options.on_request = Some(Arc::new(move |access: &Access<'_>| {
        console.detail(&format!("{} {} {}", access.status, access.method, access.path));
    }));
    let running = Server::start(options)?;
    context.console.say(&format!("listening on http://{}; Ctrl-C ends it", running.address()));
    while !context.console.interrupted() {
        std::thread::sleep(Duration::from_millis(100));
    }
    running.stop();
    Ok(())
}
